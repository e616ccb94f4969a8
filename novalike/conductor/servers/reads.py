"""Answers to the API's questions about servers."""

import datetime
from typing import Any

from novalike.bus.servers import ServerQuery
from novalike.conductor.cells import Cells, follows_moves
from novalike.conductor.hosts import HostStatus
from novalike.conductor.servers import listing
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import ServerOperations
from novalike.objects.server import Server, ServerName


def owner_of(
    connection: Any, ctx: RequestContext, server_id: str, *, deleted: bool = False
) -> tuple[str, str]:
    """Return project and user of a server that the caller may see.

    :param deleted: of a deleted one as well.
    :raises InstanceNotFound: no such server, or not visible.
    """
    owner = servers_db.owner(connection, server_id, deleted=deleted)
    if owner is None or not (ctx.is_admin or owner[0] == ctx.project_id):
        raise errors.InstanceNotFound(instance_id=server_id)
    return owner


class ServerReadsHandler:
    """Serves ``bus.servers.ServerReads``."""

    def __init__(self, cells: Cells, host_status: HostStatus) -> None:
        self._cells = cells
        self._host_status = host_status

    def list_servers(self, ctx: RequestContext, *, query: ServerQuery) -> tuple[ServerName, ...]:
        found = listing.names(self._cells, query, any_marker=bool(ctx.is_admin))
        return tuple(ServerName(uuid=server.uuid, name=server.name) for server in found)

    def list_servers_detail(
        self, ctx: RequestContext, *, query: ServerQuery, with_user_data: bool = False
    ) -> tuple[Server, ...]:
        found = listing.details(
            self._cells, query, any_marker=bool(ctx.is_admin), with_user_data=with_user_data
        )
        self._host_status.note(found)
        return tuple(found)

    @follows_moves
    def get_server(self, ctx: RequestContext, *, server_id: str, deleted: bool = False) -> Server:
        cell = self._cells.of_instance(server_id)
        server = cell.database.query(lambda c: servers_db.shown(c, server_id, deleted=deleted))
        if server is None or not (ctx.is_admin or server.project_id == ctx.project_id):
            raise errors.InstanceNotFound(instance_id=server_id)
        self._host_status.note([server])
        return server

    @follows_moves
    def list_operations(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        limit: int | None = None,
        marker: str | None = None,
        changes_since: datetime.datetime | None = None,
        changes_before: datetime.datetime | None = None,
        deleted: bool = False,
    ) -> ServerOperations:
        with self._cells.of_instance(server_id).database.read() as connection:
            project_id, user_id = owner_of(connection, ctx, server_id, deleted=deleted)
            before_id = None
            if marker is not None:
                before_id = operations_db.id_of_request(connection, server_id, marker)
                if before_id is None:
                    raise errors.MarkerNotFound(f"Marker {marker} could not be found.", marker=marker)
            found = operations_db.of_server(
                connection,
                server_id,
                limit=limit,
                before_id=before_id,
                changes_since=changes_since,
                changes_before=changes_before,
            )
        return ServerOperations(project_id=project_id, user_id=user_id, operations=tuple(found))

    @follows_moves
    def get_operation(
        self, ctx: RequestContext, *, server_id: str, request_id: str, deleted: bool = False
    ) -> ServerOperations:
        with self._cells.of_instance(server_id).database.read() as connection:
            project_id, user_id = owner_of(connection, ctx, server_id, deleted=deleted)
            found = operations_db.by_request(connection, server_id, request_id)
        operations = () if found is None else (found,)
        return ServerOperations(project_id=project_id, user_id=user_id, operations=operations)
