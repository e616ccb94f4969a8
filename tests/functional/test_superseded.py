"""What is superseded by a newer action stops at its next wait, and what has not begun never does."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from novalike.compute import journal, worker, workflow
from novalike.objects import errors
from novalike.virt import cancellation
from novalike.virt.guest import Guest
from tests.functional.harness import Cloud

MakeCloud = Callable[..., Cloud]
SOON = 3.0


def _nothing_left(cloud: Cloud, uuid: str) -> None:
    for host in cloud.compute.driver.hosts():
        assert uuid not in cloud.compute.driver.residents(host)
    assert not cloud.neutron.ports(device_id=uuid)
    cloud.eventually(lambda: uuid not in cloud.placement.consumers)


def _create(cloud: Cloud, name: str = "vm", **more: Any) -> str:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body(name, **more), 202)["server"]
    return str(made["id"])


def _boot(cloud: Cloud, name: str = "vm", **more: Any) -> str:
    uuid = _create(cloud, name, **more)
    cloud.demo.wait_for(uuid, "ACTIVE")
    return uuid


class Wait:
    """Something that a step waits for; ``begun`` is set when it does."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def away(self, *_args: Any, **_more: Any) -> Any:
        self.begun.set()
        raise errors.Unavailable(reason="away, as ordered")


@pytest.fixture
def long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (workflow, journal):
        monkeypatch.setattr(module, "_FIRST_PAUSE", 60.0)
        monkeypatch.setattr(module, "_LONGEST_PAUSE", 60.0)


def _neutron_away(cloud: Cloud, wait: Wait) -> None:
    cloud.neutron.fail = lambda name, *_args, **_more: wait.away() if name == "create_ports" else None


def _glance_slow(cloud: Cloud, wait: Wait) -> None:
    def chunks(image_id: str) -> Iterator[bytes]:
        for _ in range(1024):
            wait.begun.set()
            time.sleep(0.1)
            yield b"x"

    cloud.glance.chunks = chunks  # type: ignore[method-assign]


def _disks_fail_for_now(cloud: Cloud, wait: Wait) -> None:
    cloud.compute.driver.prepare_disks = wait.away  # type: ignore[method-assign]


def _spawn_slow(cloud: Cloud, wait: Wait) -> None:
    """The delete is taken up before the wait for the interfaces has begun."""
    spawn = cloud.compute.driver.spawn

    def slow(guest: Guest, *more: Any) -> None:
        wait.begun.set()
        cloud.eventually(lambda: len(cloud.compute.worker._lines[guest.uuid]) > 1)
        spawn(guest, *more)

    cloud.compute.driver.spawn = slow  # type: ignore[method-assign]


def _plugging_slow(cloud: Cloud, wait: Wait) -> None:
    networking = cloud.compute.networking
    wait_plugged = networking.wait_plugged

    def note(*args: Any, **more: Any) -> bool:
        wait.begun.set()
        return wait_plugged(*args, **more)

    networking.wait_plugged = note  # type: ignore[method-assign]


def _report_not_taken(cloud: Cloud, wait: Wait) -> None:
    cloud.compute.worker._journal._conductor.progress = wait.away  # type: ignore[method-assign]


@pytest.mark.parametrize(
    "at", [_neutron_away, _glance_slow, _disks_fail_for_now, _spawn_slow, _plugging_slow, _report_not_taken]
)
@pytest.mark.usefixtures("long_pauses")
def test_delete_of_a_build_that_waits(make_cloud: MakeCloud, at: Callable[[Cloud, Wait], None]) -> None:
    """It took up to ``vif_plugging_timeout``, or as long as the neighbour was away."""
    cloud, wait = make_cloud(hosts=1), Wait()
    cloud.neutron.plugs = "later"
    at(cloud, wait)
    uuid = _create(cloud, networks=[{"uuid": cloud.network["id"]}])
    assert wait.begun.wait(10)
    time.sleep(0.1)
    began = time.monotonic()
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)
    assert time.monotonic() - began < SOON
    _nothing_left(cloud, uuid)


