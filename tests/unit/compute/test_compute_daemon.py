"""A compute process's start and end, and when it compares its guests with their records."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.compute import daemon as module
from novalike.compute.daemon import ComputeDaemon
from novalike.objects import errors
from novalike.virt.fake.driver import FakeDriver
from tests.fakes.images import MemoryImages
from tests.fakes.neutron import FakeNeutron
from tests.fakes.placement import FakePlacement
from tests.functional.local_bus import LocalBus


@pytest.fixture
def conf(tmp_path: Path) -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("host", "hv1")
    conf.set_override("state_path", str(tmp_path))
    return conf


@pytest.fixture
def daemon(conf: cfg.ConfigOpts) -> Iterator[ComputeDaemon]:
    """One that has not been started, on a bus on which nobody answers."""
    bus = LocalBus()
    others: dict[str, Any] = {"placement": FakePlacement(), "neutron": FakeNeutron()}
    yield ComputeDaemon(conf, bus.transport(), driver=FakeDriver(conf, MemoryImages()), **others)
    bus.close()


@pytest.mark.parametrize("what", ["hypervisor", "conductor"])
def test_it_can_be_stopped_while_it_waits(
    daemon: ComputeDaemon, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    asked = threading.Event()

    def away(*_args: Any) -> None:
        asked.set()
        raise errors.Unavailable(reason="it is not there yet")

    owner, name = (daemon.driver, "start") if what == "hypervisor" else (daemon.recovery, "resume")
    monkeypatch.setattr(owner, name, away)
    starting = threading.Thread(target=daemon.start, daemon=True)
    starting.start()
    assert asked.wait(5)
    daemon.stop()
    starting.join(5)
    assert not starting.is_alive()
    daemon.wait()


class Looks:
    """In the place of the comparison with the records."""

    def __init__(self) -> None:
        self.done = threading.Semaphore(0)
        self.clear = True
        self.error: Exception | None = None

    def __call__(self, works_on: Any) -> bool:
        self.done.release()
        if self.error is not None:
            raise self.error
        return self.clear


@pytest.fixture
def looks(daemon: ComputeDaemon, monkeypatch: pytest.MonkeyPatch) -> Iterator[Looks]:
    found = Looks()
    monkeypatch.setattr(module, "_SOON", 0.01)
    monkeypatch.setattr(daemon.recovery, "reconcile", found)
    yield found
    daemon.stop()
    daemon._periodic.join(5)
    assert not daemon._periodic.is_alive()


@pytest.mark.parametrize("interval", [0, 600])
def test_when_all_is_clear_it_looks_again_when_there_is_a_doubt(
    conf: cfg.ConfigOpts, daemon: ComputeDaemon, looks: Looks, interval: int
) -> None:
    conf.set_override("sync_power_state_interval", interval)
    daemon._periodic.start()
    for _ in range(2):
        assert looks.done.acquire(timeout=5)
        assert not looks.done.acquire(timeout=0.2)
        daemon._fenced("hv1", "s1")
    assert looks.done.acquire(timeout=5)
    assert ("hv1", "s1") in daemon.recovery._suspects


@pytest.mark.parametrize("error", [None, errors.Unavailable(reason="away"), KeyError("a fault of ours")])
def test_until_all_is_clear_it_looks_again_soon(daemon: ComputeDaemon, looks: Looks, error: Exception | None) -> None:
    looks.clear, looks.error = False, error
    daemon._periodic.start()
    for _ in range(4):
        assert looks.done.acquire(timeout=5)


def test_a_guest_that_has_changed_is_looked_at_unless_something_is_done_to_its_server(
    daemon: ComputeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(daemon.recovery, "power_changed", told.append)
    monkeypatch.setattr(daemon.worker, "keeps_for_later", lambda uuid: uuid == "busy")
    for uuid in ("busy", "idle"):
        daemon._power_changed(uuid, 4)
    assert told == ["idle"]
    assert not daemon._doubtful.is_set()


def test_what_could_not_be_told_of_a_guest_is_compared_soon(
    daemon: ComputeDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(uuid: str) -> None:
        raise errors.Unavailable(reason="no conductor")

    monkeypatch.setattr(daemon.recovery, "power_changed", away)
    daemon._power_changed("s1", 4)
    assert daemon._doubtful.is_set()


def test_health_is_the_hypervisors(daemon: ComputeDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    assert daemon.health() == {"hypervisor": True}
    monkeypatch.setattr(daemon.driver, "is_healthy", lambda: False)
    assert daemon.health() == {"hypervisor": False}
