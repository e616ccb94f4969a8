"""Which leg of an operation comes first, which one next, and which one it is at."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from novalike.objects.operation import Operation, Stop
from novalike.objects.operations import ACTIONS
from novalike.objects.operations.action import Action, Leg, Seat

Route = tuple[Stop, ...]


class Site(NamedTuple):
    """A host that takes part in an operation.

    :ivar host, node: None when there is none.
    :ivar is_up: whether it can do anything.
    """

    host: str | None
    node: str | None
    is_up: bool = True


# What is known at the beginning of who sits on the seats of an action. Only ``OTHERS`` may have several.
Sites = Mapping[Seat, Sequence[Site]]


def at_home(host: str | None, node: str | None, *, is_up: bool = True) -> Sites:
    """Return the sites of an action on a server which is there."""
    here = (Site(host, node, is_up),)
    return {Seat.HOME: here, Seat.SOURCE: here}


def begin(row: Action, sites: Sites) -> tuple[Route, int]:
    """Return the route of a new operation, and the index of its first stop. Who is down, or nowhere, is left out."""
    route = tuple(stop for leg in row.legs for stop in _stops(leg, sites))
    first = next_stop(row, route, -1)
    if first is None:
        raise ValueError(f"{row.name} has no leg that anybody could do")
    return route, first


def _stops(leg: Leg, sites: Sites) -> list[Stop]:
    if leg.seat is not Seat.OTHERS and leg.seat not in sites:
        return [Stop(leg=leg.name)]  # a conductor does it, or a host that is still to be found
    return [
        Stop(leg=leg.name, host=site.host, node=site.node, skipped=site.host is None or not site.is_up)
        for site in sites.get(leg.seat, ())
    ]


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
    route = operation.route or tuple(Stop(leg=leg.name) for leg in row.legs if leg.seat is not Seat.OTHERS)
    at = operation.at
    if operation.route is None or (route[at].host is None) != (operation.host is None):
        by_conductor = [row.leg(stop.leg).seat is Seat.CONDUCTOR for stop in route]
        at = next((i for i, does in enumerate(by_conductor) if does == (operation.host is None)), at)
    if route[at].host != operation.host:
        route = replace(route, at, host=operation.host, node=None)
    return route, at


def replace(route: Route, at: int, **changes: object) -> Route:
    """Return a route of which one stop is changed."""
    return (*route[:at], msgspec.structs.replace(route[at], **changes), *route[at + 1 :])
