"""The conductor's legs of moves: who gets which claim, what the scheduler is asked, and what is recorded."""

import functools

import msgspec
import pytest

from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.operation import Failure
from novalike.objects.scheduling import EarlierClaim, SchedulingRequest
from tests.fakes.placement import FakePlacement
from tests.fakes.records import PROJECT, USER
from tests.unit.conductor.databases import FLAVOR, LATER, Databases
from tests.unit.conductor.moves import MOVE, NEW_FLAVOR
from tests.unit.conductor.moving import (
    IMAGE,
    NEW,
    OLD,
    Do,
    World,
    claim,
    claims,
    moving,
    now,
    seven_hosts,
    world_of,
)
from tests.unit.scheduler.cloud import node_uuid

MOVES = ["resize", "migrate"]


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


# -- a host is found


@pytest.mark.parametrize("workflow", MOVES)
def test_a_host_that_was_found_is_the_destination(
    databases: Databases, placement: FakePlacement, world: World, do: Do, workflow: str
) -> None:
    operation = moving(databases, placement, workflow)
    world.chosen = ["host2"]
    before = databases.row(t.instances, operation.instance_uuid)
    do(operation)
    assert claims(placement) == {operation.uuid: ("host1", OLD), operation.instance_uuid: ("host2", NEW)}
    assert placement.consumers[operation.uuid].consumer_type == "MIGRATION"
    row = now(databases, operation)
    assert [(stop.leg, stop.host, stop.node) for stop in row["route"]] == [
        ("place", None, None), ("prepare", "host2", "host2.node"), ("depart", "host1", "node1"),
        ("arrive", "host2", "host2.node"),
    ]  # fmt: skip
    facts = ("state", "host", "holder", "at", "found", "direction", "epoch", "failure")
    assert {name: row[name] for name in facts} == {
        "state": "pending", "host": "host2", "holder": None, "at": 1, "found": {"place": {"zone": "east"}},
        "direction": "on", "epoch": 4, "failure": None,
    }  # fmt: skip
    (entry,) = row["journal"]
    assert (entry.event, entry.result, entry.host, entry.details) == ("conductor_place", "Success", "ctl", None)
    assert entry.start_time <= entry.finish_time
    assert world.going == [(operation.uuid, "host2")]
    migration = databases.row(t.migrations, operation.uuid)
    assert (migration["dest_compute"], migration["dest_node"]) == ("host2", "host2.node")
    after = databases.row(t.instances, operation.instance_uuid)
    assert {**after, "updated_at": before["updated_at"]} == before, "it is where it was"


