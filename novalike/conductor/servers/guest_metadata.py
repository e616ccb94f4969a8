"""What the metadata service asks and tells the conductor about a guest."""

from typing import Any

import msgspec

from novalike.conductor.cells import Cells
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.server import Server, ServerSpec

_PIECE = 255
_PIECES = 4


class MetadataReadsHandler:
    """Serves ``bus.metadata.MetadataReads``."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def get_spec(self, ctx: RequestContext, *, server_id: str, project_id: str) -> ServerSpec:
        cell = self._cells.of_instance(server_id)
        spec = cell.database.query(lambda c: servers_db.specs(c, [server_id])).get(server_id)
        if spec is None or spec.server.project_id != project_id or spec.server.deleted_at is not None:
            raise errors.InstanceNotFound(instance_id=server_id)
        # The password was for the config drive only.
        return msgspec.structs.replace(spec, admin_password=None)


class MetadataCommandsHandler:
    """Serves ``bus.metadata.MetadataCommands``."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def set_password(self, ctx: RequestContext, *, server_id: str, project_id: str, password: str) -> None:
        if len(password) > _PIECE * _PIECES:
            raise errors.Invalid("Request is too large.")
        cell = self._cells.of_instance(server_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> None:
            server = servers_db.get(connection, server_id, project_id=project_id, lock=True)
            if server is None:
                raise errors.InstanceNotFound(instance_id=server_id)
            if _has_password(server):
                raise errors.Conflict("The password is set already.")
            pieces = {
                f"password_{n}": password[n * _PIECE : (n + 1) * _PIECE] for n in range(_PIECES)
            }
            servers_db.update(
                connection, server_id, system_metadata={**server.system_metadata, **pieces}, updated_at=now
            )

        cell.database.write(write)


def _has_password(server: Server) -> bool:
    return any(value for key, value in server.system_metadata.items() if key.startswith("password_"))
