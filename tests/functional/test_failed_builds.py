"""Hosts that fail to build are known for it, until they have built something."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.virt.guest import Guest
from tests.functional.harness import Cloud

MakeCloud = Callable[..., Cloud]


def _failed(cloud: Cloud) -> dict[str, int]:
    n = t.compute_nodes.c
    cell = cloud.conductor.cells.compute_cells()[0]
    return dict(cell.database.query(lambda c: c.execute(sa.select(n.host, n.failed_builds)).all()))


def _create(cloud: Cloud, name: str, status: str = "ACTIVE") -> str:
    uuid = cloud.demo.at("2.37").post("/servers", cloud.server_body(name), 202)["server"]["id"]
    host = cloud.admin.wait_for(uuid, status)["OS-EXT-SRV-ATTR:host"]
    cloud.eventually(lambda: not cloud.compute.worker.works_on(uuid))  # what is to be counted has been
    return str(host)


def test_a_host_that_fails_to_build_is_left_alone_until_it_has_built_something(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=3)
    spawn, broken = cloud.compute.driver.spawn, "fake002"
    failures = 0

    def fail(guest: Guest, *more: Any) -> None:
        nonlocal failures
        if guest.host == broken:
            failures += 1
            raise errors.Internal("the disk is read-only")
        spawn(guest, *more)

    cloud.compute.driver.spawn = fail  # type: ignore[method-assign]
    hosts = {_create(cloud, f"vm{n}") for n in range(3)}  # one on each host, were they all good
    assert hosts == {"fake001", "fake003"}
    assert 1 <= failures <= 3  # the scheduler may choose it again before it has heard of the first one
    cloud.eventually(lambda: _failed(cloud) == {"fake001": 0, "fake002": failures, "fake003": 0})
    snapshot_cache = cloud.scheduler._handler.snapshot_cache
    # Builds as well: a host that still seems to be building is weighed below one that is fuller.
    seen = {("fake001", 0, 0), ("fake002", failures, 0), ("fake003", 0, 0)}
    cloud.eventually(
        lambda: {(s.host, s.failed_builds, s.num_io_ops) for s in snapshot_cache.current().by_uuid.values()} == seen
    )
    before = failures
    assert {_create(cloud, f"more{n}") for n in range(4)} == {"fake001", "fake003"}
    assert failures == before  # it was not even tried
    cloud.compute.driver.spawn = spawn  # type: ignore[method-assign]
    admin = cloud.admin.at("2.74")
    uuid = admin.post("/servers", cloud.server_body("pinned", host=broken), 202)["server"]["id"]
    cloud.admin.wait_for(uuid, "ACTIVE")
    cloud.eventually(lambda: set(_failed(cloud).values()) == {0})


def test_a_request_that_fails_anywhere_says_nothing_of_the_host(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)

    def abort(*args: Any) -> None:
        raise errors.BuildAborted(instance_id="it", reason="the image is no image")

    cloud.compute.driver.prepare_disks = abort  # type: ignore[method-assign]
    _create(cloud, "hopeless", "ERROR")
    cloud.compute.resource_reports.report()
    assert _failed(cloud) == {"fake001": 0}
