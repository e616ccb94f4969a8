"""novalike-manage operation: seeing what is in flight, and taking a hand in it."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.functional.harness import Cloud
from tests.functional.manage import Manage

MakeCloud = Callable[..., Cloud]


@pytest.fixture
def manage(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[[Cloud], Manage]:
    return lambda cloud: Manage(cloud, monkeypatch, capsys)


@pytest.fixture
def gate(make_cloud: MakeCloud) -> Iterator[threading.Event]:
    """What hangs waits for it; opened before the clouds are closed."""
    event = threading.Event()
    yield event
    event.set()


class Stuck:
    """The hypervisor hangs in the first ``spawn``, until it is let go."""

    def __init__(self, cloud: Cloud, gate: threading.Event) -> None:
        self.times = 0
        self.gate, self.left = gate, threading.Event()
        spawn = cloud.compute.driver.spawn

        def hang(*args: Any) -> None:
            self.times += 1
            if self.times == 1:
                assert self.gate.wait(60)
            spawn(*args)
            self.left.set()

        cloud.compute.driver.spawn = hang  # type: ignore[method-assign]


def _building(cloud: Cloud, manage: Manage, name: str = "vm") -> tuple[str, dict[str, Any]]:
    """A server whose build has come to ``spawning``: its uuid, its operation."""
    body = cloud.server_body(name, networks=[{"uuid": cloud.network["id"]}])
    uuid = cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"]
    path = f"/servers/{uuid}"
    cloud.eventually(lambda: cloud.demo.get(path)["server"]["OS-EXT-STS:task_state"] == "spawning")
    assert manage("operation", "list", "--server", uuid, "--json") == 0
    return uuid, json.loads(manage.out)[0]


def _nothing_left(cloud: Cloud, uuid: str) -> None:
    assert not [g for host in cloud.compute.driver.hosts() for g in cloud.compute.driver.guests(host)]
    assert not cloud.neutron.ports(device_id=uuid)
    assert uuid not in cloud.placement.consumers


def test_what_is_in_flight(
    make_cloud: MakeCloud, manage: Callable[[Cloud], Manage], gate: threading.Event
) -> None:
    cloud = make_cloud(hosts=1)
    run, stuck = manage(cloud), Stuck(cloud, gate)
    uuid, operation = _building(cloud, run)
    assert operation["instance_uuid"] == uuid
    assert (operation["state"], operation["action"], operation["tries"]) == ("running", "create", 1)
    assert operation["host"] == "fake001"
    assert operation["holder"]
    assert operation["step"].startswith("compute_")
    assert operation["start_time"] < operation["due_at"] < operation["deadline"]
    assert run("operation", "list") == 0
    assert operation["step"] in run.out
    assert run("operation", "list", "--older-than", 3600, "--json") == 0
    assert json.loads(run.out) == []
    assert run("operation", "list", "--host", "elsewhere", "--json") == 0
    assert json.loads(run.out) == []
    assert run("operation", "show", operation["uuid"]) == 0
    assert operation["step"] in run.out
    assert re.search(r"\bplace\b.*\bdone\b.*\n.*\bbuild\b.*\bfake001\b.*\bis here\b", run.out)
    stuck.gate.set()
    cloud.demo.wait_for(uuid, "ACTIVE")
    assert run("operation", "list", "--json") == 0
    assert json.loads(run.out) == []


def test_those_that_have_ended_are_bounded(make_cloud: MakeCloud, manage: Callable[[Cloud], Manage]) -> None:
    cloud = make_cloud(hosts=1)
    run = manage(cloud)
    uuids = []
    for number in range(3):
        made = cloud.demo.at("2.37").post("/servers", cloud.server_body(f"vm{number}"), 202)["server"]
        cloud.demo.wait_for(made["id"], "ACTIVE")
        uuids.append(made["id"])
    assert run("operation", "list", "--all", "--json") == 0
    assert [each["instance_uuid"] for each in json.loads(run.out)] == uuids
    assert run("operation", "list", "--all", "--limit", 2, "--json") == 0
    assert [each["instance_uuid"] for each in json.loads(run.out)] == uuids[1:]
    assert {each["state"] for each in json.loads(run.out)} == {"done"}


def test_retry_fences_the_host_and_it_begins_anew(
    make_cloud: MakeCloud, manage: Callable[[Cloud], Manage], gate: threading.Event
) -> None:
    cloud = make_cloud(hosts=1, conductor__operation_resend_after=0.3)
    run, stuck = manage(cloud), Stuck(cloud, gate)
    uuid, before = _building(cloud, run)
    assert run("operation", "retry", before["uuid"]) == 0
    assert "host fake001" in run.out
    assert run("operation", "list", "--json") == 0
    (after,) = json.loads(run.out)
    assert (after["state"], after["holder"], after["step"]) == ("pending", None, None)
    assert after["epoch"] == before["epoch"] + 1
    stuck.gate.set()
    cloud.demo.wait_for(uuid, "ACTIVE")
    assert stuck.times == 2  # the first one's report was refused
    assert run("operation", "show", before["uuid"]) == 0
    assert "operator_retry" in run.out
    assert "taken from its holder" in run.out
    assert len(cloud.neutron.ports(device_id=uuid)) == 1
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)
    _nothing_left(cloud, uuid)


def test_retry_of_what_a_conductor_holds(
    make_cloud: MakeCloud, manage: Callable[[Cloud], Manage], gate: threading.Event
) -> None:
    """The scheduler hangs before it claims; another try places the server, and the first one comes too late."""
    cloud = make_cloud(hosts=2)
    run = manage(cloud)
    reached, late = threading.Event(), threading.Event()

    def hang_once(_claims: Any) -> None:
        if not reached.is_set():
            reached.set()
            assert gate.wait(60)
            late.set()

    cloud.placement.before_claim = hang_once
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("again"), 202)["server"]
    assert reached.wait(10)
    assert run("operation", "list", "--json") == 0
    (operation,) = json.loads(run.out)
    assert (operation["state"], operation["host"]) == ("running", None)
    assert operation["holder"].startswith("conductor ")
    assert run("operation", "retry", operation["uuid"]) == 0
    assert "a conductor" in run.out
    cloud.demo.wait_for(made["id"], "ACTIVE")
    gate.set()
    assert late.wait(10)
    cloud.conductor.legs._legs["create", "place", "on"].threads.submit(int).result(10)
    assert run("placement", "audit", "--verbose") == 0, run.out


def test_abandoned_build_can_be_deleted(
    make_cloud: MakeCloud, manage: Callable[[Cloud], Manage], gate: threading.Event
) -> None:
    cloud = make_cloud(hosts=1)
    run, stuck = manage(cloud), Stuck(cloud, gate)
    uuid, operation = _building(cloud, run)
    assert run("operation", "abandon", operation["uuid"], "--reason", "host is on fire") == 0
    server = cloud.demo.wait_for(uuid, "ERROR")
    assert server["OS-EXT-STS:task_state"] is None
    assert server["OS-EXT-STS:vm_state"] == "error"
    assert server["fault"]["code"] == 500
    assert server["fault"]["message"] == "The operator gave up the action 'create': host is on fire"
    stuck.gate.set()  # what was fenced ends its work: nobody listens, and it takes nothing back
    assert stuck.left.wait(10)
    action = cloud.admin.get(f"/servers/{uuid}/os-instance-actions/{operation['request_id']}")["instanceAction"]
    assert action["message"] == "Error"
    events = {event["event"]: event["result"] for event in action["events"]}
    assert events[operation["step"]] == events["operator_abandon"] == "Error"
    assert None not in events.values()
    assert cloud.demo.get(f"/servers/{uuid}")["server"]["status"] == "ERROR"
    assert cloud.neutron.ports(device_id=uuid)
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)
    _nothing_left(cloud, uuid)


def test_abandoned_stop_leaves_the_server_what_it_was(
    make_cloud: MakeCloud, manage: Callable[[Cloud], Manage]
) -> None:
    cloud = make_cloud(hosts=1)
    run = manage(cloud)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("stays"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    cloud.bus.fault = lambda interface, method: "lose" if method == "run" else None
    cloud.demo.post(f"/servers/{made['id']}/action", {"os-stop": None}, 202)
    assert run("operation", "list", "--json") == 0
    (operation,) = json.loads(run.out)
    assert (operation["workflow"], operation["state"]) == ("stop", "pending")
    assert run("operation", "abandon", operation["uuid"], "--reason", "not today") == 0
    cloud.bus.fault = lambda interface, method: None
    server = cloud.admin.get(f"/servers/{made['id']}")["server"]
    assert (server["OS-EXT-STS:vm_state"], server["OS-EXT-STS:task_state"]) == ("active", None)
    assert cloud.compute.driver.guests("fake001")[0].power_state == 1
    cloud.demo.post(f"/servers/{made['id']}/action", {"os-stop": None}, 202)
    cloud.demo.wait_for(made["id"], "SHUTOFF")


def test_abandoned_delete_can_be_begun_again(make_cloud: MakeCloud, manage: Callable[[Cloud], Manage]) -> None:
    cloud = make_cloud(hosts=1)
    run = manage(cloud)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("twice"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    cloud.bus.fault = lambda interface, method: "lose" if method == "run" else None
    cloud.demo.delete(f"/servers/{made['id']}")
    assert run("operation", "list", "--json") == 0
    (operation,) = json.loads(run.out)
    assert run("operation", "abandon", operation["uuid"], "--reason", "wrong one") == 0
    cloud.bus.fault = lambda interface, method: None
    assert cloud.demo.get(f"/servers/{made['id']}")["server"]["status"] == "ERROR"
    cloud.demo.delete(f"/servers/{made['id']}")
    cloud.demo.wait_gone(made["id"])
    _nothing_left(cloud, made["id"])


@pytest.mark.parametrize("words", [("retry",), ("abandon", "--reason", "x")])
def test_what_has_ended_stays(
    make_cloud: MakeCloud, manage: Callable[[Cloud], Manage], words: tuple[str, ...]
) -> None:
    cloud = make_cloud(hosts=1)
    run = manage(cloud)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("done"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    assert run("operation", "list", "--all", "--json") == 0
    (operation,) = json.loads(run.out)
    assert run("operation", words[0], operation["uuid"], *words[1:]) == 1
    assert "has ended (done, " in run.err
    assert run("operation", words[0], "no-such-operation", *words[1:]) == 1
    assert "was not found" in run.err
    assert cloud.demo.get(f"/servers/{made['id']}")["server"]["status"] == "ACTIVE"
