"""A conductor's start, and its end."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.daemon import ConductorDaemon
from novalike.objects import errors
from novalike.objects.host import Heartbeat
from tests.fakes.neutron import FakeNeutron
from tests.fakes.placement import FakePlacement
from tests.functional.local_bus import LocalBus


class Cells:
    """Databases that are not there yet."""

    def __init__(self) -> None:
        self.there, self.asked = False, threading.Event()
        self.api = self

    def all(self) -> list[Any]:
        self.asked.set()
        if not self.there:
            raise errors.Unavailable(reason="no database")
        return [self]

    def ping(self) -> bool:
        return self.there

    def close(self) -> None:
        pass


@pytest.fixture
def bus() -> Iterator[LocalBus]:
    bus = LocalBus()
    yield bus
    bus.close()


@pytest.fixture
def cells() -> Cells:
    return Cells()


@pytest.fixture
def daemon(bus: LocalBus, cells: Cells, monkeypatch: pytest.MonkeyPatch) -> ConductorDaemon:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    found = ConductorDaemon(conf, bus.transport(), FakePlacement(), FakeNeutron(), cells)  # type: ignore[arg-type]
    monkeypatch.setattr(found.reconciler, "start", lambda: None)
    monkeypatch.setattr(found, "_heart", threading.Thread(target=lambda: None))
    return found


@pytest.mark.parametrize("error", [errors.Unavailable(reason="the database is away"), errors.Conflict("ours")], ids=str)
def test_it_goes_on_giving_signs_of_life_when_one_could_not_be_given(
    daemon: ConductorDaemon, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    given = threading.Semaphore(0)
    said: list[Heartbeat] = []

    def heartbeat(ctx: Any, *, beat: Heartbeat) -> None:
        said.append(beat)
        given.release()
        raise error

    monkeypatch.setattr(daemon.reports, "heartbeat", heartbeat)
    monkeypatch.setattr(daemon._stopping, "wait", lambda seconds: len(said) > 2)
    beating = threading.Thread(target=daemon._beat, daemon=True)
    beating.start()
    for _ in range(3):
        assert given.acquire(timeout=5)
    beating.join(5)
    assert not beating.is_alive()
    assert {(beat.binary, beat.endpoint, beat.hosts) for beat in said} == {
        ("novalike-conductor", daemon._conf.host, (daemon._conf.host,))
    }


def test_it_serves_when_the_databases_are_there(daemon: ConductorDaemon, cells: Cells, bus: LocalBus) -> None:
    starting = threading.Thread(target=daemon.start, daemon=True)
    starting.start()
    assert cells.asked.wait(5)
    assert not bus.servers
    assert daemon.health() == {"database": False}
    cells.there = True
    starting.join(5)
    assert len(bus.servers) == 3
    assert daemon.health() == {"database": True}
    daemon.stop()
    assert not bus.servers


def test_it_can_be_stopped_while_it_waits(daemon: ConductorDaemon, cells: Cells) -> None:
    starting = threading.Thread(target=daemon.start, daemon=True)
    starting.start()
    assert cells.asked.wait(5)
    daemon.stop()
    starting.join(5)
    assert not starting.is_alive()


def test_it_ends_when_what_it_has_begun_is_done(daemon: ConductorDaemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """It renews the leases of that until then, and what it hasn't begun is given back before."""
    done: list[str] = []

    class Stopped:
        def wait(self) -> None:
            done.append("messages are answered")

        def stop(self) -> None:
            done.append("no more messages")

    for owner, name, what in (
        (daemon.reconciler, "drain", "nothing is taken over"), (daemon.legs, "stop", "no leg is begun"),
        (daemon.cleanup, "stop", "no cleanup is begun"), (daemon.leases, "give_back", "given back"),
        (daemon.legs, "wait", "legs are done"), (daemon.cleanup, "wait", "cleanup is done"),
        (daemon.reconciler, "stop", "no lease is renewed"), (daemon.cells, "close", "databases are closed"),
    ):  # fmt: skip
        monkeypatch.setattr(owner, name, lambda what=what: done.append(what))
    daemon._servers = [Stopped(), Stopped()]  # type: ignore[list-item]
    daemon.stop()
    assert done == ["no more messages"] * 2
    daemon.wait()
    assert done[2:] == [
        "messages are answered", "messages are answered", "nothing is taken over", "no leg is begun",
        "no cleanup is begun", "given back", "legs are done", "cleanup is done", "no lease is renewed", "given back",
        "databases are closed",
    ]  # fmt: skip
