"""A resize leg by leg: what its migration, its server and its instance action say meanwhile, and what is done when a
host is down."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from novalike.conductor import hosts
from novalike.objects.lifecycle import PowerState
from tests.functional.conftest import furnish
from tests.functional.harness import Client, Cloud
from tests.functional.test_resize import (
    NEW,
    OLD,
    act,
    boot,
    claims,
    host_of,
    migrations,
    resize,
    what_is_there,
    with_flavors,
)

MakeCloud = Callable[..., Cloud]


class Gate:
    """Holds a method of the driver up until it is opened."""

    def __init__(self, cloud: Cloud, method: str) -> None:
        self._open, self.reached = threading.Event(), threading.Event()
        self.calls = 0
        does = getattr(cloud.compute.driver, method)

        def hold(*args: Any, **more: Any) -> Any:
            self.calls += 1
            self.reached.set()
            assert self._open.wait(20)
            return does(*args, **more)

        setattr(cloud.compute.driver, method, hold)

    def open(self) -> None:
        self._open.set()


@pytest.fixture
def gates() -> Iterator[list[Gate]]:
    found: list[Gate] = []
    yield found
    for gate in found:
        gate.open()


def looks(cloud: Cloud, uuid: str) -> tuple[Any, ...]:
    """Status, task state and host of a server."""
    shown = cloud.admin.get(f"/servers/{uuid}")["server"]
    return shown["status"], shown["OS-EXT-STS:task_state"], shown["OS-EXT-SRV-ATTR:host"]


def test_what_is_seen_of_a_resize_at_each_leg(make_cloud: MakeCloud, gates: list[Gate]) -> None:
    cloud = with_flavors(make_cloud(hosts=2))
    uuid = boot(cloud)
    source = host_of(cloud, uuid)
    destination = next(host for host in cloud.compute.driver.hosts() if host != source)
    methods = ("prepare_move", "set_aside", "fetch_disks", "discard_aside")
    gates += [Gate(cloud, method) for method in methods]

    def migration() -> dict[str, Any]:
        (found,) = migrations(cloud, uuid)
        return found

    cloud.demo.post(f"/servers/{uuid}/action", {"resize": {"flavorRef": "2"}}, 202)
    expected: list[tuple[str, tuple[Any, ...]]] = [
        ("pre-migrating", ("RESIZE", "resize_prep", source)),
        ("migrating", ("RESIZE", "resize_migrating", source)),
        ("post-migrating", ("RESIZE", "resize_finish", destination)),
    ]
    for gate, (status, server) in zip(gates, expected, strict=False):
        assert gate.reached.wait(10)
        assert looks(cloud, uuid) == server
        found = migration()
        assert (found["status"], found["source_compute"], found["dest_compute"]) == (status, source, destination)
        assert (found["old_instance_type_id"], found["new_instance_type_id"]) == (1, 2)
        assert claims(cloud, uuid) == {destination: NEW}
        assert claims(cloud, found["uuid"]) == {source: OLD}
        gate.open()
    cloud.admin.wait_for(uuid, "VERIFY_RESIZE")
    assert migration()["status"] == "finished"
    assert migration()["updated_at"] >= migration()["created_at"]

    act(cloud, uuid, "confirmResize", status=204)
    assert gates[3].reached.wait(10)
    assert looks(cloud, uuid) == ("VERIFY_RESIZE", None, destination)
    assert migration()["status"] == "confirming"
    answer = cloud.demo.request("POST", f"/servers/{uuid}/action", {"revertResize": None})
    assert answer.status_code == 400
    gates[3].open()
    cloud.admin.wait_for(uuid, "ACTIVE")
    assert migration()["status"] == "confirmed"


def test_what_is_seen_of_a_revert_at_each_leg(make_cloud: MakeCloud, gates: list[Gate]) -> None:
    cloud = with_flavors(make_cloud(hosts=2))
    uuid = boot(cloud)
    source, destination = host_of(cloud, uuid), resize(cloud, uuid)["OS-EXT-SRV-ATTR:host"]
    gates += [Gate(cloud, method) for method in ("remove_guest", "take_back")]
    cloud.demo.post(f"/servers/{uuid}/action", {"revertResize": None}, 202)
    for gate, host in zip(gates, (destination, source), strict=True):
        assert gate.reached.wait(10)
        assert looks(cloud, uuid) == ("REVERT_RESIZE", "resize_reverting", host)
        assert [migration["status"] for migration in migrations(cloud, uuid)] == ["reverting"]
        gate.open()
    cloud.admin.wait_for(uuid, "ACTIVE")
    assert [migration["status"] for migration in migrations(cloud, uuid)] == ["reverted"]


# -- instance actions


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """With a server that was resized and reverted, migrated and confirmed."""
    found = with_flavors(furnish(Cloud(tmp_path_factory.mktemp("cloud"))))
    yield found
    found.close()


@pytest.fixture(scope="module")
def travelled(cloud: Cloud) -> tuple[str, list[str]]:
    """A server that was resized, reverted, migrated and confirmed, and where it was before and after each."""
    uuid = boot(cloud)
    places = [host_of(cloud, uuid), resize(cloud, uuid)["OS-EXT-SRV-ATTR:host"]]
    act(cloud, uuid, "revertResize")
    places.append(cloud.admin.wait_for(uuid, "ACTIVE")["OS-EXT-SRV-ATTR:host"])
    act(cloud, uuid, "migrate")
    places.append(cloud.admin.wait_for(uuid, "VERIFY_RESIZE")["OS-EXT-SRV-ATTR:host"])
    act(cloud, uuid, "confirmResize", status=204)
    cloud.admin.wait_for(uuid, "ACTIVE")
    return uuid, places


def events(who: Client, uuid: str, action: str) -> list[dict[str, Any]]:
    path = f"/servers/{uuid}/os-instance-actions"
    (request,) = (a["request_id"] for a in who.get(path)["instanceActions"] if a["action"] == action)
    found = who.get(f"{path}/{request}")["instanceAction"]["events"]
    return sorted(found, key=lambda event: str(event["start_time"]))


MOVED = [
    ("conductor_place", None), ("compute_prepare_move", "to"), ("compute_power_off", "from"),
    ("compute_unplug", "from"), ("compute_set_aside", "from"), ("compute_fetch_disks", "to"),
    ("compute_bind_networks", "to"), ("compute_start", "to"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("action", "number", "expected"),
    [
        ("resize", 0, MOVED), ("migrate", 2, MOVED),
        ("revertResize", 0, [
            ("compute_remove_guest", "to"), ("conductor_return", None), ("compute_take_back", "from"),
            ("compute_bind_networks", "from"), ("compute_start", "from"),
        ]),
        ("confirmResize", 2, [("compute_discard_aside", "from"), ("conductor_release", None)]),
    ],
)  # fmt: skip
def test_each_host_has_events_of_its_legs(
    cloud: Cloud, travelled: tuple[str, list[str]], action: str, number: int, expected: list[tuple[str, str | None]]
) -> None:
    uuid, places = travelled
    names = {"from": places[number], "to": places[number + 1], None: "ctl"}
    found = events(cloud.admin.at("2.84"), uuid, action)
    assert [(event["event"], event["host"]) for event in found] == [(name, names[who]) for name, who in expected]
    assert {event["result"] for event in found} == {"Success"}
    assert all(event["start_time"] <= event["finish_time"] for event in found)


def test_users_are_not_told_the_hosts(cloud: Cloud, travelled: tuple[str, list[str]]) -> None:
    uuid, places = travelled
    found = events(cloud.demo.at("2.84"), uuid, "resize")
    assert not any({"host", "traceback", "details"} & event.keys() for event in found)
    ids = [event["hostId"] for event in found]
    assert not set(places) & set(ids)
    # But which are on one and the same.
    assert ids[2] == ids[3] == ids[4] != ids[1] == ids[5] == ids[6] == ids[7]


def test_the_way_back_has_events_as_well(cloud: Cloud, gates: list[Gate]) -> None:
    uuid = boot(cloud)
    source = host_of(cloud, uuid)
    fetch = cloud.compute.driver.fetch_disks  # type: ignore[attr-defined]

    def fail(*_args: Any) -> str:
        raise OSError("the disk is full")

    cloud.compute.driver.fetch_disks = fail  # type: ignore[attr-defined]
    try:
        cloud.demo.post(f"/servers/{uuid}/action", {"resize": {"flavorRef": "2"}}, 202)
        cloud.eventually(lambda: migrations(cloud, uuid)[0]["status"] == "error")
    finally:
        cloud.compute.driver.fetch_disks = fetch  # type: ignore[attr-defined]
    assert cloud.admin.wait_for(uuid, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == source
    found = events(cloud.admin.at("2.84"), uuid, "resize")
    destination = migrations(cloud, uuid)[0]["dest_compute"]
    assert [(event["event"], event["host"], event["result"]) for event in found][5:] == [
        ("compute_fetch_disks", destination, "Error"), ("compute_power_off_undo", source, "Success"),
        ("conductor_place", "ctl", "Success"),
    ]  # fmt: skip
    assert found[5]["traceback"]
    assert what_is_there(cloud, uuid) == {source: (PowerState.RUNNING, False)}
    assert claims(cloud, uuid) == {source: OLD}
    assert cloud.admin.get(f"/servers/{uuid}")["server"]["flavor"]["id"] == "1"
    actions = cloud.demo.at("2.51").get(f"/servers/{uuid}/os-instance-actions")["instanceActions"]
    assert [(action["action"], action["message"]) for action in actions] == [("resize", "Error"), ("create", None)]


# -- hosts that are down


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conductors see at once which hosts are down."""
    monkeypatch.setattr(hosts, "_FRESH", 0.0)


