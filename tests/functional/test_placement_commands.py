"""novalike-manage placement: what is wrong is found and mended, and what is under way is left alone."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.clients.placement_types import Allocation, Choice, Claim, single
from novalike.conductor.cells import Cells
from novalike.db.cell import tables as t
from novalike.db.engine import Database
from tests.functional.harness import DEMO_PROJECT, Cloud
from tests.functional.manage import Manage
from tests.unit.scheduler.cloud import report

MakeCloud = Callable[..., Cloud]
TINY = {"VCPU": 1, "MEMORY_MB": 64, "DISK_GB": 1}


@pytest.fixture
def cloud(make_cloud: MakeCloud) -> Cloud:
    return make_cloud(hosts=2)


@pytest.fixture
def run(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Manage:
    return Manage(cloud, monkeypatch, capsys)


@pytest.fixture
def gate(cloud: Cloud) -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def make_server(cloud: Cloud, name: str = "vm", **more: Any) -> str:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body(name, **more), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    uuid: str = made["id"]
    return uuid


def provider_of(cloud: Cloud, uuid: str) -> str:
    (provider,) = cloud.placement.consumers[uuid].allocations
    return provider


def other_provider(cloud: Cloud, uuid: str) -> str:
    (other,) = cloud.placement.providers.keys() - {provider_of(cloud, uuid)}
    return other


def give(cloud: Cloud, consumer: str, provider: str, resources: dict[str, int] | None = None) -> None:
    """Somebody breaks something: the consumer has exactly this."""
    cloud.placement.consumers.pop(consumer, None)
    cloud.placement.claim([Claim(consumer, single(provider, resources or TINY), DEMO_PROJECT, "demo-user")])


def cell1(cloud: Cloud) -> Database:
    return Cells(cloud.conf).home().database


def test_nothing_wrong(cloud: Cloud, run: Manage) -> None:
    make_server(cloud)
    assert run("placement", "audit") == 0
    assert run.out == ""
    assert run("placement", "audit", "--delete", "--verbose") == 0
    assert "Read 1 consumers of 2 resource providers, 1 servers, 0 migrations that are not over." in run.out
    assert run("placement", "heal_allocations", "--verbose") == 4


def test_orphans_are_found_and_deleted(cloud: Cloud, run: Manage) -> None:
    kept, gone, nowhere = (make_server(cloud, name) for name in ("kept", "gone", "nowhere"))
    provider = provider_of(cloud, kept)
    cloud.demo.delete(f"/servers/{gone}")
    cloud.demo.wait_gone(gone)
    row = t.instances.c.uuid == nowhere
    cell1(cloud).write(lambda c: c.execute(t.instances.update().where(row).values(host=None, node=None)))
    give(cloud, gone, provider)
    give(cloud, "unknown", provider)
    before = dict(cloud.placement.consumers)
    assert run("placement", "audit") == 3
    lines = sorted(line.split(": ")[:2] for line in run.out.splitlines()[:-1])
    assert lines == sorted(
        [
            [gone, "the server was deleted"],
            ["unknown", "there is no such server or migration"],
            [nowhere, "the server is on no host"],
        ]
    )
    assert run.out.splitlines()[-1] == "3 found, 0 of them deleted."
    assert cloud.placement.consumers == before
    assert run("placement", "audit", "--delete") == 4
    assert list(cloud.placement.consumers) == [kept]
    assert run("placement", "audit") == 0


def test_what_belongs_to_a_server_is_mended_not_deleted(cloud: Cloud, run: Manage) -> None:
    missing, misplaced, more = (make_server(cloud, name) for name in ("missing", "misplaced", "more"))
    wanted = {uuid: cloud.placement.consumers[uuid].allocations for uuid in (missing, misplaced, more)}
    give(cloud, misplaced, other_provider(cloud, misplaced))
    give(cloud, more, provider_of(cloud, more), {"VCPU": 2, "MEMORY_MB": 64})
    del cloud.placement.consumers[missing]
    assert run("placement", "audit", "--delete") == 3
    found = dict(line.split(": ")[:2] for line in run.out.splitlines()[:-1])
    assert found == {
        missing: "the server has no allocation",
        misplaced: "allocations on the wrong resource provider",
        more: "wrong amounts",
    }
    assert f"{more}: wrong amounts: MEMORY_MB=64, VCPU=2 instead of DISK_GB=1, MEMORY_MB=64, VCPU=1" in run.out
    assert misplaced in cloud.placement.consumers

    assert run("placement", "heal_allocations", "--dry-run") == 0
    assert f"[dry-run] Would write allocations of server {missing}" in run.out
    assert missing not in cloud.placement.consumers
    assert run("placement", "heal_allocations", "--instance", misplaced) == 4
    assert run("placement", "heal_allocations", "--verbose") == 0
    assert "Processed 1 instances." in run.out
    assert cloud.placement.consumers[missing].allocations == wanted[missing]
    assert cloud.placement.consumers[missing].project_id == DEMO_PROJECT
    for uuid in (misplaced, more):
        assert run("placement", "heal_allocations", "--instance", uuid, "--force") == 0
        assert cloud.placement.consumers[uuid].allocations == wanted[uuid]
    assert run("placement", "audit") == 0


def test_one_resource_provider(cloud: Cloud, run: Manage) -> None:
    first = make_server(cloud, "first")
    here, there = provider_of(cloud, first), other_provider(cloud, first)
    give(cloud, "unknown", there)
    assert run("placement", "audit", "--resource_provider", here, "--delete") == 0
    assert "unknown" in cloud.placement.consumers
    del cloud.placement.consumers[first]
    assert run("placement", "audit", "--resource_provider", there) == 3
    assert "1 found" in run.out
    assert run("placement", "audit", "--resource_provider", here) == 3
    assert f"{first}: the server has no allocation" in run.out
    assert run("placement", "audit", "--resource_provider", there, "--delete") == 4
    assert not cloud.placement.consumers
    assert run("placement", "audit", "--resource_provider", "none") == 127
    assert "does not exist" in run.err


def test_what_may_be_others_is_left_alone(cloud: Cloud, run: Manage) -> None:
    provider = provider_of(cloud, make_server(cloud))
    give(cloud, "volume", provider)
    of_others = msgspec.structs.replace(cloud.placement.consumers["volume"], consumer_type="VOLUME")
    cloud.placement.consumers["volume"] = of_others
    foreign = report("not-ours")
    cloud.placement.add_provider(foreign)
    give(cloud, "stranger", foreign.uuid)
    assert run("placement", "audit", "--delete", "--verbose") == 0
    assert "Consumer volume is left alone: it is of type VOLUME." in run.out
    assert "Consumer stranger is left alone: its resource provider is no node of ours" in run.out
    assert {"volume", "stranger"} < cloud.placement.consumers.keys()
    assert run("placement", "audit", "--delete", "--resource_provider", foreign.uuid) == 4
    assert "stranger" not in cloud.placement.consumers


def test_operations_in_flight_fool_nobody(cloud: Cloud, run: Manage, gate: threading.Event) -> None:
    """A build that has not come to its end, and whose claim is somewhere else, or not yet there, or not any more."""
    spawn = cloud.compute.driver.spawn

    def hang(*args: Any) -> None:
        assert gate.wait(60)
        spawn(*args)

    cloud.compute.driver.spawn = hang  # type: ignore[method-assign]
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("building"), 202)["server"]["id"]
    path = f"/servers/{made}"
    cloud.eventually(lambda: cloud.demo.get(path)["server"]["OS-EXT-STS:task_state"] == "spawning")
    claim, elsewhere = cloud.placement.consumers[made], other_provider(cloud, made)
    del cloud.placement.consumers[made]
    assert run("placement", "audit", "--delete", "--verbose") == 0
    assert f"Server {made} is left alone: something is being done to it." in run.out
    assert run("placement", "heal_allocations") == 4
    assert run("placement", "heal_allocations", "--instance", made) == 4
    assert made not in cloud.placement.consumers
    give(cloud, made, elsewhere)
    assert run("placement", "audit", "--delete") == 0
    assert run("placement", "heal_allocations", "--instance", made, "--force") == 4
    assert list(cloud.placement.consumers[made].allocations) == [elsewhere]
    cloud.placement.consumers[made] = claim
    gate.set()
    cloud.demo.wait_for(made, "ACTIVE")
    assert run("placement", "audit") == 0


def during(cloud: Cloud, method: str, happen: Callable[[], None], *, before: bool = True) -> None:
    """Something happens while Placement is asked something for the first time: before it answers, or after."""
    original = getattr(cloud.placement, method)
    todo = [happen]

    def call(*args: Any) -> Any:
        found = None if before else original(*args)
        if todo:
            todo.pop()()
        return original(*args) if before else found

    setattr(cloud.placement, method, call)


def test_a_server_made_during_the_audit_is_left_alone(cloud: Cloud, run: Manage) -> None:
    made: list[str] = []
    during(cloud, "provider_allocations", lambda: made.append(make_server(cloud, "young")))
    assert run("placement", "audit", "--delete", "--verbose") == 0
    assert "Read 1 consumers of 2 resource providers, 0 servers, 0 migrations that are not over." in run.out
    assert made[0] in cloud.placement.consumers


def test_a_server_that_comes_and_goes_during_the_audit_is_left_alone(cloud: Cloud, run: Manage) -> None:
    """What was read from Placement at the second look is old when the records are read."""
    made: list[str] = []

    def delete() -> None:
        cloud.demo.delete(f"/servers/{made[0]}")
        cloud.demo.wait_gone(made[0])

    during(cloud, "provider_allocations", lambda: made.append(make_server(cloud, "short")))
    during(cloud, "get_allocations", delete, before=False)
    assert run("placement", "audit", "--delete", "--verbose") == 0
    assert f"Server {made[0]} is left alone: something is being done to it." in run.out


def test_a_server_deleted_during_the_audit_is_left_alone(cloud: Cloud, run: Manage) -> None:
    uuid = make_server(cloud)

    def delete() -> None:
        cloud.demo.delete(f"/servers/{uuid}")
        cloud.demo.wait_gone(uuid)

    during(cloud, "provider_allocations", delete)
    assert run("placement", "audit", "--verbose") == 0
    assert "Read 0 consumers of 2 resource providers, 1 servers, 0 migrations that are not over." in run.out


def test_allocations_that_change_before_they_are_deleted_stay(cloud: Cloud, run: Manage) -> None:
    provider = provider_of(cloud, make_server(cloud))
    give(cloud, "unknown", provider)

    def change(claims: Sequence[Claim]) -> None:
        cloud.placement.before_claim = None
        generation = cloud.placement.consumers["unknown"].consumer_generation
        claim = Claim("unknown", single(provider, {"VCPU": 2}), DEMO_PROJECT, "demo-user", generation)
        cloud.placement.claim([claim])

    cloud.placement.before_claim = change
    assert run("placement", "audit", "--delete") == 3
    assert "have changed and were left" in run.err
    assert cloud.placement.consumers["unknown"].allocations[provider].resources == {"VCPU": 2}
    assert run("placement", "audit", "--delete") == 4


def test_a_server_deleted_while_it_is_healed_keeps_nothing(cloud: Cloud, run: Manage) -> None:
    uuid = make_server(cloud)
    del cloud.placement.consumers[uuid]

    def delete(claims: Sequence[Claim]) -> None:
        cloud.placement.before_claim = None
        cloud.demo.delete(f"/servers/{uuid}")
        cloud.demo.wait_gone(uuid)

    cloud.placement.before_claim = delete
    assert run("placement", "heal_allocations", "--verbose") == 4
    assert "something has just been done to it" in run.out
    assert uuid not in cloud.placement.consumers


def test_healing_that_comes_second_is_no_error(cloud: Cloud, run: Manage) -> None:
    uuid = make_server(cloud)
    claim = cloud.placement.consumers.pop(uuid)

    def faster(claims: Sequence[Claim]) -> None:
        cloud.placement.before_claim = None
        cloud.placement.consumers[uuid] = claim

    cloud.placement.before_claim = faster
    assert run("placement", "heal_allocations", "--verbose") == 4
    assert cloud.placement.consumers[uuid] == claim


def test_healing_some_at_a_time(cloud: Cloud, run: Manage) -> None:
    uuids = [make_server(cloud, f"vm{number}") for number in range(3)]
    cloud.placement.consumers.clear()
    assert run("placement", "heal_allocations", "--max-count", 2, "--verbose") == 1
    assert "Max count reached. Processed 2 instances." in run.out
    assert len(cloud.placement.consumers) == 2
    assert run("placement", "heal_allocations", "--max-count", 2) == 0
    assert cloud.placement.consumers.keys() == set(uuids)
    assert run("placement", "heal_allocations", "--max-count", 2) == 4


def test_one_cell(make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    cloud = make_cloud(hosts=2, cells=2)
    run = Manage(cloud, monkeypatch, capsys)
    uuid = make_server(cloud)
    cloud.placement.consumers.clear()
    empty, full = Cells(cloud.conf).compute_cells()
    if full.database.query(lambda c: c.execute(sa.select(t.instances.c.uuid)).first()) is None:
        empty, full = full, empty
    assert run("placement", "heal_allocations", "--cell", empty.uuid) == 4
    assert run("placement", "heal_allocations", "--cell", full.uuid) == 0
    assert uuid in cloud.placement.consumers
    assert run("placement", "audit") == 0


def test_no_room_and_no_node(cloud: Cloud, run: Manage) -> None:
    full, lost, fine = (make_server(cloud, name) for name in ("full", "lost", "fine"))
    provider = provider_of(cloud, full)
    cloud.placement.consumers.clear()
    i = t.instances.c
    cell1(cloud).write(lambda c: c.execute(t.instances.update().where(i.uuid == lost).values(node="no-such-node")))
    assert run("placement", "audit") == 3
    assert f"{lost}: the server's host has no compute node record" in run.out
    assert run("placement", "heal_allocations", "--instance", lost) == 2
    assert run("placement", "heal_allocations") == 2
    assert "has no compute node record" in run.err
    assert cloud.placement.consumers.keys() == {full, fine}
    del cloud.placement.consumers[full]
    room = cloud.placement.providers[provider].inventories["VCPU"]
    room["total"] = room["reserved"] = 0
    assert run("placement", "heal_allocations", "--instance", full) == 3
    assert "would exceed the capacity" in run.err or "max_unit" in run.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--force"], "--instance"),
        (["--instance", "u", "--cell", "c"], "exclude"),
        (["--instance", "u", "--max-count", "1"], "exclude"),
        (["--max-count", "0"], "greater than zero"),
        (["--max-count", "many"], "greater than zero"),
        (["--skip-port-allocations"], "nothing to skip"),
        (["--instance", "none"], "could not be found"),
        (["--cell", "none"], "none"),
    ],
)
def test_wrong_usage(cloud: Cloud, run: Manage, words: list[str], said: str) -> None:
    assert run("placement", "heal_allocations", *words) == 127
    assert said in run.err


def test_without_placement_nothing_is_said_to_be_wrong(cloud: Cloud, run: Manage) -> None:
    make_server(cloud)
    cloud.placement.down = True
    assert run("placement", "audit", "--delete") == 1
    assert run("placement", "heal_allocations") == 255
    assert "placement can't be reached" in run.err


def test_an_empty_claim_is_forgotten(cloud: Cloud) -> None:
    """The fake's rule, which the deleting relies on: as in Placement."""
    provider = next(iter(cloud.placement.providers))
    give(cloud, "c", provider)
    generation = cloud.placement.get_allocations("c").consumer_generation
    cloud.placement.claim([Claim("c", Choice({}), DEMO_PROJECT, "u", generation)])
    assert cloud.placement.get_allocations("c") == Allocation()
