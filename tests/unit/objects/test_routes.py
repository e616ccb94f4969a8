"""Which leg of an operation comes first, which one next, and which one it is at."""

import datetime
from typing import Any

import pytest

from novalike.objects.operation import Operation, Stop
from novalike.objects.operations import ACTIONS, route
from novalike.objects.operations.action import Action, Leg, Seat

ROUNDTRIP = Action(
    name="roundtrip",
    vm_states=("active",),
    task_states=(None,),
    legs=(
        Leg(name="look", seat=Seat.CONDUCTOR),
        Leg(name="go", seat=Seat.HOME),
        Leg(name="mend", seat=Seat.CONDUCTOR, for_skipped=True),
        Leg(name="return", seat=Seat.HOME),
    ),
    ends=("active",),
)


def operation(workflow: str, **facts: Any) -> Operation:
    return Operation(
        uuid="o", instance_uuid="s", action=workflow, workflow=workflow, request_id="r", user_id="u", project_id="p",
        start_time=datetime.datetime(2026, 11, 28), **facts,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("workflow", "host", "first"),
    [
        ("create", None, Stop(leg="place")),
        ("delete", "h1", Stop(leg="remove", host="h1", node="n1")),
        ("delete", None, Stop(leg="settle")),
        ("start", "h1", Stop(leg="start", host="h1", node="n1")),
    ],
)
def test_an_operation_begins_with_the_first_leg_that_somebody_can_do(
    workflow: str, host: str | None, first: Stop
) -> None:
    stops, at = route.begin(ACTIONS[workflow], route.at_home(host, "n1" if host else None))
    assert stops[at] == first
    assert [stop.leg for stop in stops] == [
        leg.name for leg in ACTIONS[workflow].legs if leg.seat is not Seat.OTHERS
    ]


def test_a_leg_of_others_is_done_on_each_of_them_and_left_out_where_one_is_down() -> None:
    others = (route.Site("h2", "n2"), route.Site("h3", "n3", is_up=False))
    stops, at = route.begin(ACTIONS["delete"], {**route.at_home("h1", "n1"), Seat.OTHERS: others})
    assert at == 0
    assert [(stop.leg, stop.host, stop.skipped) for stop in stops] == [
        ("clean", "h2", False), ("clean", "h3", True), ("remove", "h1", False), ("settle", None, False),
    ]  # fmt: skip
    assert route.next_stop(ACTIONS["delete"], stops, 0) == 2
    assert route.next_stop(ACTIONS["delete"], stops, 2) == 3  # for what was left out


@pytest.mark.parametrize(("host", "leg"), [("h1", "remove"), (None, "settle")])
def test_a_delete_of_the_release_before_knows_no_others(host: str | None, leg: str) -> None:
    stops, at = route.current(operation("delete", host=host))
    assert (stops[at].leg, stops[at].host) == (leg, host)


def test_who_sits_where_may_be_known_from_the_beginning() -> None:
    sites = {Seat.SOURCE: (route.Site("h1", "n1", is_up=False),), Seat.DESTINATION: (route.Site("h2", "n2"),)}
    stops, at = route.begin(ACTIONS["resize_confirm"], sites)
    assert (at, stops[0].skipped, stops[1].leg) == (1, True, "release")


def test_what_only_a_host_can_do_does_not_begin_without_one() -> None:
    with pytest.raises(ValueError, match="stop"):
        route.begin(ACTIONS["stop"], route.at_home(None, None))


@pytest.mark.parametrize(
    ("skipped", "order"),
    [
        ((), ["look", "go", "return"]), (("go",), ["look", "mend", "return"]), (("return",), ["look", "go"]),
        (("go", "return"), ["look", "mend"]),
    ],
)  # fmt: skip
def test_legs_follow_in_their_order_and_those_for_what_was_left_out_only_then(
    skipped: tuple[str, ...], order: list[str]
) -> None:
    stops = tuple(Stop(leg=leg.name, host="h", skipped=leg.name in skipped) for leg in ROUNDTRIP.legs)
    passed, at = [], route.next_stop(ROUNDTRIP, stops, -1)
    while at is not None:
        passed.append(stops[at].leg)
        at = route.next_stop(ROUNDTRIP, stops, at)
    assert passed == order