def force_down(cloud: Cloud, host: str, down: bool = True) -> None:
    admin = cloud.admin.at("2.53")
    (service,) = admin.get(f"/os-services?binary=nova-compute&host={host}")["services"]
    admin.put(f"/os-services/{service['id']}", {"forced_down": down})


def refused(cloud: Cloud, uuid: str, body: Any) -> None:
    """Ask in vain: the host would have to do something."""
    answer = cloud.demo.request("POST", f"/servers/{uuid}/action", body)
    assert (answer.status_code, answer.json["conflictingRequest"]["message"]) == (
        409, "Service is unavailable at this time.",
    )  # fmt: skip


@pytest.mark.usefixtures("at_once")
def test_a_source_that_is_down_at_confirm_is_cleaned_when_it_comes_back(make_cloud: MakeCloud) -> None:
    cloud = with_flavors(make_cloud(hosts=2))
    uuid = boot(cloud)
    source, destination = host_of(cloud, uuid), resize(cloud, uuid)["OS-EXT-SRV-ATTR:host"]
    force_down(cloud, source)
    refused(cloud, uuid, {"revertResize": None})
    act(cloud, uuid, "confirmResize", status=204)
    cloud.admin.wait_for(uuid, "ACTIVE")
    (migration,) = migrations(cloud, uuid)
    assert migration["status"] == "confirmed"
    assert claims(cloud, migration["uuid"]) == {}
    assert what_is_there(cloud, uuid) == {source: (None, True), destination: (PowerState.RUNNING, False)}
    cloud.stop(cloud.compute)
    force_down(cloud, source, down=False)
    cloud.compute = cloud.start_compute()
    cloud.eventually(lambda: what_is_there(cloud, uuid) == {destination: (PowerState.RUNNING, False)})


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("which", ["source", "destination"])
def test_nothing_is_reverted_while_a_host_is_down(make_cloud: MakeCloud, which: str) -> None:
    cloud = with_flavors(make_cloud(hosts=2))
    uuid = boot(cloud)
    source, destination = host_of(cloud, uuid), resize(cloud, uuid)["OS-EXT-SRV-ATTR:host"]
    host = source if which == "source" else destination
    force_down(cloud, host)
    refused(cloud, uuid, {"revertResize": None})
    assert looks(cloud, uuid) == ("VERIFY_RESIZE", None, destination)
    assert [migration["status"] for migration in migrations(cloud, uuid)] == ["finished"]
    force_down(cloud, host, down=False)
    cloud.demo.post(f"/servers/{uuid}/action", {"revertResize": None}, 202)
    assert cloud.admin.wait_for(uuid, "ACTIVE")["OS-EXT-SRV-ATTR:host"] == source


@pytest.mark.usefixtures("at_once")
def test_nothing_is_moved_from_a_host_that_is_down(make_cloud: MakeCloud) -> None:
    cloud = with_flavors(make_cloud(hosts=2))
    uuid = boot(cloud)
    force_down(cloud, host_of(cloud, uuid))
    refused(cloud, uuid, {"resize": {"flavorRef": "2"}})
    assert migrations(cloud, uuid) == []
