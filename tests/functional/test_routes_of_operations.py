"""How operations pass from leg to leg, as their rows say it."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.virt.driver import GuestFailed
from novalike.virt.guest import Guest
from tests.functional.harness import Cloud

MakeCloud = Callable[..., Cloud]


def _operations(cloud: Cloud, server_id: str) -> list[Any]:
    """Those of a server, oldest first."""
    found = sa.select(t.operations).where(t.operations.c.instance_uuid == server_id).order_by(t.operations.c.id)
    return list(cloud.conductor.cells.of_instance(server_id).database.query(lambda c: c.execute(found).all()))


def _boot(cloud: Cloud, name: str) -> str:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body(name), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    return str(made["id"])


def test_a_create_is_placed_then_built(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    (create,) = _operations(cloud, _boot(cloud, "one"))
    place, build = create.route
    assert (place.leg, place.host) == ("place", None)
    assert (build.leg, build.host, build.epoch) == ("build", "fake001", create.epoch - 1)
    assert create.at == 1


def test_a_build_that_is_tried_elsewhere_is_placed_again(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=2)
    spawn, failed = cloud.compute.driver.spawn, []

    def fail_once(guest: Guest, *args: Any) -> None:
        if not failed:
            failed.append(guest.host)
            raise GuestFailed(reason="as ordered")
        spawn(guest, *args)

    cloud.compute.driver.spawn = fail_once  # type: ignore[method-assign]
    (create,) = _operations(cloud, _boot(cloud, "second"))
    assert create.route[1].host not in failed
    assert (create.at, create.attempts, create.params) == (1, 1, {"excluded_hosts": failed})


def test_epochs_of_a_later_operation_are_greater(make_cloud: MakeCloud) -> None:
    """What a server's operations mark, in Neutron for one, is compared by them."""
    cloud = make_cloud(hosts=1)
    server_id = _boot(cloud, "counted")
    for action, status in (("os-stop", "SHUTOFF"), ("os-start", "ACTIVE")):
        cloud.demo.post(f"/servers/{server_id}/action", {action: None}, 202)
        cloud.demo.wait_for(server_id, status)
    operations = _operations(cloud, server_id)
    assert [operation.action for operation in operations] == ["create", "stop", "start"]
    for earlier, later in zip(operations, operations[1:], strict=False):
        assert later.route[later.at].epoch > earlier.epoch


def test_a_delete_without_host_is_settled_by_a_conductor(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, service_down_time=2, report_interval=1)
    server_id = _boot(cloud, "orphan")
    cloud.stop(cloud.compute)
    path = f"/servers/{server_id}"
    cloud.eventually(lambda: cloud.admin.at("2.16").get(path)["server"]["host_status"] == "DOWN", timeout=15)
    cloud.demo.delete(path)
    cloud.demo.wait_gone(server_id)
    delete = _operations(cloud, server_id)[-1]
    remove, settle = delete.route
    assert remove.skipped
    assert (settle.leg, delete.at, settle.epoch) == ("settle", 1, delete.epoch)


def test_a_host_that_goes_down_while_it_deletes_is_left_out(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, service_down_time=2, report_interval=1, conductor__operation_resend_after=0.5)
    server_id = _boot(cloud, "orphan")
    cloud.stop(cloud.compute)
    cloud.demo.delete(f"/servers/{server_id}")
    cloud.demo.wait_gone(server_id)
    delete = _operations(cloud, server_id)[-1]
    remove, settle = delete.route
    assert (remove.host, remove.skipped, settle.epoch > remove.epoch, delete.at) == ("fake001", True, True, 1)