@pytest.mark.parametrize("step", ["allocate", "prepare_disks", "plug", "spawn"])
def test_delete_during_each_step_of_a_build(make_cloud: MakeCloud, step: str) -> None:
    """No further step is begun, nothing is undone by the build itself."""
    cloud = make_cloud(hosts=1)
    done: list[str] = []
    begun = threading.Event()

    def watch(owner: Any, name: str) -> None:
        action = getattr(owner, name)

        def watched(*args: Any, **more: Any) -> Any:
            done.append(name)
            if name == step:
                begun.set()
                cloud.eventually(lambda: len(cloud.compute.worker._lines.get(uuids[0], ())) > 1)
            return action(*args, **more)

        setattr(owner, name, watched)

    for name in ("allocate", "deallocate"):
        watch(cloud.compute.networking, name)
    for name in ("prepare_disks", "plug", "spawn", "remove_guest"):
        watch(cloud.compute.driver, name)
    uuids: list[str] = []
    uuids.append(_create(cloud, networks=[{"uuid": cloud.network["id"]}]))
    assert begun.wait(10)
    began = time.monotonic()
    cloud.demo.delete(f"/servers/{uuids[0]}")
    cloud.demo.wait_gone(uuids[0])
    assert time.monotonic() - began < SOON
    usual = ["allocate", "prepare_disks", "plug", "spawn"]
    last = usual[: usual.index(step) + 1]
    # plug and spawn are one step
    assert done[:4] in ([*last, "remove_guest", "deallocate"][:4], [*usual][:4])
    assert done.count("remove_guest") == done.count("deallocate") == 1
    _nothing_left(cloud, uuids[0])


def test_a_hard_reboot_does_not_wait_for_a_guest_that_ignores_a_soft_one(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    uuid = _boot(cloud)
    reboot, begun = cloud.compute.driver.reboot, threading.Event()

    def ignore_soft(*args: Any, hard: bool) -> None:
        if not hard:
            begun.set()
            cancellation.sleep(60)
        reboot(*args, hard=hard)

    cloud.compute.driver.reboot = ignore_soft  # type: ignore[method-assign]
    cloud.demo.post(f"/servers/{uuid}/action", {"reboot": {"type": "SOFT"}}, 202)
    assert begun.wait(10)
    began = time.monotonic()
    cloud.demo.post(f"/servers/{uuid}/action", {"reboot": {"type": "HARD"}}, 202)
    cloud.demo.wait_for(uuid, "ACTIVE")
    assert time.monotonic() - began < SOON
    actions = cloud.demo.get(f"/servers/{uuid}/os-instance-actions")["instanceActions"]
    messages = [action["message"] for action in actions]
    assert messages[0] is None
    assert "Superseded" in messages[1]


@pytest.mark.usefixtures("long_pauses")
def test_delete_of_a_server_whose_reboot_waits_for_the_hypervisor(make_cloud: MakeCloud) -> None:
    cloud, wait = make_cloud(hosts=1), Wait()
    uuid = _boot(cloud)
    cloud.compute.driver.reboot = wait.away  # type: ignore[method-assign]
    cloud.demo.post(f"/servers/{uuid}/action", {"reboot": {"type": "HARD"}}, 202)
    assert wait.begun.wait(10)
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid, timeout=SOON)
    _nothing_left(cloud, uuid)


