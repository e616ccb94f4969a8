"""Whose interfaces are refreshed when, and how often that is tried."""

from typing import Any, cast

import pytest
from oslo_config import cfg

from novalike import conf as novalike_conf
from novalike.compute.info_cache import Healer, InfoCache
from novalike.objects import errors
from novalike.objects.network import VersionedVifs, Vif
from novalike.objects.server import Server
from tests.fakes import records


def vif(name: str) -> Vif:
    return Vif(port_id="p", network_id="n", network_name=name, mac="m")


class Conductor:
    """Knows servers; ``newer`` is answered to refreshes, one after the other, then None."""

    def __init__(self) -> None:
        self.servers: list[Server] = []
        self.lists: list[tuple[str, ...]] = []
        self.newer: list[VersionedVifs] = []
        self.written: list[tuple[str, tuple[Vif, ...], int]] = []

    def client(self, interface: Any) -> "Conductor":
        return self

    def list_host_servers(self, ctx: Any, *, hosts: tuple[str, ...]) -> tuple[Server, ...]:
        self.lists.append(hosts)
        return tuple(self.servers)

    def refresh_vifs(
        self, ctx: Any, *, instance_uuid: str, vifs: tuple[Vif, ...], version: int
    ) -> VersionedVifs | None:
        self.written.append((instance_uuid, vifs, version))
        return self.newer.pop(0) if self.newer else None


class Networking:
    """Gives ``found``; raises for the servers in ``ill``."""

    def __init__(self) -> None:
        self.found = (vif("now"),)
        self.asked: list[tuple[str, tuple[Vif, ...]]] = []
        self.ill: dict[str, Exception] = {}

    def refresh(self, ctx: Any, uuid: str, known: tuple[Vif, ...]) -> tuple[Vif, ...]:
        self.asked.append((uuid, known))
        if uuid in self.ill:
            raise self.ill[uuid]
        return self.found

    @property
    def order(self) -> list[str]:
        return [uuid for uuid, _ in self.asked]


@pytest.fixture
def conductor() -> Conductor:
    return Conductor()


@pytest.fixture
def networking() -> Networking:
    return Networking()


@pytest.fixture
def info_cache(conductor: Conductor, networking: Networking) -> InfoCache:
    return InfoCache(cast(Any, networking), cast(Any, conductor))


def test_what_has_not_changed_is_not_written(
    info_cache: InfoCache, conductor: Conductor, networking: Networking
) -> None:
    assert info_cache.refresh(records.context(), "s", VersionedVifs(vifs=networking.found, version=3))
    assert (len(networking.asked), conductor.written) == (1, [])


def test_who_loses_asks_neutron_again(info_cache: InfoCache, conductor: Conductor, networking: Networking) -> None:
    conductor.newer = [VersionedVifs(vifs=(vif("newer"),), version=7)]
    assert info_cache.refresh(records.context(), "s", VersionedVifs(vifs=(vif("old"),), version=3))
    assert [version for _, _, version in conductor.written] == [3, 7]
    assert [known for _, known in networking.asked] == [(vif("old"),), (vif("newer"),)]


def test_who_always_loses_gives_up(info_cache: InfoCache, conductor: Conductor, networking: Networking) -> None:
    conductor.newer = [VersionedVifs(vifs=(), version=version) for version in range(99)]
    assert not info_cache.refresh(records.context(), "s", VersionedVifs())
    assert len(networking.asked) == 5


class Hosts:
    def __init__(self, *hosts: str) -> None:
        self._hosts = hosts

    def hosts(self) -> tuple[str, ...]:
        return self._hosts


def a_server(number: int, host: str = "h", **more: Any) -> Server:
    fields = {"vm_state": "active", "task_state": None, "vifs": (vif("old"),), "vifs_version": number}
    return records.server(uuid=f"s{number}", id=number, host=host, **(fields | more))


def a_healer(conductor: Conductor, info_cache: InfoCache, *hosts: str, interval: int = 1) -> Healer:
    conf = cfg.ConfigOpts()
    novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    conf.set_override("heal_instance_info_cache_interval", interval)
    return Healer(conf, cast(Any, Hosts(*hosts)), info_cache, cast(Any, conductor))


def test_one_server_of_each_host_at_a_time_in_turn(
    info_cache: InfoCache, conductor: Conductor, networking: Networking
) -> None:
    conductor.servers = [a_server(3), a_server(1), a_server(2, "i")]
    healer = a_healer(conductor, info_cache, "h", "i", "empty")
    healer.heal(0.003)
    assert networking.order == ["s1", "s2"]
    healer.heal(0.003)
    assert networking.order == ["s1", "s2", "s3"]
    assert conductor.written[0] == ("s1", networking.found, 1)
    assert conductor.lists == [("h", "i", "empty")]
    conductor.servers = [a_server(4)]
    healer.heal(0.003)
    assert networking.order[3:] == ["s4"]
    assert len(conductor.lists) == 2


def test_what_is_being_built_or_changed_is_left_alone(
    info_cache: InfoCache, conductor: Conductor, networking: Networking
) -> None:
    conductor.servers = [a_server(1, vm_state="building"), a_server(2, task_state="deleting"), a_server(3)]
    a_healer(conductor, info_cache, "h").heal(0.001)
    assert networking.order == ["s3"]


@pytest.mark.parametrize("error", [errors.Unavailable(reason="away"), KeyError("ours")])
def test_one_that_cannot_be_refreshed_holds_up_no_other(
    info_cache: InfoCache, conductor: Conductor, networking: Networking, error: Exception
) -> None:
    conductor.servers = [a_server(1), a_server(2)]
    networking.ill = {"s1": error}
    healer = a_healer(conductor, info_cache, "h")
    for _ in range(2):
        healer.heal(0.001)
    assert networking.order == ["s1", "s2"]


@pytest.mark.parametrize("interval", [-1, 0])
def test_it_is_off_unless_it_is_configured(info_cache: InfoCache, conductor: Conductor, interval: int) -> None:
    healer = a_healer(conductor, info_cache, "h", interval=interval)
    healer.start()
    healer._thread.join(0.1)
    assert healer._thread.is_alive()
    assert conductor.lists == []
    healer._conf.set_override("heal_instance_info_cache_interval", 60)
    healer.reload()
    for _ in range(100):
        if conductor.lists:
            break
        healer._thread.join(0.05)
    assert conductor.lists == [("h",)]
    healer.stop()
    healer._thread.join(5)
    assert not healer._thread.is_alive()
