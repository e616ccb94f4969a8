"""The conductor's legs of moves: who gets which claim, what the scheduler is asked, and what is recorded."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.clients.placement_types import Claim, single
from novalike.conductor.operations.claims import MovedClaims
from novalike.conductor.operations.host_choice import HostChooser
from novalike.conductor.operations.resize import Moving
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.image import Image
from novalike.objects.operation import Failure, Operation
from novalike.objects.operations.action import Direction
from novalike.objects.operations.resize import MoveParams
from novalike.objects.scheduling import EarlierClaim, Rejection, SchedulingRequest, Selection, Selections
from tests.fakes.placement import FakePlacement
from tests.fakes.records import PROJECT, USER, context
from tests.unit.conductor.databases import FLAVOR, LATER, Databases
from tests.unit.conductor.moves import MOVE, NEW_FLAVOR, at, migrate
from tests.unit.scheduler.cloud import node_uuid, report

Row = dict[str, Any]
IMAGE = Image(id="image", name="tiny", disk_format="raw")
OLD, NEW = {"VCPU": 1}, {"VCPU": 2}
Claims = dict[str, tuple[str, dict[str, int]]]
MOVES = ["resize", "migrate"]


class World:
    """The scheduler, and whoever does what follows.

    :ivar chosen: the hosts that the scheduler finds, one after the other; those of ``elsewhere`` are in another cell.
    :ivar meanwhile: what happens while it looks.
    """

    holder = "me"

    def __init__(self, placement: FakePlacement) -> None:
        self._placement = placement
        self.chosen: list[str] = []
        self.elsewhere: set[str] = set()
        self.asked: list[SchedulingRequest] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.going: list[tuple[str, str | None]] = []
        self.legs: dict[tuple[str, str, str], Any] = {}

    def client(self, interface: Any) -> "World":
        return self

    def select(self, ctx: RequestContext, *, request: SchedulingRequest) -> Selections:
        self.asked.append(request)
        if not self.chosen:
            self.meanwhile()
            rejected = Rejection(stage="ComputeFilter", reason="it is down", hosts=("h",))
            return Selections(selections=(), rejections=(rejected,))
        host, (server,) = self.chosen.pop(0), request.instance_uuids
        known = self._placement.get_allocations(server).consumer_generation
        self._placement.claim([Claim(server, single(node_uuid(host), NEW), PROJECT, USER, known)])
        self.meanwhile()
        found = Selection(
            instance_uuid=server, host=host, node=f"{host}.node", node_uuid=node_uuid(host), endpoint=f"at {host}",
            cell="cell2" if host in self.elsewhere else "cell1", zone="east",
        )  # fmt: skip
        return Selections(selections=(found,), rejections=())

    def set_going(self, ctx: RequestContext, cell: Any, operation: Operation, endpoint: str | None = None) -> None:
        self.going.append((operation.uuid, operation.host))

    def add(
        self, workflow: str, leg: str, work: Any, *, threads: int, direction: Direction = Direction.ON
    ) -> None:
        assert threads >= 1
        self.legs[workflow, leg, direction] = work


@pytest.fixture
def placement() -> FakePlacement:
    found = FakePlacement()
    for host in ("host1", "host2", "host3", "host4", "host5", "host6", "host7"):
        found.add_provider(report(host))
    return found


@pytest.fixture
def world(databases: Databases, placement: FakePlacement, monkeypatch: pytest.MonkeyPatch) -> World:
    databases.stop_clocks(monkeypatch)
    found = World(placement)
    parts: Any = found
    chooser = HostChooser(databases.cells, parts, placement, "me")
    Moving(databases.conf, chooser, MovedClaims(placement), parts).add_to(parts)
    return found


Do = Callable[..., None]


@pytest.fixture
def do(databases: Databases, world: World) -> Do:
    """Does the leg that operations are at."""

    def do(*operations: Operation) -> None:
        route, at = operations[0].route, operations[0].at
        assert route is not None
        work = world.legs[operations[0].workflow, route[at].leg, Direction(operations[0].direction)]
        work(context(), databases.cell(), [each.uuid for each in operations])

    return do


def claims(placement: FakePlacement) -> Claims:
    found = {}
    names = {node_uuid(f"host{n}"): f"host{n}" for n in range(1, 8)}
    for consumer, claimed in placement.consumers.items():
        ((provider, amounts),) = claimed.allocations.items()
        found[consumer] = (names[provider], amounts.resources)
    return found


def claim(placement: FakePlacement, consumer: str, host: str, resources: dict[str, int]) -> None:
    known = placement.consumers.get(consumer)
    generation = None if known is None else known.consumer_generation
    placement.claim([Claim(consumer, single(node_uuid(host), resources), PROJECT, USER, generation)])


def moving(
    databases: Databases, placement: FakePlacement, workflow: str = "resize", leg: str = "place", *,
    of_server: Row = {}, params: MoveParams = MOVE, **facts: Any,
) -> Operation:  # fmt: skip
    """A move of a server that has a claim on its host, in this conductor's hands."""
    state = {"task_state": "resize_prep", "node": "node1", "availability_zone": "west"}
    server = databases.server(asked={"image": IMAGE}, **(state | of_server))
    operation = at(databases, server, workflow, leg, params, **facts)
    migrate(databases, operation, "pre-migrating")
    claim(placement, server, "host1", OLD)
    return operation


def now(databases: Databases, operation: Operation) -> Row:
    return databases.row(t.operations, operation.uuid)


def change(databases: Databases, operation: Operation, **facts: Any) -> None:
    databases.execute(sa.update(t.operations).where(t.operations.c.uuid == operation.uuid).values(**facts))


def change_server(databases: Databases, operation: Operation, **facts: Any) -> None:
    here = t.instances.c.uuid == operation.instance_uuid
    databases.execute(sa.update(t.instances).where(here).values(**facts))


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


# -- crashes, and who comes late


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