def test_the_scheduler_is_asked_for_what_the_server_is_to_be(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    neighbour = databases.server(host="host7")
    hints = {"same_host": [neighbour], "group": "g"}
    params = msgspec.structs.replace(MOVE, host="host2", excluded_hosts=("host9",))
    of_server = {"scheduler_hints": hints, "pinned_availability_zone": "east"}
    operation = moving(databases, placement, "migrate", of_server=of_server, params=params)
    claim(placement, operation.uuid, "host1", OLD)
    claim(placement, operation.instance_uuid, "host3", NEW)
    do(operation)
    assert world.asked == [SchedulingRequest(
        project_id=PROJECT, user_id=USER, instance_uuids=(operation.instance_uuid,), flavor=NEW_FLAVOR, image=IMAGE,
        availability_zone="east", host="host2", hints=hints, excluded_hosts=("host9", "host1"),
        instance_hosts={neighbour: "host7"},
        earlier={operation.instance_uuid: EarlierClaim(resources={node_uuid("host3"): NEW}, generation=2)},
    )]  # fmt: skip


@pytest.mark.parametrize(
    ("workflow", "allowed", "excluded"),
    [("resize", False, ("host1",)), ("resize", True, ()), ("migrate", False, ("host1",)),
     ("migrate", True, ("host1",))],
)  # fmt: skip
def test_only_a_resize_may_stay_on_its_host(
    databases: Databases, placement: FakePlacement, world: World, do: Do, workflow: str, allowed: bool,
    excluded: tuple[str, ...],
) -> None:  # fmt: skip
    databases.conf.set_override("allow_resize_to_same_host", allowed)
    do(moving(databases, placement, workflow))
    assert [asked.excluded_hosts for asked in world.asked] == [excluded]


def test_a_host_of_another_cell_is_none(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    operation = moving(databases, placement)
    world.chosen, world.elsewhere = ["host3", "host2"], {"host3"}
    do(operation)
    assert [asked.excluded_hosts for asked in world.asked] == [("host1",), ("host1", "host3")]
    earlier = world.asked[1].earlier[operation.instance_uuid]
    assert earlier == EarlierClaim(resources={node_uuid("host3"): NEW}, generation=1), "it is to be replaced"
    assert claims(placement)[operation.instance_uuid] == ("host2", NEW)
    assert world.going == [(operation.uuid, "host2")]


def test_when_there_are_only_hosts_of_other_cells_it_turns_back(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    operation = moving(databases, placement)
    world.chosen = [f"host{n}" for n in range(2, 8)]
    world.elsewhere = set(world.chosen)
    do(operation)
    assert len(world.asked) == 5
    row = now(databases, operation)
    assert (row["at"], row["direction"], row["holder"]) == (0, "back", "me")
    assert "Servers can't move between cells." in row["failure"].message
    do(msgspec.structs.replace(operation, direction="back"))
    assert claims(placement) == {operation.instance_uuid: ("host1", OLD)}


# -- no host is found


@pytest.mark.parametrize("workflow", MOVES)
def test_without_a_host_the_server_stays_what_it_was(
    databases: Databases, placement: FakePlacement, world: World, do: Do, workflow: str
) -> None:
    operation = moving(databases, placement, workflow)
    before = databases.row(t.instances, operation.instance_uuid)
    do(operation)
    assert claims(placement) == {operation.uuid: ("host1", OLD)}
    row = now(databases, operation)
    facts = ("state", "at", "direction", "holder", "host")
    assert [row[name] for name in facts] == ["running", 0, "back", "me", None]
    (entry,) = row["journal"]
    message = entry.details
    assert (entry.event, entry.result, entry.host) == ("conductor_place", "Error", "ctl")
    assert "ComputeFilter rejected 1 host(s): it is down" in message
    assert row["failure"] == Failure(message=message, code=500, details=message)
    assert world.going == [(operation.uuid, None)]

    do(msgspec.structs.replace(operation, direction="back"))
    assert claims(placement) == {operation.instance_uuid: ("host1", OLD)}
    row = now(databases, operation)
    assert (row["state"], row["finish_time"]) == ("failed", LATER)
    assert [(each.event, each.result) for each in row["journal"]] == [
        ("conductor_place", "Error"), ("conductor_place", "Success"),
    ]  # fmt: skip
    after = databases.row(t.instances, operation.instance_uuid)
    fault = after.pop("fault")
    assert fault.message == message[:255]
    assert fault.details == message
    del before["fault"]
    assert after == {**before, "task_state": None, "updated_at": LATER}
    assert databases.row(t.migrations, operation.uuid)["status"] == "error"
    assert len(world.going) == 1


# -- confirming and reverting


def test_a_confirmed_move_has_no_claim_but_its_servers(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    operation = moving(
        databases, placement, "resize_confirm", "release", of_server={"vm_state": "resized", "task_state": None}
    )
    claim(placement, "m", "host2", NEW)
    do(operation)
    assert claims(placement) == {operation.instance_uuid: ("host1", OLD)}
    assert now(databases, operation)["state"] == "done"
    (entry,) = now(databases, operation)["journal"]
    assert (entry.event, entry.result) == ("conductor_release", "Success")
    server = databases.row(t.instances, operation.instance_uuid)
    assert (server["vm_state"], server["task_state"]) == ("active", None)
    assert world.going == []


def test_a_reverted_move_gives_the_old_claim_back_and_the_source_goes_on(
    databases: Databases, placement: FakePlacement, world: World, do: Do
) -> None:
    of_server = {"vm_state": "resized", "task_state": "resize_reverting", "host": "host2", "flavor": NEW_FLAVOR}
    operation = moving(databases, placement, "resize_revert", "return", of_server=of_server)
    claim(placement, "m", "host1", OLD)
    claim(placement, operation.instance_uuid, "host2", NEW)
    do(operation)
    assert claims(placement) == {operation.instance_uuid: ("host1", OLD)}
    row = now(databases, operation)
    assert (row["state"], row["at"], row["host"]) == ("pending", 2, "host1")
    (entry,) = row["journal"]
    assert (entry.event, entry.result) == ("conductor_return", "Success")
    assert world.going == [(operation.uuid, "host1")]
    server = databases.row(t.instances, operation.instance_uuid)
    assert (server["host"], server["node"], server["availability_zone"]) == ("host1", "node1", "west")
    assert (server["flavor"], server["vcpus"]) == (FLAVOR, 1)


@pytest.mark.parametrize("leg", ["release", "return"])
def test_while_placement_is_away_nothing_is_settled(
    databases: Databases, placement: FakePlacement, world: World, do: Do, leg: str
) -> None:
    workflow = "resize_confirm" if leg == "release" else "resize_revert"
    operation = moving(databases, placement, workflow, leg)
    before = now(databases, operation)
    placement.down = True
    with pytest.raises(errors.Unavailable):
        do(operation)
    assert (now(databases, operation), world.going) == (before, [])


def test_all_legs_of_conductors_have_somebody_to_do_them(world: World) -> None:
    assert set(world.legs) == {
        ("resize", "place", "on"), ("resize", "place", "back"), ("migrate", "place", "on"),
        ("migrate", "place", "back"), ("resize_confirm", "release", "on"), ("resize_revert", "return", "on"),
    }  # fmt: skip
