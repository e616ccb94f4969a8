"""What a server says of its last failure."""

from collections.abc import Callable

import pytest

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


def test_a_failure_is_forgotten_when_something_succeeds(failed: tuple[Cloud, str]) -> None:
    """Whoever looks why a server is in error later must not find the reason why it once was."""
    cloud, uuid = failed
    cloud.demo.post(f"/servers/{uuid}/action", {"reboot": {"type": "HARD"}}, 202)
    cloud.demo.wait_for(uuid, "ACTIVE")
    cloud.admin.post(f"/servers/{uuid}/action", {"os-resetState": {"state": "error"}}, 202)
    server = cloud.demo.get(f"/servers/{uuid}")["server"]
    assert server["status"] == "ERROR"
    assert "fault" not in server
