"""Locks, and states that an administrator knows better."""

import datetime
from typing import Any

from oslo_config import cfg

from novalike.conductor.cells import Cells, follows_moves
from novalike.conductor.operations.start import ended_operation
from novalike.db import handled_requests
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.objects import errors, lifecycle
from novalike.objects.context import RequestContext
from novalike.objects.operation import JournalEntry
from novalike.objects.server import Server


class ServerMarksHandler:
    """Serves ``bus.server_marks.ServerMarks``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells

    @follows_moves
    def lock(self, ctx: RequestContext, *, server_id: str, reason: str | None = None) -> None:
        cell = self._cells.of_instance(server_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> None:
            server = _find(connection, ctx, server_id)
            if not handled_requests.is_new(connection, ctx.request_id, f"lock {server_id}", now):
                return
            by_owner = server.project_id == ctx.project_id
            if server.locked_by and by_owner:
                return
            # A reason stays until it is replaced or the lock goes.
            why = {"locked_reason": reason} if reason else {}
            servers_db.update(connection, server_id, locked_by="owner" if by_owner else "admin", **why)
            self._record(connection, ctx, server_id, "lock", now, event="api_lock")

        cell.database.write(write)

    @follows_moves
    def unlock(self, ctx: RequestContext, *, server_id: str) -> None:
        cell = self._cells.of_instance(server_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> None:
            _find(connection, ctx, server_id)
            if not handled_requests.is_new(connection, ctx.request_id, f"unlock {server_id}", now):
                return
            servers_db.update(connection, server_id, locked_by=None, locked_reason=None)
            self._record(connection, ctx, server_id, "unlock", now, event="api_unlock")

        cell.database.write(write)

    @follows_moves
    def reset_state(self, ctx: RequestContext, *, server_id: str, vm_state: str) -> None:
        cell = self._cells.of_instance(server_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> None:
            _find(connection, ctx, server_id)
            if not handled_requests.is_new(connection, ctx.request_id, f"reset_state {server_id}", now):
                return
            # Otherwise whoever works on the server would write its own state over this one.
            operations_db.supersede(connection, server_id, now, "Superseded by resetState")
            servers_db.change_state(connection, server_id, lifecycle.resets(vm_state), updated_at=now)
            self._record(connection, ctx, server_id, "resetState", now)

        cell.database.write(write)

    def _record(
        self,
        connection: Any,
        ctx: RequestContext,
        server_id: str,
        action: str,
        now: datetime.datetime,
        event: str | None = None,
    ) -> None:
        """An instance action that is over already."""
        journal: tuple[JournalEntry, ...] = ()
        if event:
            host = self._conf.host
            journal = (JournalEntry(event=event, start_time=now, finish_time=now, result="Success", host=host),)
        operations_db.insert(connection, [ended_operation(ctx, server_id, action, now, journal)])


def _find(connection: Any, ctx: RequestContext, server_id: str) -> Server:
    """
    :raises InstanceNotFound: no such server, or not visible.
    """
    project_id = None if ctx.is_admin else ctx.project_id
    server = servers_db.get(connection, server_id, project_id=project_id, lock=True)
    if server is None:
        raise errors.InstanceNotFound(instance_id=server_id)
    return server
