"""What the API changes about servers."""

import uuid
from typing import Any

from oslo_config import cfg

from novalike.bus.compute import ExternalEvent
from novalike.bus.transport import Transport
from novalike.conductor import quota_check
from novalike.conductor.cells import Cell, Cells, follows_moves
from novalike.conductor.hosts import HostStatus
from novalike.conductor.operations.legs import ConductorLegs
from novalike.conductor.operations.start import OperationStarter
from novalike.conductor.servers import creation, external_events
from novalike.conductor.servers.requested_destination import Destinations
from novalike.db import handled_requests
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.lifecycle import VmState
from novalike.objects.operations.action import Direction
from novalike.objects.operations.create import CREATE, PLACE
from novalike.objects.server import CreatedServers, Server, ServerRequest

MAX_TAGS = 50

_UPDATABLE = {
    "name", "hostname", "description", "access_ip_v4", "access_ip_v6", "auto_disk_config", "pinned_availability_zone",
}  # fmt: skip


class ServerCommandsHandler:
    """Serves ``bus.servers.ServerCommands``."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        cells: Cells,
        transport: Transport,
        starter: OperationStarter,
        legs: ConductorLegs,
        host_status: HostStatus,
        destinations: Destinations,
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._transport = transport
        self._starter = starter
        self._legs = legs
        self._host_status = host_status
        self._destinations = destinations

    def create_servers(self, ctx: RequestContext, *, request: ServerRequest) -> CreatedServers:
        self._destinations.check(request)
        cell, server_ids, operation_ids = creation.record(self._conf, self._cells, ctx, request, self._legs.holder)
        if operation_ids:
            self._legs.submit(ctx, cell, CREATE.name, PLACE.name, Direction.ON, operation_ids)
        return CreatedServers(
            reservation_id=request.reservation_id or f"r-{uuid.uuid4().hex[:8]}", server_ids=tuple(server_ids)
        )

    @follows_moves
    def start_operation(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        action: str,
        workflow: str,
        params: dict[str, Any] = {},  # noqa: B006
        override_lock: bool = False,
    ) -> str:
        return self._starter.start(
            ctx, server_id, action, workflow, lambda _server: params, override_lock=override_lock
        )

    @staticmethod
    def _get_locked(connection: Any, ctx: RequestContext, server_id: str) -> Server:
        """
        :raises InstanceNotFound: no such server, or not visible.
        """
        project_id = None if ctx.is_admin else ctx.project_id
        server = servers_db.get(connection, server_id, project_id=project_id, lock=True)
        if server is None:
            raise errors.InstanceNotFound(instance_id=server_id)
        return server

    @follows_moves
    def update_server(self, ctx: RequestContext, *, server_id: str, changes: dict[str, Any]) -> Server:
        unknown = changes.keys() - _UPDATABLE
        if unknown:
            raise errors.Invalid(f"These can't be changed: {', '.join(sorted(unknown))}")
        cell = self._cells.of_instance(server_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> None:
            server = self._get_locked(connection, ctx, server_id)
            if not handled_requests.is_new(connection, ctx.request_id, f"update_server {server_id}", now):
                return
            if "pinned_availability_zone" in changes:
                _check_pinning(server, changes["pinned_availability_zone"])
            if changes:
                servers_db.update(connection, server_id, updated_at=now, **changes)

        cell.database.write(write)
        return self._read_back(cell, server_id)

    def _read_back(self, cell: Cell, server_id: str) -> Server:
        server = cell.database.query(lambda c: servers_db.shown(c, server_id))
        if server is None:
            raise errors.InstanceNotFound(instance_id=server_id)
        self._host_status.note([server])
        return server

    @follows_moves
    def update_metadata(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        metadata: dict[str, str],
        replace: bool,
        remove: tuple[str, ...] = (),
        override_lock: bool = False,
    ) -> dict[str, str]:
        cell = self._cells.of_instance(server_id)
        with self._cells.api.read() as connection:
            limit = quota_check.effective_limits(connection, self._conf, ctx.owner()[0])["metadata_items"]
        verb = "delete metadata" if remove else "update metadata"
        now = cell.database.utcnow()

        def write(connection: Any) -> dict[str, str]:
            server = self._get_locked(connection, ctx, server_id)
            if any(key not in server.metadata for key in remove):
                raise errors.MetadataKeyNotFound()
            if server.locked_by and not override_lock:
                raise errors.InstanceIsLocked(instance_id=server_id)
            _check_metadata_state(server, verb)
            kept = {} if replace else {k: v for k, v in server.metadata.items() if k not in remove}
            result = {**kept, **metadata}
            if 0 <= limit < len(result):
                raise errors.OverQuota(f"Maximum number of metadata items exceeds {limit}")
            servers_db.update(connection, server_id, metadata=result, updated_at=now)
            return result

        return cell.database.write(write)

    @follows_moves
    def update_tags(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        replace: tuple[str, ...] | None = None,
    ) -> tuple[str, ...]:
        cell = self._cells.of_instance(server_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> tuple[str, ...]:
            server = self._get_locked(connection, ctx, server_id)
            _check_tags_state(server, _verb_of(remove, replace))
            present = set(servers_db.tags_of(connection, [server_id]).get(server_id, ()))
            for tag in remove:
                if tag not in present:
                    raise errors.TagNotFound(f"Instance {server_id} has no tag '{tag}'")
            result = set(replace) if replace is not None else (present - set(remove)) | set(add)
            if len(result) > MAX_TAGS:
                raise errors.Invalid(f"The number of tags exceeded the per-server limit {MAX_TAGS}")
            gone = present - result
            if gone:
                servers_db.delete_tags(connection, server_id, gone)
            servers_db.insert_tags(connection, [server_id], sorted(result - present))
            if result != present:
                servers_db.update(connection, server_id, updated_at=now)
            return tuple(sorted(result))

        return cell.database.write(write)

    def external_events(self, ctx: RequestContext, *, events: tuple[ExternalEvent, ...]) -> tuple[int, ...]:
        return external_events.deliver(self._cells, self._transport, ctx, events)


def _check_pinning(server: Server, zone: str | None) -> None:
    """
    :raises Conflict: a server is pinned to the zone it is in, or to none.
    """
    if zone is None:
        return
    if server.pinned_availability_zone is not None and zone != server.pinned_availability_zone:
        raise errors.Conflict(
            "Cannot change pinned availability zone directly. Unpin first by setting pinned_availability_zone to null."
        )
    if server.pinned_availability_zone is None and zone != server.availability_zone:
        raise errors.Conflict(
            f"Server can only be pinned to its current availability zone '{server.availability_zone}', but '{zone}' "
            "was requested."
        )


def _check_metadata_state(server: Server, verb: str) -> None:
    allowed = (VmState.ACTIVE, VmState.PAUSED, VmState.SUSPENDED, VmState.STOPPED)
    if server.vm_state not in allowed:
        raise errors.InstanceInvalidState(
            action=verb, instance_id=server.uuid, attr="vm_state", state=server.vm_state
        )


def _verb_of(removed: tuple[str, ...], replacing: tuple[str, ...] | None) -> str:
    """What error messages call a change of tags."""
    if replacing is not None:
        return "update tags" if replacing else "delete tags"
    return "delete tag" if removed else "update tag"


def _check_tags_state(server: Server, verb: str) -> None:
    allowed = (VmState.ACTIVE, VmState.PAUSED, VmState.SUSPENDED, VmState.STOPPED)
    if server.vm_state not in allowed:
        raise errors.InstanceInvalidState(
            action=verb, instance_id=server.uuid, attr="vm_state", state=server.vm_state
        )


