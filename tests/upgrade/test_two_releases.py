"""A server's life while computes are of one release, and conductors, schedulers and APIs of another.

``devstack/upgrade.sh`` brings up the stack. What may differ meanwhile is listed in docs/operations.md.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration.user.compute_api import ComputeApi
from tests.integration.user.stack import Stack
from tests.integration.user.waiting import wait_for

COUNT = 4


@pytest.fixture(scope="module")
def servers(stack: Stack, demo_api: ComputeApi, new_name: Callable[[str], str]) -> Iterator[list[str]]:
    """Servers that were built across two releases, with a port each."""
    made = [demo_api.create(demo_api.server_body(new_name("mixed"))) for _ in range(COUNT)]
    assert [answer.status_code for answer in made] == [202] * COUNT, made[0].text
    ids = [answer.json()["server"]["id"] for answer in made]
    for server_id in ids:
        demo_api.wait_for_status(server_id, "ACTIVE", seconds=60)
    yield ids
    demo_api.delete(*ids)


def test_services_are_up(admin_api: ComputeApi, stack: Stack) -> None:
    def up() -> bool:
        found = admin_api.compute.get("/os-services").json()["services"]
        computes = [service for service in found if service["binary"] == "nova-compute"]
        return len(computes) == stack.fake_hosts and all(service["state"] == "up" for service in found)

    wait_for(up, "all services are up", 60)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ({"reboot": {"type": "SOFT"}}, "ACTIVE"), ({"reboot": {"type": "HARD"}}, "ACTIVE"),
        ({"os-stop": None}, "SHUTOFF"), ({"os-start": None}, "ACTIVE"),
    ],
    ids=["soft", "hard", "stop", "start"],
)  # fmt: skip
def test_actions(demo_api: ComputeApi, servers: list[str], action: dict[str, Any], status: str) -> None:
    began = time.monotonic()
    for server_id in servers:
        answer = demo_api.ask("POST", f"/servers/{server_id}/action", action)
        assert answer.status_code == 202, answer.text
    for server_id in servers:
        demo_api.wait_for_status(server_id, status, seconds=60)
    # By the first hint, not by a reminder.
    assert time.monotonic() - began < 8


def test_events_tell_the_whole_story(demo_api: ComputeApi, servers: list[str]) -> None:
    actions = demo_api.compute.get(f"/servers/{servers[0]}/os-instance-actions").json()["instanceActions"]
    assert {"create", "reboot", "stop", "start"} <= {action["action"] for action in actions}
    assert not [action for action in actions if action["message"] == "Error"]


def test_console_output(demo_api: ComputeApi, servers: list[str]) -> None:
    answer = demo_api.ask("POST", f"/servers/{servers[0]}/action", {"os-getConsoleOutput": {}})
    assert answer.status_code == 200, answer.text


def test_what_fits_nowhere_is_told(
    demo_api: ComputeApi, admin_api: ComputeApi, new_name: Callable[[str], str]
) -> None:
    flavor = {"name": new_name("huge"), "ram": 50_000_000, "vcpus": 1, "disk": 1}
    made = admin_api.compute.post("/flavors", json={"flavor": flavor}).json()["flavor"]["id"]
    try:
        answer = demo_api.create(demo_api.server_body(new_name("nowhere"), flavorRef=made))
        assert answer.status_code == 202, answer.text
        server_id = answer.json()["server"]["id"]
        server = wait_for(lambda: _failed(demo_api, server_id), "it has failed", 60)
        assert "No valid host" in server["fault"]["message"]
        demo_api.delete(server_id)
    finally:
        admin_api.compute.delete(f"/flavors/{made}")


def _failed(demo_api: ComputeApi, server_id: str) -> dict[str, Any] | None:
    server = demo_api.server(server_id)
    return server if server is not None and server["status"] == "ERROR" else None


def test_a_server_goes_and_leaves_nothing(
    demo_api: ComputeApi, nothing_is_left: Callable[..., None], new_name: Callable[[str], str]
) -> None:
    made = demo_api.create(demo_api.server_body(new_name("gone"))).json()["server"]["id"]
    demo_api.wait_for_status(made, "ACTIVE", seconds=60)
    ports = demo_api.ports(device_id=made)
    assert len(ports) == 1
    demo_api.delete(made, seconds=30)
    nothing_is_left(made, ports)
