"""A user's request becomes an operation, in the transaction that changes the server's state."""

import datetime
import uuid
from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import msgspec
from oslo_config import cfg

from novalike.conductor.cells import Cells
from novalike.conductor.hosts import HostStatus
from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.hand_over import due_at
from novalike.conductor.operations.records import records_of
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.engine import Connection
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import JournalEntry, Operation, OperationState
from novalike.objects.operations import ACTIONS, transitions
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Action, WhenDown
from novalike.objects.server import Server

Json = dict[str, Any]


def new_operation(
    ctx: RequestContext,
    instance_uuid: str,
    action: str,
    workflow: str,
    now: datetime.datetime,
    conf: cfg.ConfigOpts,
    *,
    holder: str,
    sites: routes.Sites = MappingProxyType({}),
    epoch: int = 1,
    params: Json | None = None,
) -> Json:
    """Return the row of a new operation: waiting for the host of its first leg, or in a conductor's hands.

    :param holder: the conductor that does the first leg, should it be a conductor's.
    :param sites: the hosts that take part in it, as far as they are known.
    :param epoch: greater than those of the server's other operations.
    :param now: by the database's clock.
    :raises Invalid: these are not the action's parameters.
    """
    row = ACTIONS[workflow]
    try:
        wanted = msgspec.to_builtins(msgspec.convert(params or {}, row.params))
    except msgspec.ValidationError as error:
        raise errors.Invalid(f"Parameters of {action}: {error}") from error
    route, at = routes.begin(row, sites)
    first = route[at]
    held_by = None if first.host is not None else holder
    return {
        **_row(ctx, instance_uuid, action, workflow, now),
        "state": OperationState.PENDING if held_by is None else OperationState.RUNNING,
        "epoch": epoch,
        "host": first.host,
        "holder": held_by,
        "route": routes.replace(route, at, epoch=epoch),
        "at": at,
        "due_at": due_at(conf, now, held_by),
        "deadline": now + datetime.timedelta(seconds=conf.conductor.operation_timeout),
        "params": wanted,
    }


def ended_operation(
    ctx: RequestContext, instance_uuid: str, action: str, now: datetime.datetime, journal: tuple[JournalEntry, ...]
) -> Json:
    """Return the row of an instance action that is over already: nobody had to do anything.

    :param now: by the database's clock.
    """
    return {
        **_row(ctx, instance_uuid, action, action, now),
        "state": OperationState.DONE,
        "finish_time": now,
        "epoch": 0,
        "journal": journal,
    }


def _row(ctx: RequestContext, instance_uuid: str, action: str, workflow: str, now: datetime.datetime) -> Json:
    return {
        "uuid": str(uuid.uuid4()),
        "instance_uuid": instance_uuid,
        "action": action,
        "workflow": workflow,
        "request_id": ctx.request_id,
        "user_id": ctx.user_id,
        "project_id": ctx.project_id,
        "attempts": 0,
        "start_time": now,
        "updated_at": now,
        "params": {},
        "journal": (),
        "context": ctx.to_wire(),
    }


class OperationStarter:
    """Starts operations on servers that exist, and sets them going."""

    def __init__(
        self, conf: cfg.ConfigOpts, cells: Cells, dispatch: Dispatch, host_status: HostStatus
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._dispatch = dispatch
        self._host_status = host_status

    def start(
        self,
        ctx: RequestContext,
        server_id: str,
        action: str,
        workflow: str,
        params: Callable[[Server], Json],
        *,
        override_lock: bool,
        check: Callable[[Connection, Server, Json], None] = lambda connection, server, params: None,
    ) -> str:
        """As :meth:`novalike.bus.servers.ServerCommands.start_operation`.

        :param params: gives what is asked for, of a server that may be subjected to it; or raises why it can't be.
        :param check: is handed the server, which is locked meanwhile, and all parameters of the operation; refuses what
            can't be, by raising an error.
        """
        cell = self._cells.of_instance(server_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> tuple[Json, str | None] | str:
            # Asked again: the answer to the first time was lost. After the lock, or two could find nothing.
            project_id = None if ctx.is_admin else ctx.project_id
            server = servers_db.get(connection, server_id, project_id=project_id, lock=True)
            standing = operations_db.standing(connection, server_id, ctx.request_id, action)
            if standing.begun is not None:
                return standing.begun
            if server is None:
                raise errors.InstanceNotFound(instance_id=server_id)
            row = transitions.check_may_start(
                workflow,
                instance_id=server_id,
                vm_state=server.vm_state,
                task_state=server.task_state,
                has_host=server.host is not None,
                locked=server.locked_by is not None,
                may_override_lock=override_lock,
            )
            records = records_of(workflow)
            beginning = records.begins(connection, server, params(server), migrations=standing.migrations)
            check(connection, server, beginning.params)
            # A host without a service is as good as down.
            gone = server.host if standing.endpoint is None else None
            sites = {
                seat: tuple(site._replace(is_up=self._is_up(site.host) and site.host != gone) for site in there)
                for seat, there in beginning.sites.items()
            }
            _check_hosts(row, sites)
            # The newest request wins: what was being done to the server is given up.
            if standing.under_way:
                operations_db.supersede(connection, server_id, now, f"Superseded by {action}")
            operation = new_operation(
                ctx, server_id, action, workflow, now, self._conf,
                holder=self._dispatch.holder,
                sites=sites,
                epoch=standing.epoch + 1,
                params=beginning.params,
            )  # fmt: skip
            endpoint = standing.endpoint if operation["host"] == server.host else None
            operations_db.insert(connection, [{**operation, "endpoint": endpoint}])
            changes = records.begun(connection, operation, server, now)
            first = row.leg(operation["route"][operation["at"]].leg)
            begins = transitions.begins(workflow, first)
            servers_db.change_state(connection, server_id, begins, updated_at=now, **changes)
            return operation, endpoint

        written = cell.database.write(write)
        if isinstance(written, str):
            return written
        row, endpoint = written
        operation = Operation(**{name: row[name] for name in Operation.__struct_fields__ if name in row})
        self._dispatch.set_going(ctx, cell, operation, endpoint)
        return operation.uuid

    def _is_up(self, host: str | None) -> bool:
        return host is not None and self._host_status.of({host}).get(host) != "DOWN"


def _check_hosts(row: Action, sites: routes.Sites) -> None:
    """
    :raises HostDown: a host can't do what nobody else could do instead.
    """
    for leg in row.legs:
        for site in sites.get(leg.seat, ()):
            if not site.is_up and leg.when_down is WhenDown.FAIL:
                raise errors.HostDown(host=site.host)
