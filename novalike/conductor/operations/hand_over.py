"""The only place where an operation changes hands. Each change raises its epoch, so whoever had it before is fenced.

* :func:`hand_over` gives it to whoever does a leg: a host, which is to take it up, or a conductor; also to a conductor
  that goes on with what another one has left.
* :func:`take_up` is how a host begins, or begins again, the leg that it was given.
* :func:`take_away` leaves it with nobody.
"""

import datetime
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec
from oslo_config import cfg

from novalike.conductor.operations.records import records_of
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.engine import Connection
from novalike.objects.operation import JournalEntry, Operation, OperationState
from novalike.objects.operations import ACTIONS, transitions
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Direction


def hand_over(
    connection: Connection,
    conf: cfg.ConfigOpts,
    operation: Operation,
    at: int,
    now: datetime.datetime,
    *,
    route: routes.Route,
    journal: Sequence[JournalEntry],
    holder: str | None = None,
    host: str | None = None,
    node: str | None = None,
    task_state: str | None = None,
    direction: Direction = Direction.ON,
    of_operation: Mapping[str, Any] = MappingProxyType({}),
    of_server: Mapping[str, Any] = MappingProxyType({}),
    of_row: Mapping[str, Any] = MappingProxyType({}),
) -> Operation | None:
    """Give an operation to whoever does the leg at this stop of its route.

    :param now: by the database's clock.
    :param holder: the conductor that does the leg.
    :param host, node: the host that does it; a process of which takes it up.
    :param task_state: of the server from now on; None is the one that the leg starts with, or, when it is to be taken
        back, the one that it has.
    :param direction: ``BACK``: the leg is to be taken back.
    :param of_operation, of_server: further fields of both to write.
    :param of_row: columns of the operation that are no fields of it.
    :returns: the operation as it is now; None when it was no longer the caller's.
    """
    epoch = operation.epoch + 1
    route = routes.replace(route, at, host=host, node=node, epoch=epoch)
    held = operations_db.update(
        connection,
        operation.uuid,
        operation.epoch,
        state=OperationState.PENDING if holder is None else OperationState.RUNNING,
        epoch=epoch,
        holder=holder,
        host=host,
        route=route,
        at=at,
        direction=str(direction),
        journal=tuple(journal),
        updated_at=now,
        due_at=due_at(conf, now, holder),
        **of_operation,
        **of_row,
    )
    if not held:
        return None
    handed = msgspec.structs.replace(
        operation, epoch=epoch, holder=holder, host=host, at=at, route=route, direction=str(direction), **of_operation
    )
    recorded = records_of(operation.workflow).handed_over(connection, handed, route[at], direction, now)
    changes = {**recorded, **of_server}
    starts = task_state
    if starts is None and direction is Direction.ON:
        starts = ACTIONS[operation.workflow].leg(route[at].leg).starts
    if starts is not None:
        passed = transitions.passes(operation.workflow, starts)
        servers_db.change_state(connection, operation.instance_uuid, passed, updated_at=now, **changes)
    elif changes:
        servers_db.update(connection, operation.instance_uuid, updated_at=now, **changes)
    return handed


def take_up(
    connection: Connection,
    operation: Operation,
    holder: str,
    now: datetime.datetime,
    look_at: datetime.datetime,
) -> Operation | None:
    """Make an operation that of the process which does the leg that it is at.

    A process that has it already keeps it at its epoch: what the first answer led to must not be fenced by the second.

    :param now: by the database's clock.
    :param look_at: when somebody is to look whether it goes on.
    :returns: the operation as it is now; None when it was no longer as given.
    """
    again = operation.holder == holder
    epoch = operation.epoch if again else operation.epoch + 1
    # Reports are counted anew. Who had it before may have said something since it was read.
    sequence = operation.sequence if again else 0
    values = {
        "state": OperationState.RUNNING, "holder": holder, "epoch": epoch, "updated_at": now, "due_at": look_at,
        "sequence": sequence,
    }  # fmt: skip
    if not operations_db.update(connection, operation.uuid, operation.epoch, **values):
        return None
    return msgspec.structs.replace(
        operation, epoch=epoch, holder=holder, state=OperationState.RUNNING, sequence=sequence
    )


def take_away(
    connection: Connection, operation: Operation, now: datetime.datetime, **of_operation: Any
) -> bool:
    """Take an operation from its holder; it stays at its leg, and nobody works on it.

    :param now: by the database's clock.
    :returns: whether it was open and still as given.
    """
    values = {"epoch": operation.epoch + 1, "holder": None, "updated_at": now, **of_operation}
    return operations_db.update(connection, operation.uuid, operation.epoch, **values)


def due_at(conf: cfg.ConfigOpts, now: datetime.datetime, holder: str | None) -> datetime.datetime:
    """Return when somebody is to look at an operation that was just given to a conductor, or (None) to a host."""
    patience = conf.conductor.operation_resend_after if holder is None else conf.conductor.operation_lease
    return now + datetime.timedelta(seconds=patience)
