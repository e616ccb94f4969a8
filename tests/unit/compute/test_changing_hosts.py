"""Hosts that come and go while the process runs, and such as are not known yet."""

import threading
from typing import Any, cast

import pytest
from oslo_config import cfg

from novalike import conf as novalike_conf
from novalike.compute.daemon import ComputeDaemon
from novalike.compute.info_cache import Healer
from novalike.compute.recovery import Recovery
from novalike.objects import errors
from novalike.objects.server import Server
from tests.fakes import records
from tests.fakes.neutron import FakeNeutron
from tests.fakes.placement import FakePlacement


class Driver:
    """``names`` are its hosts; nothing is on them. ``start`` says that the hypervisor is away, if it is."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.is_away = False
        self.tries = threading.Semaphore(0)
        self.asked_of: list[str] = []
        self.was_stopped = False

    def start(self) -> None:
        self.tries.release()
        if self.is_away:
            raise errors.Unavailable(reason="away")

    def stop(self) -> None:
        self.was_stopped = True

    def hosts(self) -> tuple[str, ...]:
        assert not self.is_away, "nobody can know"
        return self.names

    def guests(self, host: str) -> tuple[()]:
        assert host in self.names
        return ()

    def residents(self, host: str) -> frozenset[str]:
        return frozenset()

    def remove_guest(self, guest: Any) -> None:
        self.asked_of.append(guest.host)

    remove_disks = unplug = remove_guest


class Conductor:
    """Every server that it is asked for has been deleted."""

    def __init__(self) -> None:
        self.recovered: list[tuple[str, ...]] = []
        self.listed: list[tuple[str, ...]] = []

    def client(self, interface: Any) -> "Conductor":
        return self

    def recover(self, ctx: Any, *, hosts: tuple[str, ...], **more: Any) -> tuple[()]:
        self.recovered.append(hosts)
        return ()

    def list_host_servers(
        self, ctx: Any, *, hosts: tuple[str, ...], guests: tuple[str, ...] = ()
    ) -> tuple[Server, ...]:
        self.listed.append(hosts)
        return tuple(records.server(uuid=uuid, vm_state="deleted", task_state=None) for uuid in guests)


class Idle:
    """A worker, and a view of Neutron."""

    def submit(self, assignments: tuple[()]) -> None:
        assert assignments == ()

    def clear(self, uuid: str, host: str) -> None:
        pass


@pytest.fixture
def conductor() -> Conductor:
    return Conductor()


def recovery(driver: Driver, conductor: Conductor) -> Recovery:
    return Recovery(cast(Any, driver), cast(Any, Idle()), cast(Any, conductor), "endpoint", "1")


def configuration() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    return conf


def test_what_was_left_unfinished_is_taken_up_once_on_each_host(conductor: Conductor) -> None:
    driver = Driver()
    ours = recovery(driver, conductor)
    worker = cast(Any, Idle())
    for names in ((), ("a",), ("a",), ("a", "b"), ("b",), ("b", "a")):
        driver.names = names
        ours.resume(worker)
    assert conductor.recovered == [("a",), ("b",), ("a",)], "what comes back was somebody else's meanwhile"


def test_nothing_is_removed_from_a_host_that_is_not_ours_any_more(conductor: Conductor) -> None:
    driver = Driver("a", "b")
    ours = recovery(driver, conductor)
    ours.suspect("b", "s")
    driver.names = ("a",)
    assert ours.reconcile()
    assert driver.asked_of == []
    driver.names = ("a", "b")
    assert ours.reconcile()
    assert driver.asked_of == ["b", "b", "b"]


def healer(driver: Driver, conductor: Conductor, refreshed: list[str]) -> Healer:
    class InfoCache:
        def refresh(self, ctx: Any, uuid: str, known: Any) -> bool:
            refreshed.append(uuid)
            return True

    return Healer(configuration(), cast(Any, driver), cast(Any, InfoCache()), cast(Any, conductor))


def test_interfaces_are_refreshed_where_there_are_hosts(conductor: Conductor, monkeypatch: pytest.MonkeyPatch) -> None:
    servers = [records.server(uuid=f"s{n}", id=n, host=host, vm_state="active", task_state=None)
               for n, host in enumerate("aab")]  # fmt: skip
    monkeypatch.setattr(
        conductor, "list_host_servers", lambda _ctx, hosts: [server for server in servers if server.host in hosts]
    )
    driver, refreshed, waited = Driver(), list[str](), list[float]()
    ours = healer(driver, conductor, refreshed)
    monkeypatch.setattr(ours._stopping, "wait", waited.append)
    ours.heal(60)
    assert (refreshed, waited) == ([], [60]), "it does not ask again and again where there is no host"
    for names in (("a",), ("b",), ("b",)):  # there still is one on the first host, which is gone
        driver.names = names
        ours.heal(60)
    assert refreshed == ["s0", "s2", "s2"]


def test_a_daemon_that_is_stopped_before_it_has_a_hypervisor(conductor: Conductor) -> None:
    """Nothing is said of its hosts, which it does not know, and nothing hangs."""
    driver = Driver()
    driver.is_away = True
    daemon = ComputeDaemon(
        configuration(), cast(Any, conductor), driver=cast(Any, driver), placement=FakePlacement(),
        neutron=cast(Any, FakeNeutron()), glance=cast(Any, object()),
    )  # fmt: skip
    starting = threading.Thread(target=daemon.start, daemon=True)
    starting.start()
    assert driver.tries.acquire(timeout=10)
    daemon.stop()
    starting.join(10)
    assert not starting.is_alive()
    daemon.wait()
    assert driver.was_stopped
    assert (conductor.recovered, conductor.listed) == ([], [])