class Crowd:
    """Builds that hang in ``spawn`` until they may go on.

    :ivar begun: the servers whose builds have come that far, in order.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.begun: list[str] = []
        self.go_on = threading.Event()
        spawn = cloud.compute.driver.spawn

        def hang(guest: Guest, *more: Any) -> None:
            self.begun.append(guest.uuid)
            self.go_on.wait(60)
            spawn(guest, *more)

        cloud.compute.driver.spawn = hang  # type: ignore[method-assign]


@pytest.mark.parametrize("limit", [1, 0])
def test_a_crowd_of_builds_keeps_nothing_else_waiting(
    make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """Each build that waited for its turn held one of 64 threads, and deletes were behind them."""
    monkeypatch.setattr(worker, "_THREADS", 2)
    cloud = make_cloud(hosts=1, max_concurrent_builds=limit)
    old, other = _boot(cloud, "old"), _boot(cloud, "other")
    crowd, running = Crowd(cloud), limit or 2
    uuids: list[str] = []
    for n in range(5):
        uuids.append(_create(cloud, f"vm{n}"))
        cloud.eventually(lambda: uuids[-1] in cloud.compute.worker._lines)
    cloud.eventually(lambda: len(crowd.begun) == running)
    cloud.demo.delete(f"/servers/{old}")
    cloud.demo.wait_gone(old, timeout=SOON)
    cloud.demo.post(f"/servers/{other}/action", {"os-stop": None}, 202)
    cloud.demo.wait_for(other, "SHUTOFF", timeout=SOON)
    cloud.demo.delete(f"/servers/{uuids[3]}")  # its build has not begun
    cloud.demo.wait_gone(uuids[3], timeout=SOON)
    assert sorted(crowd.begun) == sorted(uuids[:running])
    crowd.go_on.set()
    for uuid in (*uuids[:3], uuids[4]):
        cloud.demo.wait_for(uuid, "ACTIVE")
    assert sorted(crowd.begun) == sorted((*uuids[:3], uuids[4]))
    assert limit != 1 or crowd.begun == [*uuids[:3], uuids[4]]
    assert not cloud.compute.worker._lines
    _nothing_left(cloud, uuids[3])


def test_a_build_that_was_given_up_before_its_turn_does_not_begin(
    make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It made ports for a server that had failed."""
    monkeypatch.setattr(worker, "_LONG_WAIT", 0.5)
    quick = {"conductor__operation_timeout": 2, "conductor__operation_remind_after": 0.2,
             "conductor__operation_resend_after": 0.2}  # fmt: skip
    cloud = make_cloud(hosts=1, max_concurrent_builds=1, **quick)
    crowd = Crowd(cloud)
    first = _create(cloud, "first")
    cloud.eventually(lambda: crowd.begun == [first])
    second = _create(cloud, "second", networks=[{"uuid": cloud.network["id"]}])
    cloud.demo.wait_for(second, "ERROR")
    crowd.go_on.set()
    cloud.eventually(lambda: not cloud.compute.worker._lines)
    assert crowd.begun == [first]
    assert not [name for name, _ in cloud.neutron.calls if name == "create_ports"]


def test_so_many_builds_at_a_time_as_the_host_may_run(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=2, max_concurrent_builds=2)
    crowd, admin, uuids = Crowd(cloud), cloud.admin.at("2.74"), []
    for n in range(8):
        body = cloud.server_body(f"vm{n}", host=cloud.compute.driver.hosts()[n % 2])
        uuids.append(admin.post("/servers", body, 202)["server"]["id"])
    cloud.eventually(lambda: len(cloud.compute.worker._lines) == 8 and len(crowd.begun) == 4)
    time.sleep(0.2)
    hosts = [cloud.admin.get(f"/servers/{uuid}")["server"]["OS-EXT-SRV-ATTR:host"] for uuid in crowd.begun]
    assert sorted(hosts) == ["fake001", "fake001", "fake002", "fake002"]
    crowd.go_on.set()
    for uuid in uuids:
        cloud.admin.wait_for(uuid, "ACTIVE")


def test_deletes_that_wait_for_neutron_keep_no_guest_from_being_stopped(
    make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "_THREADS", 1)
    cloud = make_cloud(hosts=1)
    gone, stopped = _boot(cloud, "gone", networks=[{"uuid": cloud.network["id"]}]), _boot(cloud, "stopped")
    wait = Wait()
    cloud.neutron.fail = wait.away
    cloud.demo.delete(f"/servers/{gone}")
    assert wait.begun.wait(10)
    cloud.demo.post(f"/servers/{stopped}/action", {"os-stop": None}, 202)
    cloud.demo.wait_for(stopped, "SHUTOFF", timeout=SOON)
    cloud.neutron.fail = lambda *_args, **_more: None
    cloud.demo.wait_gone(gone)
