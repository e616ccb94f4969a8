"""An operation looks for another host: the one it was given to has failed, or is down."""

import datetime
from collections.abc import Sequence

import msgspec
from oslo_config import cfg

from novalike.conductor.operations.hand_over import hand_over
from novalike.db.cell import hosts as hosts_db
from novalike.db.engine import Connection
from novalike.objects.network import Vif
from novalike.objects.operation import JournalEntry, Operation
from novalike.objects.operations import ACTIONS
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Seat, WhenDown


def may_reschedule(conf: cfg.ConfigOpts, operation: Operation) -> bool:
    """Return whether another host could do the leg that an operation is at, and has not been tried too often."""
    row = ACTIONS[operation.workflow]
    route, at = routes.current(operation)
    elsewhere = row.leg(route[at].leg).when_down is WhenDown.ELSEWHERE
    return elsewhere and operation.attempts + 1 < conf.scheduler.max_attempts


def reschedule(
    connection: Connection,
    conf: cfg.ConfigOpts,
    operation: Operation,
    holder: str,
    now: datetime.datetime,
    *,
    journal: Sequence[JournalEntry],
    vifs: Sequence[Vif] | None,
) -> Operation | None:
    """Give an operation to a conductor again, for the last leg of a conductor's before the one that it is at: that one
    finds a host which it has not been on.

    :param holder: the conductor.
    :param now: by the database's clock.
    :returns: the operation as it is now; None when it was no longer the caller's.
    """
    row = ACTIONS[operation.workflow]
    params = msgspec.convert(operation.params, row.params)
    if operation.host is not None:
        params = msgspec.structs.replace(params, excluded_hosts=(*params.excluded_hosts, operation.host))
    route, at = routes.current(operation)
    # A server that leaves a host is still there; a new one is nowhere now.
    leaves = any(leg.seat is Seat.SOURCE for leg in row.legs)
    handed = hand_over(
        connection,
        conf,
        operation,
        max(index for index in range(at) if row.leg(route[index].leg).seat is Seat.CONDUCTOR),
        now,
        route=routes.with_destination(row, route, None, None),
        journal=journal,
        holder=holder,
        of_operation={"attempts": operation.attempts + 1, "params": msgspec.to_builtins(params)},
        of_server={} if leaves else {"host": None, "node": None, "vifs": tuple(vifs or ())},
    )
    if handed is not None and operation.host is not None:
        hosts_db.touch(connection, operation.host)
    return handed
