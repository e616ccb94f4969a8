"""A leg has ended: the operation goes on to the next one, looks for another host, turns back, or ends."""

import datetime

import msgspec
from oslo_config import cfg

from novalike.conductor.operations import completion
from novalike.conductor.operations.hand_over import hand_over
from novalike.conductor.operations.reschedule import may_reschedule, reschedule
from novalike.db.engine import Connection
from novalike.objects.operation import Failure, Operation, Outcome
from novalike.objects.operations import ACTIONS
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Action, Direction, Seat


def advance(
    connection: Connection,
    conf: cfg.ConfigOpts,
    operation: Operation,
    outcome: Outcome,
    holder: str,
    now: datetime.datetime,
    *,
    route: routes.Route | None = None,
) -> Operation | None:
    """Record how the leg ended that an operation is at, and give it to whoever goes on with it.

    :param holder: the conductor that does the next leg, should it be a conductor's.
    :param now: by the database's clock.
    :param route: with what is known of further stops by now.
    :returns: the operation as it is now, if somebody goes on; None when it has ended, or was no longer as given.
    """
    row = ACTIONS[operation.workflow]
    known, at = routes.current(operation)
    route = route or known
    onwards, done = operation.direction == Direction.ON, outcome.error is None
    if onwards and not done and outcome.reschedule and may_reschedule(conf, operation):
        return reschedule(
            connection, conf, operation, holder, now, journal=outcome.entries, vifs=outcome.vifs
        )
    following, direction = _following(row, route, at, outcome, onwards=onwards)
    if not onwards and not done:
        route = routes.replace(route, at, stuck=True)
    failure = operation.failure or (
        None if done else Failure(message=str(outcome.error), code=outcome.error_code, details=outcome.details)
    )
    if following is None:
        stuck = any(stop.stuck for stop in route)
        completion.end(connection, conf, operation, _whole(outcome, operation, failure, stuck=stuck), now)
        return None
    stop = route[following]
    by_conductor = row.leg(stop.leg).seat is Seat.CONDUCTOR
    found = operation.found or {}
    if outcome.found is not None:
        found = {**found, route[at].leg: outcome.found}
    # The way back has as much time as the way there.
    deadline = now + datetime.timedelta(seconds=conf.conductor.operation_timeout)
    of_row = {"deadline": deadline} if onwards and direction is Direction.BACK else {}
    of_server = {field: getattr(outcome, field) for field in ("power_state", "vifs", "root_device_name")}
    return hand_over(
        connection,
        conf,
        operation,
        following,
        now,
        route=route,
        journal=outcome.entries,
        holder=holder if by_conductor else None,
        host=None if by_conductor else stop.host,
        node=None if by_conductor else stop.node,
        direction=direction,
        of_operation={"failure": failure, "found": found},
        of_row=of_row,
        of_server={name: value for name, value in of_server.items() if value is not None},
    )


def _following(
    row: Action, route: routes.Route, at: int, outcome: Outcome, *, onwards: bool
) -> tuple[int | None, Direction]:
    """Return the index of the stop that an operation goes to, and which way it goes; None: it ends."""
    if outcome.error is None:
        if onwards:
            return routes.next_stop(row, route, at), Direction.ON
        return routes.stop_before(row, route, at), Direction.BACK
    if not onwards:
        # What can't be taken back stays.
        may_stick = row.leg(route[at].leg).may_stick
        return (routes.stop_before(row, route, at) if may_stick else None), Direction.BACK
    leaves_something = not outcome.clean and row.leg(route[at].leg).turns_back and not route[at].skipped
    return at if leaves_something else routes.stop_before(row, route, at), Direction.BACK


def _whole(outcome: Outcome, operation: Operation, failure: Failure | None, *, stuck: bool) -> Outcome:
    """How the whole operation ended: one that has turned back has failed, however well that went.

    :param stuck: something could not be taken back.
    """
    if operation.direction == Direction.ON or failure is None:
        return outcome
    return msgspec.structs.replace(
        outcome,
        error=failure.message,
        error_code=failure.code,
        details=failure.details,
        keep_vm_state=not stuck,
    )
