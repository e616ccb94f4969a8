"""Who holds an operation, for how long, and what becomes of it when its holder stops."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.operation import OperationState
from tests.functional.harness import Cloud

MakeCloud = Callable[..., Cloud]
O = t.operations.c  # noqa: E741


def _operations(cloud: Cloud) -> list[Any]:
    cell = cloud.conductor.cells.compute_cells()[0]
    return cell.database.query(lambda c: c.execute(sa.select(t.operations).order_by(O.id)).all())


def _create(cloud: Cloud, name: str, **more: Any) -> str:
    return str(cloud.demo.at("2.37").post("/servers", cloud.server_body(name, **more), 202)["server"]["id"])


def test_a_slow_scheduler_does_not_cost_a_conductor_its_operation(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(conductor__operation_lease=0.5, conductor__reaper_interval=0.1)
    asked, answer = [], threading.Event()
    claim = cloud.placement.claim

    def slow(claims: Any) -> None:
        asked.append(claims)
        answer.wait(10)
        claim(claims)

    cloud.placement.claim = slow  # type: ignore[method-assign]
    uuid = _create(cloud, "patient")
    cloud.eventually(lambda: asked)
    threading.Event().wait(1.5)
    (operation,) = _operations(cloud)
    assert (operation.state, operation.epoch) == (OperationState.RUNNING, 1)
    answer.set()
    cloud.demo.wait_for(uuid, "ACTIVE")
    assert len(asked) == 1


def test_an_operation_that_does_not_end_is_given_up(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, conductor__operation_timeout=1, conductor__operation_remind_after=0.2)
    spawn, go_on = cloud.compute.driver.spawn, threading.Event()

    def hang(*args: Any) -> None:
        go_on.wait(30)
        spawn(*args)

    cloud.compute.driver.spawn = hang  # type: ignore[method-assign]
    uuid = _create(cloud, "endless", networks=[{"uuid": cloud.network["id"]}])
    server = cloud.demo.wait_for(uuid, "ERROR")
    assert "did not end in time" in server["fault"]["message"]
    go_on.set()
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)
    assert not cloud.neutron.ports(device_id=uuid)
    cloud.eventually(lambda: uuid not in cloud.placement.consumers)
    cloud.eventually(lambda: not cloud.compute.driver.residents(cloud.compute.driver.hosts()[0]))


def test_a_compute_that_stops_leaves_what_it_has_not_begun(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, max_concurrent_builds=1)
    spawn, begun, go_on = cloud.compute.driver.spawn, threading.Event(), threading.Event()

    def slow(*args: Any) -> None:
        begun.set()
        go_on.wait(30)
        spawn(*args)

    cloud.compute.driver.spawn = slow  # type: ignore[method-assign]
    uuids = [_create(cloud, f"vm{n}") for n in range(4)]
    assert begun.wait(10)
    cloud.eventually(lambda: len([o for o in _operations(cloud) if o.holder == cloud.compute.incarnation]) == 4)
    stopping = threading.Thread(target=cloud.stop, args=(cloud.compute,))
    stopping.start()
    cloud.eventually(lambda: cloud.compute.worker._draining.is_set())
    go_on.set()
    stopping.join(10)
    assert sorted(o.state for o in _operations(cloud)) == [OperationState.DONE] + [OperationState.RUNNING] * 3
    cloud.compute = cloud.start_compute()
    for uuid in uuids:
        cloud.demo.wait_for(uuid, "ACTIVE")


def test_a_conductor_that_stops_gives_back_what_it_holds(make_cloud: MakeCloud) -> None:
    """Another one goes on with it at once, not when the lease runs out."""
    cloud = make_cloud(conductor__operation_lease=600, conductor__orchestration_pool_size=1)
    asked, answer = threading.Event(), threading.Event()
    claim = cloud.placement.claim

    def slow(claims: Any) -> None:
        asked.set()
        answer.wait(10)
        claim(claims)

    cloud.placement.claim = slow  # type: ignore[method-assign]
    uuids = [_create(cloud, f"vm{n}") for n in range(3)]
    assert asked.wait(10)
    first, cloud.conductor = cloud.conductor, cloud.start_conductor()
    stopping = threading.Thread(target=cloud.stop, args=(first,))
    stopping.start()
    cloud.eventually(lambda: len([o for o in _operations(cloud) if o.holder != first.leases.holder]) == 2)
    answer.set()
    stopping.join(20)
    for uuid in uuids:
        cloud.demo.wait_for(uuid, "ACTIVE")


@pytest.mark.parametrize("answer_lost", [False, True])
@pytest.mark.parametrize("stalled_at", [1, 2])
def test_a_conductor_that_was_overtaken_leaves_the_claim_of_its_successor(
    make_cloud: MakeCloud, stalled_at: int, answer_lost: bool
) -> None:
    """The first try fails, perhaps after it has claimed; the second one stalls at one of its requests to Placement
    until the third one has built the server."""
    cloud = make_cloud(hosts=3, conductor__operation_lease=0.4, conductor__reaper_interval=0.1)
    cloud.conductor.leases.renew = lambda: None  # type: ignore[method-assign]  # as if the process did not run
    claim, asked = cloud.placement.claim, cloud.placement._asked
    stalled, go_on, went_on = threading.Event(), threading.Event(), threading.Event()
    requests: list[str] = []

    def fail(claims: Any) -> None:
        cloud.placement.claim = claim  # type: ignore[method-assign]
        cloud.placement._asked = count  # type: ignore[method-assign]
        if answer_lost:
            claim(claims)
        requests.clear()
        raise errors.Unavailable(reason="the first try")

    def count(name: str) -> None:
        if name in ("get_allocations", "delete_allocations", "claim"):
            requests.append(name)
            if len(requests) == stalled_at:
                stalled.set()
                go_on.wait(20)
                went_on.set()
        asked(name)

    cloud.placement.claim = fail  # type: ignore[method-assign]
    uuid = _create(cloud, "contended")
    assert stalled.wait(10)
    server = cloud.admin.wait_for(uuid, "ACTIVE")
    go_on.set()
    assert went_on.wait(10)
    cloud.conductor.legs.wait()
    (claimed,) = cloud.placement.consumers[uuid].allocations
    assert cloud.placement.providers[claimed].name == server["OS-EXT-SRV-ATTR:hypervisor_hostname"]