def test_an_operation_is_at_the_stop_that_its_row_says() -> None:
    stops = (Stop(leg="place"), Stop(leg="build", host="h1", node="n1", epoch=2))
    assert route.current(operation("create", route=stops, at=1, host="h1")) == (stops, 1)
    assert route.current(operation("create", route=stops[:1] + (Stop(leg="build"),), at=0)) == (
        (Stop(leg="place"), Stop(leg="build")), 0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("workflow", "host", "leg"),
    [
        ("create", None, "place"), ("create", "h1", "build"), ("delete", None, "settle"), ("delete", "h1", "remove"),
        ("reboot_hard", "h1", "reboot"),
    ],
)  # fmt: skip
def test_one_that_a_conductor_of_the_release_before_has_begun_is_where_its_host_says(
    workflow: str, host: str | None, leg: str
) -> None:
    stops, at = route.current(operation(workflow, host=host))
    assert (stops[at].leg, stops[at].host) == (leg, host)


def test_one_that_a_conductor_of_the_release_before_has_passed_on_is_where_its_host_says() -> None:
    """It has written the host, and nothing of the route."""
    begun = (Stop(leg="place", epoch=1), Stop(leg="build"))
    stops, at = route.current(operation("create", route=begun, at=0, host="h1"))
    assert stops[at] == Stop(leg="build", host="h1")
    removed = (Stop(leg="remove", host="h1", node="n1", epoch=1), Stop(leg="settle"))
    stops, at = route.current(operation("delete", route=removed, at=0, host=None))
    assert stops[at].leg == "settle"
    built = (Stop(leg="place", epoch=1), Stop(leg="build", host="h1", node="n1", epoch=2))
    stops, at = route.current(operation("create", route=built, at=1, host="h2"))
    assert stops[at].host == "h2"


MOVE = Action(
    name="move",
    vm_states=("active",),
    task_states=(None,),
    legs=(
        Leg(name="place", seat=Seat.CONDUCTOR, turns_back=True),
        Leg(name="prepare", seat=Seat.DESTINATION),
        Leg(name="depart", seat=Seat.SOURCE, turns_back=True),
        Leg(name="arrive", seat=Seat.DESTINATION, turns_back=True),
    ),
    ends=("active",),
)


@pytest.mark.parametrize(
    ("at", "skipped", "begun", "order"),
    [
        (3, (), 4, ["depart", "place"]),
        (2, (), 3, ["place"]),
        (0, (), 1, []),
        # Its host is down: it takes back what it has done when it comes again.
        (3, ("depart",), 4, ["place"]),
        # It was never given to anybody.
        (3, (), 2, ["place"]),
    ],
)  # fmt: skip
def test_an_operation_turns_back_over_what_has_been_done(
    at: int, skipped: tuple[str, ...], begun: int, order: list[str]
) -> None:
    stops = tuple(
        Stop(leg=leg.name, host="h", epoch=int(number < begun), skipped=leg.name in skipped)
        for number, leg in enumerate(MOVE.legs)
    )
    passed, before = [], route.stop_before(MOVE, stops, at)
    while before is not None:
        passed.append(stops[before].leg)
        before = route.stop_before(MOVE, stops, before)
    assert passed == order


def test_the_source_of_a_move_is_known_from_the_beginning_and_its_destination_later() -> None:
    stops, at = route.begin(MOVE, route.at_home("h1", "n1"))
    assert at == 0
    assert [stop.host for stop in stops] == [None, None, "h1", None]
    stops = route.with_destination(MOVE, stops, "h2", "n2")
    assert [(stop.host, stop.node) for stop in stops] == [(None, None), ("h2", "n2"), ("h1", "n1"), ("h2", "n2")]
    assert [stop.host for stop in route.with_destination(MOVE, stops, None, None)] == [None, None, "h1", None]
