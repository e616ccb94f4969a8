"""How a new server is placed: what the scheduler is asked, what is recorded, who is told, whose claims are given up."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.clients.placement_types import Claim, single
from novalike.conductor.operations.create import Placing
from novalike.conductor.operations.host_choice import HostChooser
from novalike.db.cell import operations as operations_db
from novalike.db.cell import tables as t
from novalike.objects.context import RequestContext
from novalike.objects.image import Image
from novalike.objects.network import RequestedNetwork
from novalike.objects.operation import Operation, Stop
from novalike.objects.scheduling import EarlierClaim, Rejection, SchedulingRequest, Selection, Selections
from tests.fakes.placement import FakePlacement
from tests.fakes.records import PROJECT, USER, context
from tests.unit.conductor.databases import FLAVOR, LATER, Databases, changed
from tests.unit.scheduler.cloud import node_uuid, report

ROUTE = (Stop(leg="place", epoch=1), Stop(leg="build"))
IMAGE = Image(id="image", name="tiny", disk_format="raw")


def selection(server: str, host: str) -> Selection:
    return Selection(
        instance_uuid=server, host=host, node=f"{host}.node", node_uuid=node_uuid(host), endpoint=f"at {host}",
        cell="cell1", zone="east",
    )  # fmt: skip


class Scheduler:
    """Answers with the hosts of ``chosen``; what happens ``meanwhile`` is called before."""

    def __init__(self) -> None:
        self.asked: list[SchedulingRequest] = []
        self.chosen: dict[str, str] = {}
        self.on_old_candidates = False
        self.meanwhile: Callable[[], Any] = lambda: None

    def client(self, interface: Any) -> "Scheduler":
        return self

    def select(self, ctx: RequestContext, *, request: SchedulingRequest) -> Selections:
        self.asked.append(request)
        self.meanwhile()
        return Selections(
            selections=tuple(selection(s, self.chosen[s]) for s in request.instance_uuids if s in self.chosen),
            rejections=() if self.chosen else (Rejection(stage="ComputeFilter", reason="it is down", hosts=("h",)),),
            on_old_candidates=self.on_old_candidates,
        )


class Messenger:
    def __init__(self) -> None:
        self.hints: list[tuple[str, str, list[str]]] = []

    def hint(self, ctx: RequestContext, endpoint: str, host: str, operation_ids: list[str]) -> None:
        self.hints.append((endpoint, host, operation_ids))


@pytest.fixture
def scheduler() -> Scheduler:
    return Scheduler()


@pytest.fixture
def messenger() -> Messenger:
    return Messenger()


@pytest.fixture
def placement() -> FakePlacement:
    found = FakePlacement()
    for host in ("host1", "host2"):
        found.add_provider(report(host))
    return found


Place = Callable[..., None]


@pytest.fixture
def place(
    databases: Databases, scheduler: Scheduler, messenger: Messenger, placement: FakePlacement,
    monkeypatch: pytest.MonkeyPatch,
) -> Place:  # fmt: skip
    """Places the servers of some operations."""
    databases.stop_clocks(monkeypatch)
    transport: Any = scheduler
    told: Any = messenger
    chooser = HostChooser(databases.cells, transport, placement, "me")
    placing = Placing(databases.conf, databases.cells, chooser, told, placement, "me")
    return lambda *operations: placing.place(context(), databases.cell(), [each.uuid for each in operations])


Facts = dict[str, Any]


def _new(databases: Databases, *, asked: Facts = {}, of_server: Facts = {}, **facts: Any) -> Operation:
    """The operation of a new server, which this conductor holds."""
    state = {"vm_state": "building", "task_state": "scheduling", "host": None, "node": None, "power_state": 0}
    server = databases.server(asked={"image": IMAGE, **asked}, **(state | of_server))
    return databases.operation(
        server, "create", **({"host": None, "holder": "me", "epoch": 1, "route": ROUTE, "at": 0} | facts)
    )


def claim(placement: FakePlacement, server: str, host: str = "host1") -> None:
    placement.claim([Claim(server, single(node_uuid(host), {"VCPU": 1}), PROJECT, USER)])


def test_the_scheduler_is_asked_for_what_the_user_has_asked_for(
    databases: Databases, scheduler: Scheduler, place: Place
) -> None:
    neighbour, elsewhere = databases.server(host="host7"), databases.server(host="host8")
    hints = {"same_host": [neighbour], "different_host": elsewhere, "group": "g"}
    asked = {"requested_host": "host1", "requested_node": "host1.node", "force_host": True}
    operation = _new(
        databases, asked=asked, of_server={"scheduler_hints": hints, "availability_zone": "east"},
        params={"excluded_hosts": ["host9"]},
    )  # fmt: skip
    scheduler.chosen = {operation.instance_uuid: "host1"}
    place(operation)
    assert scheduler.asked == [SchedulingRequest(
        project_id=PROJECT, user_id=USER, instance_uuids=(operation.instance_uuid,), flavor=FLAVOR, image=IMAGE,
        availability_zone="east", host="host1", node="host1.node", force_host=True, hints=hints,
        excluded_hosts=("host9",), instance_hosts={neighbour: "host7", elsewhere: "host8"},
    )]  # fmt: skip


@pytest.mark.parametrize(("networks", "task_state"), [(None, "spawning"), ((RequestedNetwork(),), "networking")])
def test_a_host_that_was_found_is_recorded_and_told(
    databases: Databases, scheduler: Scheduler, messenger: Messenger, place: Place,
    networks: tuple[RequestedNetwork, ...] | None, task_state: str,
) -> None:  # fmt: skip
    """Without networks it has nothing to report before the guest."""
    one, two, three = (_new(databases, asked={"networks": networks}) for _ in range(3))
    scheduler.chosen = {one.instance_uuid: "host1", two.instance_uuid: "host2", three.instance_uuid: "host1"}
    before = databases.row(t.operations, one.uuid), databases.row(t.instances, one.instance_uuid)
    place(one, two, three)
    assert sorted(messenger.hints) == [
        ("at host1", "host1", [one.uuid, three.uuid]), ("at host2", "host2", [two.uuid]),
    ]  # fmt: skip
    now = databases.row(t.operations, one.uuid)
    (entry,) = now.pop("journal")
    del before[0]["journal"]
    assert changed(before[0], now) == {
        "state": "pending", "epoch": 2, "holder": None, "host": "host1", "endpoint": "at host1", "at": 1,
        "route": (ROUTE[0], Stop(leg="build", host="host1", node="host1.node", epoch=2)), "updated_at": LATER,
        "due_at": LATER + datetime.timedelta(seconds=10),
    }  # fmt: skip
    assert (entry.event, entry.result, entry.host, entry.details) == ("conductor_place", "Success", "ctl", None)
    assert entry.start_time <= entry.finish_time
    assert changed(before[1], databases.row(t.instances, one.instance_uuid)) == {
        "task_state": task_state, "host": "host1", "node": "host1.node", "endpoint": "at host1",
        "availability_zone": "east", "updated_at": LATER,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("epoch", "on_old_candidates", "given_up"), [(1, False, False), (1, True, True), (2, False, True)]
)
def test_a_server_for_which_there_is_no_host_fails_and_has_no_claim(
    databases: Databases, scheduler: Scheduler, placement: FakePlacement, place: Place, epoch: int,
    on_old_candidates: bool, given_up: bool,
) -> None:  # fmt: skip
    """Placement is asked to forget it only when somebody may have claimed something for it."""
    operation = _new(databases, epoch=epoch)
    scheduler.on_old_candidates = on_old_candidates
    place(operation)
    row, server = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    assert (row["state"], server["vm_state"], server["task_state"]) == ("failed", "error", None)
    (entry,) = row["journal"]
    assert (entry.event, entry.result, entry.host) == ("conductor_place", "Error", "ctl")
    assert "ComputeFilter rejected 1 host(s): it is down" in entry.details
    assert entry.details == server["fault"].message == server["fault"].details
    assert placement.requests.get("delete_allocations", 0) == given_up


def test_what_an_earlier_try_has_claimed_is_told_to_the_scheduler_by_who_still_holds_the_operation(
    databases: Databases, scheduler: Scheduler, placement: FakePlacement, place: Place
) -> None:
    ours, free, lost = (_new(databases, epoch=2) for _ in range(3))
    for operation in (ours, lost):
        claim(placement, operation.instance_uuid)
    look = placement.get_allocations

    def lose(uuid: str) -> Any:
        if uuid == lost.instance_uuid:
            databases.execute(sa.update(t.operations).where(t.operations.c.uuid == lost.uuid).values(epoch=3))
        return look(uuid)

    placement.get_allocations = lose  # type: ignore[method-assign]
    place(ours, free, lost)
    (asked,) = scheduler.asked
    assert asked.instance_uuids == (ours.instance_uuid, free.instance_uuid)
    assert asked.earlier == {
        ours.instance_uuid: EarlierClaim(resources={node_uuid("host1"): {"VCPU": 1}}, generation=1)
    }


def test_who_holds_none_of_the_operations_asks_nobody(
    databases: Databases, scheduler: Scheduler, place: Place
) -> None:
    place(_new(databases, holder="another conductor"))
    assert scheduler.asked == []


@pytest.mark.parametrize(
    ("what", "facts", "host", "stays"),
    [
        ("deleted", {"state": "superseded"}, None, False), ("failed", {"state": "failed"}, None, False),
        ("failed there", {"state": "failed"}, "host1", True), ("built", {"state": "done"}, "host1", True),
        ("placed again", {"epoch": 3, "holder": "successor"}, None, True),
    ],
)  # fmt: skip
def test_the_claim_of_a_server_that_was_somebody_elses_meanwhile_is_given_up_when_it_is_over(
    databases: Databases, scheduler: Scheduler, messenger: Messenger, placement: FakePlacement, place: Place,
    what: str, facts: dict[str, Any], host: str | None, stays: bool,
) -> None:  # fmt: skip
    operation = _new(databases)
    scheduler.chosen = {operation.instance_uuid: "host1"}

    def lose() -> None:
        claim(placement, operation.instance_uuid)
        databases.execute(sa.update(t.operations).where(t.operations.c.uuid == operation.uuid).values(**facts))
        here = t.instances.c.uuid == operation.instance_uuid
        databases.execute(sa.update(t.instances).where(here).values(host=host))

    scheduler.meanwhile = lose
    place(operation)
    assert (operation.instance_uuid in placement.consumers) is stays
    assert messenger.hints == []
    found = databases.cell().database.query(lambda c: operations_db.get(c, operation.uuid))
    assert found is not None
    assert (found.state, found.epoch) == (facts.get("state", "running"), facts.get("epoch", 1))
