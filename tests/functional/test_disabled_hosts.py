"""A host has just been disabled, and the scheduler does not know it yet: the conductor asks for another one at once."""

from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.db.cell import tables as t
from tests.functional.harness import Cloud


@pytest.fixture
def cloud(make_cloud: Callable[..., Cloud]) -> Cloud:
    """Two hosts, and a scheduler that remembers what it has once seen."""
    return make_cloud(hosts=2, scheduler__sync_interval=60, scheduler__candidates_max_age=60.0)


def create(cloud: Cloud, name: str, status: str = "ACTIVE", **more: Any) -> tuple[str, str | None]:
    """Its uuid, its host."""
    uuid = cloud.demo.at("2.37").post("/servers", cloud.server_body(name, **more), 202)["server"]["id"]
    return uuid, cloud.admin.wait_for(uuid, status)["OS-EXT-SRV-ATTR:host"]


def disable_the_other(cloud: Cloud) -> tuple[str, str]:
    """The host of a server that is there, and the one that would be chosen next, which is disabled."""
    _, used = create(cloud, "first")
    (free,) = {"fake001", "fake002"} - {used}
    cloud.admin.put("/os-services/disable", {"host": free, "binary": "nova-compute"})
    cloud.bus.sent.clear()
    return str(used), free


def test_another_host_is_chosen_in_one_go(cloud: Cloud) -> None:
    used, _ = disable_the_other(cloud)
    uuid, host = create(cloud, "second")
    assert host == used
    assert cloud.bus.sent.count(("Scheduler", "select")) == 2
    epoch = sa.select(t.operations.c.epoch).where(t.operations.c.instance_uuid == uuid)
    cell = cloud.conductor.cells.of_instance(uuid)
    assert cell.database.query(lambda c: c.execute(epoch).scalar_one()) == 3, "it was put off meanwhile"
    (claimed,) = cloud.placement.consumers[uuid].allocations
    assert cloud.placement.providers[claimed].name == used


def test_of_several_servers_those_that_have_a_good_host_keep_it(cloud: Cloud) -> None:
    used, _ = disable_the_other(cloud)
    body = cloud.server_body("many", min_count=3, max_count=3)
    cloud.demo.at("2.37").post("/servers", body, 202)
    path = "/servers/detail?name=many"
    cloud.eventually(lambda: {s["status"] for s in cloud.demo.get(path)["servers"]} == {"ACTIVE"})
    shown = cloud.admin.get("/servers/detail?all_tenants=1&name=many")["servers"]
    assert [s["OS-EXT-SRV-ATTR:host"] for s in shown] == [used] * 3
    assert cloud.bus.sent.count(("Scheduler", "select")) == 2


def test_when_all_are_disabled_there_is_none(cloud: Cloud) -> None:
    used, _ = disable_the_other(cloud)
    cloud.admin.put("/os-services/disable", {"host": used, "binary": "nova-compute"})
    uuid, host = create(cloud, "none", "ERROR")
    assert host is None
    assert uuid not in cloud.placement.consumers


def test_what_nobody_has_disabled_is_not_asked_for_again(cloud: Cloud) -> None:
    create(cloud, "first")
    cloud.bus.sent.clear()
    create(cloud, "second")
    assert cloud.bus.sent.count(("Scheduler", "select")) == 1
