"""Flavors: answers and changes."""


from novalike.bus.flavors import FlavorQuery
from novalike.conductor.cells import Cells
from novalike.db import handled_requests
from novalike.db.api import flavors as flavors_db
from novalike.db.engine import Connection
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.flavor import Flavor
from novalike.objects.pattern import PatternError, TooSlow


def _viewer(ctx: RequestContext) -> str | None:
    """The project whose flavors a caller is confined to."""
    return None if ctx.is_admin else ctx.project_id or ""


class FlavorReadsHandler:
    """Serves ``bus.flavors.FlavorReads``."""

    def __init__(self, cells: Cells) -> None:
        self._api = cells.api

    def list_flavors(self, ctx: RequestContext, *, query: FlavorQuery) -> tuple[Flavor, ...]:
        try:
            return self._api.query(lambda c: tuple(flavors_db.search(c, query, ctx.project_id, _viewer(ctx))))
        except PatternError as error:
            raise errors.Invalid(f"Invalid name filter [{query.name}]: it is refused: {error}") from None
        except TooSlow:
            raise errors.Invalid(f"Too many flavors to match the name filter [{query.name}] with.") from None

    def get_flavor(self, ctx: RequestContext, *, flavor_id: str) -> Flavor:
        flavor = self._api.query(lambda c: flavors_db.get(c, flavor_id, project_id=_viewer(ctx)))
        if flavor is None:
            raise errors.FlavorNotFound(flavor_id=flavor_id)
        return flavor

    def list_access(self, ctx: RequestContext, *, flavor_id: str) -> tuple[str, ...]:
        def read(connection: Connection) -> tuple[str, ...]:
            row = flavors_db.find(connection, flavor_id, _viewer(ctx))
            if row.is_public:
                raise errors.NotFound("Access list not available for public flavors.")
            return flavors_db.projects(connection, row.id)

        return self._api.query(read)


class FlavorCommandsHandler:
    """Serves ``bus.flavors.FlavorCommands``."""

    def __init__(self, cells: Cells) -> None:
        self._api = cells.api

    def create_flavor(self, ctx: RequestContext, *, flavor: Flavor) -> Flavor:
        return self._api.write(lambda c: flavors_db.insert(c, flavor))

    def describe_flavor(self, ctx: RequestContext, *, flavor_id: str, description: str | None) -> Flavor:
        now = self._api.utcnow()

        def write(connection: Connection) -> Flavor:
            if handled_requests.is_new(connection, ctx.request_id, f"describe_flavor {flavor_id}", now):
                flavors_db.describe(connection, flavor_id, description)
            flavor = flavors_db.get(connection, flavor_id)
            if flavor is None:
                raise errors.FlavorNotFound(flavor_id=flavor_id)
            return flavor

        return self._api.write(write)

    def delete_flavor(self, ctx: RequestContext, *, flavor_id: str) -> None:
        if not self._api.write(lambda c: flavors_db.delete(c, flavor_id)):
            raise errors.FlavorNotFound(flavor_id=flavor_id)

    def set_extra_specs(self, ctx: RequestContext, *, flavor_id: str, specs: dict[str, str]) -> None:
        now = self._api.utcnow()

        def write(connection: Connection) -> None:
            row = flavors_db.find(connection, flavor_id, lock=True)
            if not handled_requests.is_new(connection, ctx.request_id, f"set_extra_specs {flavor_id}", now):
                return
            flavors_db.set_extra_specs(connection, row.id, specs)

        self._api.write(write)

    def delete_extra_spec(self, ctx: RequestContext, *, flavor_id: str, key: str) -> None:
        def write(connection: Connection) -> None:
            row = flavors_db.find(connection, flavor_id)
            if not flavors_db.delete_extra_spec(connection, row.id, key):
                raise errors.FlavorExtraSpecNotFound(flavor_id=flavor_id, key=key)

        self._api.write(write)

    def add_access(
        self, ctx: RequestContext, *, flavor_id: str, project_id: str, refuse_public: bool
    ) -> tuple[str, ...]:
        def write(connection: Connection) -> tuple[str, ...]:
            row = flavors_db.find(connection, flavor_id, lock=True)
            if row.is_public and refuse_public:
                raise errors.Conflict("Can not add access to a public flavor.")
            if not flavors_db.add_project(connection, row.id, project_id):
                raise errors.FlavorAccessExists(flavor_id=flavor_id, project_id=project_id)
            return flavors_db.projects(connection, row.id)

        return self._api.write(write)

    def remove_access(self, ctx: RequestContext, *, flavor_id: str, project_id: str) -> tuple[str, ...]:
        def write(connection: Connection) -> tuple[str, ...]:
            row = flavors_db.find(connection, flavor_id)
            if not flavors_db.remove_project(connection, row.id, project_id):
                raise errors.FlavorAccessNotFound(flavor_id=flavor_id, project_id=project_id)
            return flavors_db.projects(connection, row.id)

        return self._api.write(write)
