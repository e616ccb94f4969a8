"""What the compute daemon offers. Its endpoint is the process; ``host`` says which of its hosts is meant."""

from novalike.bus.interface import Interface, call, cast
from novalike.objects.context import RequestContext
from novalike.objects.network import VersionedVifs
from novalike.objects.record import Record

NETWORK_CHANGED = "network-changed"


class ExternalEvent(Record, frozen=True):
    """Something that Neutron or Cinder says has happened to a server.

    :param vifs: with ``network-changed``, the server's interfaces as they are recorded, for whoever refreshes them. An
        older compute process doesn't know it, and does without.
    """

    name: str
    instance_uuid: str
    status: str = "completed"
    tag: str | None = None
    vifs: VersionedVifs | None = None


class ConsoleAccess(Record, frozen=True):
    """Where a guest's console listens, and the URL of the page that shows it (without a token)."""

    host: str
    port: int
    internal_access_path: str | None = None
    access_url_base: str | None = None


class Compute(Interface):
    topic = "novalike-compute"

    @cast
    def run(self, ctx: RequestContext, *, host: str, operation_ids: tuple[str, ...]) -> None:
        """There are operations for this host: take them up (``Journal.accept``)."""

    @cast
    def external_events(
        self, ctx: RequestContext, *, host: str, events: tuple[ExternalEvent, ...]
    ) -> None:
        """Wake whoever waits for these events, and refresh what they say has changed."""

    @call(timeout=30, repeatable=True)
    def console_output(
        self, ctx: RequestContext, *, host: str, instance_uuid: str, instance_name: str, length: int | None
    ) -> str:
        """The last ``length`` lines (None: all that is kept) of a guest's console log.

        :raises InstanceNotReady: there is no guest.
        :raises NotSupported: the hypervisor keeps no log.
        """
        raise NotImplementedError

    @call(timeout=30, repeatable=True)
    def console_access(
        self, ctx: RequestContext, *, host: str, instance_uuid: str, instance_name: str, console_type: str
    ) -> ConsoleAccess:
        """Where the guest's console of this type listens.

        :raises ConsoleTypeUnavailable: this hypervisor or this guest has none of that type.
        :raises InstanceNotReady: there is no guest.
        """
        raise NotImplementedError

    @call(timeout=5, repeatable=True)
    def ping(self, ctx: RequestContext) -> str:
        """The incarnation that answered."""
        raise NotImplementedError
