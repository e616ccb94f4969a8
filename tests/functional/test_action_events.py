"""What ``openstack server event show`` prints: who did what to a server, step by step."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.harness import ADMIN_PROJECT, DEMO_PROJECT, Client, Cloud


@pytest.fixture(scope="module")
def server_id(cloud: Cloud) -> Iterator[str]:
    body = cloud.server_body("watched", networks=[{"uuid": cloud.network["id"]}])
    made = str(cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"])
    cloud.demo.wait_for(made, "ACTIVE")
    for action, status in (
        ({"os-stop": None}, "SHUTOFF"), ({"os-start": None}, "ACTIVE"), ({"reboot": {"type": "SOFT"}}, "ACTIVE"),
    ):  # fmt: skip
        act(cloud, cloud.demo, made, action, status)
    act(cloud, cloud.admin, made, {"reboot": {"type": "HARD"}}, "ACTIVE")
    yield made
    cloud.demo.delete(f"/servers/{made}")


def act(cloud: Cloud, who: Client, server_id: str, action: dict[str, Any], status: str) -> None:
    who.post(f"/servers/{server_id}/action", action, 202)
    cloud.demo.wait_for(server_id, status)


def actions(cloud: Cloud, server_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = cloud.admin.get(f"/servers/{server_id}/os-instance-actions")["instanceActions"]
    return list(reversed(found))


def test_who_did_what(cloud: Cloud, server_id: str) -> None:
    demo, admin = (DEMO_PROJECT, "demo-user"), (ADMIN_PROJECT, "admin-user")
    assert [(a["action"], (a["project_id"], a["user_id"])) for a in actions(cloud, server_id)] == [
        ("create", demo), ("stop", demo), ("start", demo), ("reboot", demo), ("reboot", admin),
    ]  # fmt: skip
    assert all(a["instance_uuid"] == server_id for a in actions(cloud, server_id))
    assert len({a["request_id"] for a in actions(cloud, server_id)}) == 5


@pytest.mark.parametrize(
    ("number", "events"),
    [
        (0, ["conductor_place", "compute_allocate_networks", "compute_prepare_disks", "compute_spawn"]),
        (1, ["compute_stop"]), (2, ["compute_start"]),
        (3, ["compute_plug", "compute_reboot"]), (4, ["compute_plug", "compute_reboot"]),
    ],
)  # fmt: skip
def test_step_by_step(cloud: Cloud, server_id: str, number: int, events: list[str]) -> None:
    request_id = actions(cloud, server_id)[number]["request_id"]
    path = f"/servers/{server_id}/os-instance-actions/{request_id}"
    shown = cloud.admin.at("2.62").get(path)["instanceAction"]["events"]
    by_time = sorted(shown, key=lambda event: event["start_time"])
    assert [event["event"] for event in by_time] == events
    assert {event["result"] for event in shown} == {"Success"}
    assert all(event["start_time"] <= event["finish_time"] for event in shown)
    host = cloud.admin.get(f"/servers/{server_id}")["server"]["OS-EXT-SRV-ATTR:host"]
    assert [event["host"] for event in by_time] == ["ctl" if name == "conductor_place" else host for name in events]


def _events(cloud: Cloud, server_id: str, number: int = 0) -> list[dict[str, Any]]:
    """Of a server's newest action, or of an earlier one; also of a deleted server."""
    admin = cloud.admin.at("2.84")
    newest = admin.get(f"/servers/{server_id}/os-instance-actions")["instanceActions"]
    path = f"/servers/{server_id}/os-instance-actions/{newest[number]['request_id']}"
    events: list[dict[str, Any]] = admin.get(path)["instanceAction"]["events"]
    return events


@pytest.mark.parametrize("action", ["lock", "unlock"])
def test_locks_are_events_of_the_api(cloud: Cloud, server_id: str, action: str) -> None:
    cloud.demo.post(f"/servers/{server_id}/action", {action: None}, 202)
    (event,) = _events(cloud, server_id)
    assert (event["event"], event["result"]) == (f"api_{action}", "Success")
    assert event["start_time"] <= event["finish_time"]


def test_deleting_what_is_on_no_host_is_an_event_of_the_conductor(cloud: Cloud) -> None:
    body = cloud.server_body("nowhere", availability_zone="nova")
    cloud.bus.fault = lambda interface, method: "lose" if method == "select" else None
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"]
    cloud.demo.delete(f"/servers/{made}")
    cloud.bus.fault = lambda interface, method: None
    cloud.demo.wait_gone(made)
    (event,) = _events(cloud, made)
    assert (event["event"], event["result"]) == ("conductor_delete", "Success")
    assert event["start_time"] <= event["finish_time"]
