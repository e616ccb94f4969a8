"""What the conductor offers about flavors."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.flavor import Flavor
from novalike.objects.record import Record


class FlavorQuery(Record, frozen=True):
    """Which flavors, in what order, how many.

    A caller who is no administrator gets those that the own project may use, whatever else is asked.

    :param is_public: public (and the own project's) or private ones only; None is all.
    :param min_ram: MiB.
    :param min_disk: GiB.
    :param name: a regular expression.
    :param sort_key: a name of ``novalike.api.schemas.flavors.SORT_KEYS``.
    """

    limit: int
    marker: str | None = None
    is_public: bool | None = True
    include_disabled: bool = True
    min_ram: int | None = None
    min_disk: int | None = None
    name: str | None = None
    sort_key: str = "flavorid"
    descending: bool = False
    with_extra_specs: bool = False


class FlavorReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def list_flavors(self, ctx: RequestContext, *, query: FlavorQuery) -> tuple[Flavor, ...]:
        """Flavors in order; with their extra specs when asked to.

        :raises MarkerNotFound: no such marker, or not visible.
        :raises Invalid: ``name`` is no regular expression.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def get_flavor(self, ctx: RequestContext, *, flavor_id: str) -> Flavor:
        """A flavor that the caller may use, with its extra specs.

        :raises FlavorNotFound: none such, or not visible.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def list_access(self, ctx: RequestContext, *, flavor_id: str) -> tuple[str, ...]:
        """The projects that may use a private flavor.

        :raises FlavorNotFound: none such.
        :raises NotFound: it is public.
        """
        raise NotImplementedError


class FlavorCommands(Interface):
    topic = "novalike-conductor"

    @call()
    def create_flavor(self, ctx: RequestContext, *, flavor: Flavor) -> Flavor:
        """Record a flavor.

        :raises FlavorIdExists: one has this id.
        :raises FlavorExists: one has this name.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def describe_flavor(self, ctx: RequestContext, *, flavor_id: str, description: str | None) -> Flavor:
        """Change a flavor's description.

        :raises FlavorNotFound: none such.
        """
        raise NotImplementedError

    @call()
    def delete_flavor(self, ctx: RequestContext, *, flavor_id: str) -> None:
        """Delete a flavor. Servers of it keep what they were made with.

        :raises FlavorNotFound: none such.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def set_extra_specs(self, ctx: RequestContext, *, flavor_id: str, specs: dict[str, str]) -> None:
        """Add extra specs, or change them.

        :raises FlavorNotFound: no such flavor.
        """
        raise NotImplementedError

    @call()
    def delete_extra_spec(self, ctx: RequestContext, *, flavor_id: str, key: str) -> None:
        """Remove an extra spec.

        :raises FlavorNotFound: no such flavor.
        :raises FlavorExtraSpecNotFound: it has no such extra spec.
        """
        raise NotImplementedError

    @call()
    def add_access(
        self, ctx: RequestContext, *, flavor_id: str, project_id: str, refuse_public: bool
    ) -> tuple[str, ...]:
        """Let a project use a flavor. Gives all that may.

        :raises FlavorNotFound: no such flavor.
        :raises Conflict: it is public, and ``refuse_public``.
        :raises FlavorAccessExists: the project may already.
        """
        raise NotImplementedError

    @call()
    def remove_access(self, ctx: RequestContext, *, flavor_id: str, project_id: str) -> tuple[str, ...]:
        """Let a project use a flavor no longer. Gives all that still may.

        :raises FlavorNotFound: no such flavor.
        :raises FlavorAccessNotFound: the project was not let before.
        """
        raise NotImplementedError
