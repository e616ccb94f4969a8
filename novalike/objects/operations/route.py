"""Which leg of an operation comes first, which one next, and which one it is at."""

from collections.abc import Sequence

import msgspec

from novalike.objects.operation import Operation, Stop
from novalike.objects.operations import ACTIONS
from novalike.objects.operations.action import Action, Seat

Route = tuple[Stop, ...]


def begin(row: Action, host: str | None, node: str | None) -> tuple[Route, int]:
    """Return the route of a new operation, and the index of its first stop.

    :param host, node: where the server is; None when it is nowhere, or its host is down.
    """
    here = (Seat.HOME, Seat.SOURCE)
    route = tuple(
        Stop(leg=leg.name, host=host, node=node, skipped=host is None) if leg.seat in here else Stop(leg=leg.name)
        for leg in row.legs
    )
    first = next_stop(row, route, -1)
    if first is None:
        raise ValueError(f"{row.name} has no leg that anybody could do")
    return route, first


def with_destination(row: Action, route: Route, host: str | None, node: str | None) -> Route:
    """Return a route whose legs of the destination are done on this host; None: it is not known any more."""
    return tuple(
        msgspec.structs.replace(stop, host=host, node=node) if row.leg(stop.leg).seat is Seat.DESTINATION else stop
        for stop in route
    )


def next_stop(row: Action, route: Sequence[Stop], at: int) -> int | None:
    """Return the index of the stop after ``at``; None when the operation is done."""
    for index in range(at + 1, len(route)):
        if route[index].skipped:
            continue
        if not row.leg(route[index].leg).for_skipped or any(stop.skipped for stop in route[:index]):
            return index
    return None


def stop_before(row: Action, route: Sequence[Stop], at: int) -> int | None:
    """Return the index of the last stop before ``at`` that has something to take back; None when nothing has."""
    for index in reversed(range(at)):
        if row.leg(route[index].leg).turns_back and route[index].epoch and not route[index].skipped:
            return index
    return None


def current(operation: Operation) -> tuple[Route, int]:
    """Return an operation's route, and the index of the stop that has it.

    Conductors of the release before know no routes, and hand operations of ours to hosts and back: then the first leg
    that it can be follows from whether it is with a host.
    """
    row = ACTIONS[operation.workflow]
    route = operation.route or tuple(Stop(leg=leg.name) for leg in row.legs)
    at = operation.at
    if operation.route is None or (route[at].host is None) != (operation.host is None):
        fitting = (i for i, leg in enumerate(row.legs) if (leg.seat is Seat.CONDUCTOR) == (operation.host is None))
        at = next(fitting, at)
    if route[at].host != operation.host:
        route = replace(route, at, host=operation.host, node=None)
    return route, at


def replace(route: Route, at: int, **changes: object) -> Route:
    """Return a route of which one stop is changed."""
    return (*route[:at], msgspec.structs.replace(route[at], **changes), *route[at + 1 :])
