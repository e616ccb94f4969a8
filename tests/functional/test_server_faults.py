"""What a server says of its last failure."""

from collections.abc import Callable

import pytest
import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.operation import OperationState
from novalike.virt.driver import GuestFailed
from tests.functional.harness import Cloud

MakeCloud = Callable[..., Cloud]


@pytest.fixture
def failed(make_cloud: MakeCloud) -> tuple[Cloud, str]:
    """A cloud with a server whose reboot has failed, once."""
    cloud = make_cloud(hosts=1)
    path = cloud.demo.at("2.37").post("/servers", cloud.server_body("vm"), 202)["server"]["id"]
    cloud.demo.wait_for(path, "ACTIVE")
    driver = cloud.compute.driver
    reboot = driver.reboot

    def fail(*args: object, **more: object) -> None:
        driver.reboot = reboot  # type: ignore[method-assign]
        raise GuestFailed("it does not start")

    driver.reboot = fail  # type: ignore[method-assign]
    cloud.demo.post(f"/servers/{path}/action", {"reboot": {"type": "HARD"}}, 202)
    cloud.demo.wait_for(path, "ERROR")
    return cloud, path


def test_a_failure_is_shown(failed: tuple[Cloud, str]) -> None:
    cloud, uuid = failed
    fault = cloud.admin.get(f"/servers/{uuid}")["server"]["fault"]
    assert fault["code"] == 500
    assert "it does not start" in fault["message"] + fault.get("details", "")


def test_what_has_failed_and_what_was_done_is_recorded_as_such(failed: tuple[Cloud, str]) -> None:
    cloud, uuid = failed
    o = t.operations.c
    query = sa.select(o.action, o.state, o.message).where(o.instance_uuid == uuid).order_by(o.id)
    cell = cloud.conductor.cells.of_instance(uuid)
    assert cell.database.query(lambda c: [tuple(row) for row in c.execute(query)]) == [
        ("create", OperationState.DONE, None), ("reboot", OperationState.FAILED, "Error"),
    ]  # fmt: skip


def test_a_failure_is_forgotten_when_something_succeeds(failed: tuple[Cloud, str]) -> None:
    """Whoever looks why a server is in error later must not find the reason why it once was."""
    cloud, uuid = failed
    cloud.demo.post(f"/servers/{uuid}/action", {"reboot": {"type": "HARD"}}, 202)
    cloud.demo.wait_for(uuid, "ACTIVE")
    cloud.admin.post(f"/servers/{uuid}/action", {"os-resetState": {"state": "error"}}, 202)
    server = cloud.demo.get(f"/servers/{uuid}")["server"]
    assert server["status"] == "ERROR"
    assert "fault" not in server
