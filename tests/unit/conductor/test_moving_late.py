"""Legs of moves that are begun again, or that somebody else has gone on with: whose claims are left, and whose not."""

import functools
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.operation import Operation
from tests.fakes.placement import FakePlacement
from tests.unit.conductor.databases import Databases
from tests.unit.conductor.moves import NEW_FLAVOR
from tests.unit.conductor.moving import (
    NEW,
    OLD,
    Claims,
    Do,
    Row,
    World,
    change,
    change_server,
    claim,
    claims,
    moving,
    now,
    seven_hosts,
    world_of,
)


@pytest.fixture
def placement() -> FakePlacement:
    return seven_hosts()


@pytest.fixture
def world(databases: Databases, placement: FakePlacement, monkeypatch: pytest.MonkeyPatch) -> World:
    databases.stop_clocks(monkeypatch)
    return world_of(databases, placement)


@pytest.fixture
def do(databases: Databases, world: World) -> Do:
    """Does the leg that operations are at."""
    return functools.partial(world.do, databases)


def test_who_begins_again_finds_what_has_been_claimed(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    operation = moving(databases, placement)
    world.chosen = ["host2", "host3"]

    def die() -> None:
        world.meanwhile = lambda: None
        raise errors.Unavailable(reason="the answer was lost")

    world.meanwhile = die
    with pytest.raises(errors.Unavailable):
        do(operation)
    assert now(databases, operation)["epoch"] == 3
    assert world.going == []
    do(operation)
    assert claims(placement) == {operation.uuid: ("host1", OLD), operation.instance_uuid: ("host3", NEW)}
    assert [operation.instance_uuid in asked.earlier for asked in world.asked] == [False, True]
    assert world.going == [(operation.uuid, "host3")]


@pytest.mark.parametrize(
    "facts", [{"holder": "another conductor"}, {"state": "failed"}, {"state": "superseded"}, {"state": "done"}], ids=str
)
@pytest.mark.parametrize(
    ("workflow", "leg", "direction"),
    [("resize", "place", "on"), ("migrate", "place", "back"), ("resize_confirm", "release", "on"),
     ("resize_revert", "return", "on")],
)  # fmt: skip
def test_what_is_not_this_conductors_is_left_alone(
    databases: Databases, placement: FakePlacement, world: World, do: Do, workflow: str, leg: str, direction: str,
    facts: Row,
) -> None:  # fmt: skip
    operation = moving(databases, placement, workflow, leg, direction=direction, **facts)
    claim(placement, "m", "host3", OLD)
    before, had = now(databases, operation), claims(placement)
    world.chosen = ["host2"]
    do(operation)
    assert (now(databases, operation), claims(placement)) == (before, had)
    assert (world.asked, world.going) == ([], [])


def test_an_operation_that_is_gone_holds_up_no_other(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    gone, other = moving(databases, placement), moving(databases, placement)
    databases.execute(sa.delete(t.operations).where(t.operations.c.uuid == gone.uuid))
    world.chosen = ["host2"]
    do(gone, other)
    assert world.going == [(other.uuid, "host2")]


@pytest.mark.parametrize("when", ["before the claim is handed over", "before a host is looked for"])
def test_who_was_overtaken_asks_for_no_host(
    databases: Databases, placement: FakePlacement, world: World, do: Do, when: str
) -> None:
    operation, look = moving(databases, placement), placement.get_allocations
    reads = 1 if when.startswith("before the claim") else 3

    def lose(uuid: str) -> Any:
        nonlocal reads
        reads -= 1
        if reads == 0:
            change(databases, operation, epoch=9, holder="successor")
        return look(uuid)

    placement.get_allocations = lose  # type: ignore[method-assign]
    world.chosen = ["host2"]
    do(operation)
    assert (world.asked, world.going) == ([], [])
    who = operation.instance_uuid if when.startswith("before the claim") else operation.uuid
    assert claims(placement) == {who: ("host1", OLD)}
    row = now(databases, operation)
    assert (row["epoch"], row["holder"], row["state"], row["journal"]) == (9, "successor", "running", ())


def overtaken(
    databases: Databases, world: World, operation: Operation, of_operation: Row, of_server: Row,
    meanwhile: Callable[[], None] = lambda: None,
) -> None:  # fmt: skip
    """While the scheduler claims a host for it, an operation becomes somebody else's."""

    def lose() -> None:
        change(databases, operation, epoch=9, **of_operation)
        if of_server:
            change_server(databases, operation, **of_server)
        meanwhile()

    world.chosen, world.meanwhile = ["host2"], lose


NEW_PLACE: Row = {"host": "host3", "flavorid": "2", "flavor": NEW_FLAVOR, "vcpus": 2}
LOST = [
    # Somebody goes on with it, and knows what has been claimed.
    ({"holder": "successor"}, {}, {"migration": ("host1", OLD), "server": ("host2", NEW)}),
    ({"state": "pending", "holder": None, "host": "host2"}, {}, {
        "migration": ("host1", OLD), "server": ("host2", NEW),
    }),
    # Nobody will give up anything any more.
    ({"state": "superseded"}, {"vm_state": "deleted", "task_state": None}, {}),
    ({"state": "failed"}, {"task_state": None}, {"server": ("host1", OLD)}),
    ({"state": "failed"}, {"task_state": None, "vm_state": "error"}, {"server": ("host1", OLD)}),
    # A delete gives up both.
    ({"state": "superseded"}, {"task_state": "deleting"}, {"migration": ("host1", OLD), "server": ("host2", NEW)}),
]  # fmt: skip


@pytest.mark.parametrize(("of_operation", "of_server", "left"), LOST, ids=str)
def test_what_was_claimed_for_somebody_elses_operation_is_given_up_when_that_is_over(
    databases: Databases, placement: FakePlacement, world: World, do: Do, of_operation: Row, of_server: Row,
    left: Claims,
) -> None:  # fmt: skip
    operation = moving(databases, placement)
    overtaken(databases, world, operation, of_operation, of_server)
    do(operation)
    names = {"server": operation.instance_uuid, "migration": operation.uuid}
    assert claims(placement) == {names[who]: what for who, what in left.items()}
    assert world.going == []
    row = now(databases, operation)
    assert (row["epoch"], row["journal"]) == (9, ())


@pytest.mark.parametrize(
    ("of_operation", "of_server"),
    [
        ({"state": "done"}, {"vm_state": "resized", "task_state": None, **NEW_PLACE}),
        ({"state": "failed"}, {"vm_state": "error", "task_state": None, **NEW_PLACE}),
        # On its own host.
        ({"state": "done"}, {"vm_state": "resized", "task_state": None, **NEW_PLACE, "host": "host1"}),
    ],
    ids=["done", "stuck on its destination", "done on the same host"],
)
def test_who_comes_late_takes_no_claim_from_a_server_that_has_moved(
    databases: Databases, placement: FakePlacement, world: World, do: Do, of_operation: Row, of_server: Row
) -> None:
    """His successor has claimed another host instead, and has moved it there; its source keeps what it had."""
    operation = moving(databases, placement)

    def successor() -> None:
        claim(placement, operation.instance_uuid, "host3", NEW)

    overtaken(databases, world, operation, of_operation, of_server, successor)
    do(operation)
    assert claims(placement) == {operation.uuid: ("host1", OLD), operation.instance_uuid: ("host3", NEW)}


def test_of_a_server_that_nobody_knows_any_more_all_claims_are_given_up(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    operation = moving(databases, placement)

    def archived() -> None:
        for table in (t.migrations, t.operations, t.instance_requests):
            databases.execute(sa.delete(table).where(table.c.instance_uuid == operation.instance_uuid))
        databases.execute(sa.delete(t.instances).where(t.instances.c.uuid == operation.instance_uuid))

    overtaken(databases, world, operation, {}, {}, archived)
    do(operation)
    assert claims(placement) == {}


def test_who_comes_late_with_the_way_back_changes_nothing(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    operation, look = moving(databases, placement, direction="back"), placement.get_allocations
    claim(placement, operation.uuid, "host1", OLD)

    def lose(uuid: str) -> Any:
        change(databases, operation, epoch=9)
        return look(uuid)

    had = claims(placement)
    placement.get_allocations = lose  # type: ignore[method-assign]
    do(operation)
    assert claims(placement) == had
    assert now(databases, operation)["state"] == "running"
