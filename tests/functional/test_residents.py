"""What is left on a host after something died at a bad moment goes, and nothing else."""

import time
import uuid as uuidlib
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.compute import daemon, recovery
from novalike.compute.daemon import ComputeDaemon
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.lifecycle import PowerState
from novalike.objects.record import utcnow
from novalike.objects.server import Server
from novalike.virt.driver import GuestFailed
from novalike.virt.guest import Guest
from tests.fakes import records
from tests.functional.harness import Cloud

MakeCloud = Callable[..., Cloud]
QUICK = {
    "service_down_time": 2, "report_interval": 1, "conductor__operation_resend_after": 0.3,
    "conductor__operation_remind_after": 1,
}  # fmt: skip


def _die(*_args: Any) -> None:
    raise errors.Fenced(operation_id="dead", epoch=0)  # what a dead process says: nothing


def _boot(cloud: Cloud, name: str = "vm") -> str:
    body = cloud.server_body(name, networks=[{"uuid": cloud.network["id"]}])
    return str(cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"])


def _shown(cloud: Cloud, uuid: str) -> dict[str, Any]:
    shown: dict[str, Any] = cloud.admin.at("2.16").get(f"/servers/{uuid}")["server"]
    return shown


def _residents(compute: ComputeDaemon) -> dict[str, frozenset[str]]:
    found = {host: compute.driver.residents(host) for host in compute.driver.hosts()}
    return {host: uuids for host, uuids in found.items() if uuids}


def _guest(cloud: Cloud, uuid: str, host: str) -> Guest:
    """A server as its host knows it; made up as far as the record doesn't matter."""
    return records.guest(records.spec(records.server(uuid=uuid, host=host), image=cloud.image), host=host)


def _known(cloud: Cloud, uuid: str) -> Server:
    conductor = cloud.compute.recovery._conductor
    (server,) = conductor.list_host_servers(records.context(is_admin=True), hosts=(), guests=(uuid,))
    return server


@pytest.mark.parametrize("step", ["plug", "spawn"])
def test_deleted_while_the_host_that_built_it_is_dead(make_cloud: MakeCloud, step: str) -> None:
    """There is no guest yet, only disks or disks and interfaces; and the record has no interfaces any more."""
    cloud = make_cloud(hosts=1, **QUICK)
    setattr(cloud.compute.driver, step, _die)
    uuid = _boot(cloud)
    cloud.eventually(lambda: _residents(cloud.compute))
    cloud.stop(cloud.compute)
    cloud.eventually(lambda: _shown(cloud, uuid)["host_status"] != "UP", timeout=15)  # "" once it is given up
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.demo.wait_gone(uuid)
    assert not _known(cloud, uuid).vifs
    cloud.compute = cloud.start_compute()
    cloud.eventually(lambda: not _residents(cloud.compute))
    assert not list((cloud.folder / "fake-guests").iterdir())


def test_built_elsewhere_while_its_first_host_is_dead(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, fake__host_prefix="first", **QUICK)
    cloud.compute.driver.spawn = _die  # type: ignore[method-assign]
    uuid = _boot(cloud)
    cloud.eventually(lambda: _shown(cloud, uuid)["OS-EXT-STS:task_state"] == "spawning")
    cloud.stop(cloud.compute)
    cloud.conf.set_override("host_prefix", "second", "fake")
    cloud.conf.set_override("host", "ctl2")
    cloud.compute = cloud.start_compute()
    cloud.eventually(lambda: _shown(cloud, uuid)["OS-EXT-SRV-ATTR:host"] == "second001", timeout=60)
    cloud.demo.wait_for(uuid, "ACTIVE", timeout=30)
    cloud.conf.set_override("host_prefix", "first", "fake")
    cloud.conf.set_override("host", "ctl")
    first = cloud.start_compute()
    cloud.eventually(lambda: not _residents(first))
    cloud.compute.recovery.reconcile()
    assert _residents(cloud.compute) == {"second001": {uuid}}
    assert cloud.compute.driver.find_guest(_guest(cloud, uuid, "second001")).power_state == PowerState.RUNNING


def test_in_error_and_not_on_the_host_any_more(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1, fake__failure_rate=1.0)
    uuid = _boot(cloud)
    cloud.demo.wait_for(uuid, "ERROR")
    (host,) = cloud.compute.driver.hosts()
    assert _known(cloud, uuid).host is None
    cloud.compute.driver.prepare_disks(_guest(cloud, uuid, host))
    cloud.compute.recovery.reconcile()
    assert not _residents(cloud.compute)


def test_in_error_on_its_host_keeps_its_disks(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    uuid = _boot(cloud)
    cloud.demo.wait_for(uuid, "ACTIVE")
    cloud.admin.post(f"/servers/{uuid}/action", {"os-resetState": {"state": "error"}}, 202)
    cloud.compute.recovery.reconcile()
    (host,) = cloud.compute.driver.hosts()
    assert _residents(cloud.compute) == {host: {uuid}}


def test_what_is_being_built_is_left_alone(make_cloud: MakeCloud) -> None:
    """Also on a host where the build was before: it may come back."""
    cloud = make_cloud(hosts=2)
    driver, spawn = cloud.compute.driver, cloud.compute.driver.spawn
    seen: list[dict[str, frozenset[str]]] = []

    def look(guest: Guest, *args: Any) -> None:
        (other,) = {*driver.hosts()} - {guest.host}
        driver.prepare_disks(records.guest(guest.spec, host=other))
        cloud.compute.recovery.reconcile()
        seen.append(_residents(cloud.compute))
        spawn(guest, *args)

    driver.spawn = look  # type: ignore[method-assign]
    uuid = _boot(cloud)
    cloud.demo.wait_for(uuid, "ACTIVE")
    assert seen == [{host: {uuid} for host in driver.hosts()}]
    cloud.compute.recovery.reconcile()
    assert _residents(cloud.compute) == {_known(cloud, uuid).host: {uuid}}


def test_what_a_migration_holds_stays_until_it_is_confirmed(make_cloud: MakeCloud) -> None:
    """The source's disks are what a resized server is reverted to."""
    cloud = make_cloud(hosts=2)
    driver = cloud.compute.driver
    uuid = _boot(cloud)
    cloud.demo.wait_for(uuid, "ACTIVE")
    server = _known(cloud, uuid)
    (source,) = {*driver.hosts()} - {server.host}
    database = cloud.conductor.cells.of_instance(uuid).database
    migration = {
        "uuid": str(uuidlib.uuid4()), "instance_uuid": uuid, "project_id": "p", "user_id": "u", "status": "finished",
        "migration_type": "resize", "source_compute": source, "dest_compute": server.host, "created_at": utcnow(),
        "old_flavor": server.flavor, "new_flavor": server.flavor,
    }  # fmt: skip
    database.write(lambda c: c.execute(sa.insert(t.migrations), [migration]))
    driver.prepare_disks(_guest(cloud, uuid, source))
    assert cloud.compute.recovery.reconcile()
    assert _residents(cloud.compute) == {host: {uuid} for host in driver.hosts()}
    database.write(lambda c: c.execute(sa.update(t.migrations).values(status="confirmed")))
    assert cloud.compute.recovery.reconcile()
    assert _residents(cloud.compute) == {server.host: {uuid}}


def test_while_nobody_can_say_who_holds_what_nothing_is_removed(make_cloud: MakeCloud) -> None:
    """The conductor is of the release before. What can be compared is, all the same."""
    cloud = make_cloud(hosts=2)
    driver = cloud.compute.driver
    uuid = _boot(cloud)
    cloud.demo.wait_for(uuid, "ACTIVE")
    server = _known(cloud, uuid)
    (other,) = {*driver.hosts()} - {server.host}
    driver.prepare_disks(_guest(cloud, uuid, other))

    def too_old(ctx: Any, **asked: Any) -> None:
        raise errors.Unavailable(reason="there is no such method")

    conductor = cloud.compute.recovery._conductor
    conductor.holders = too_old  # type: ignore[method-assign,assignment]
    driver.crash_guest(server.host, uuid)  # type: ignore[attr-defined]
    cloud.compute.recovery.reconcile()
    assert _residents(cloud.compute) == {host: {uuid} for host in driver.hosts()}
    cloud.demo.wait_for(uuid, "SHUTOFF")
    del conductor.holders
    cloud.compute.recovery.reconcile()
    assert _residents(cloud.compute) == {server.host: {uuid}}


def test_what_begins_while_records_are_asked_for_is_left_alone(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    driver, residents = cloud.compute.driver, cloud.compute.driver.residents
    made: list[str] = []

    def slow(host: str) -> frozenset[str]:
        found = residents(host)
        if not made:
            made.append(_boot(cloud))
            cloud.demo.wait_for(made[0], "ACTIVE")
        return found

    driver.residents = slow  # type: ignore[method-assign]
    cloud.compute.recovery.reconcile()  # has seen no guest, and reads of one that should run
    cloud.compute.recovery.reconcile()
    assert _shown(cloud, made[0])["status"] == "ACTIVE"
    assert _residents(cloud.compute) == {driver.hosts()[0]: {made[0]}}


def test_a_guest_that_is_missing(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    uuid = _boot(cloud)
    cloud.demo.wait_for(uuid, "ACTIVE")
    (host,) = cloud.compute.driver.hosts()
    cloud.compute.driver.remove_guest(_guest(cloud, uuid, host))
    cloud.compute.recovery.reconcile()
    cloud.demo.wait_for(uuid, "SHUTOFF")


def test_a_host_that_was_rebooted(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    uuid = _boot(cloud)
    cloud.demo.wait_for(uuid, "ACTIVE")
    (host,) = cloud.compute.driver.hosts()
    cloud.compute.driver.reboot_host(host)  # type: ignore[attr-defined]
    cloud.compute.recovery.reconcile()
    cloud.demo.wait_for(uuid, "SHUTOFF")
    cloud.demo.post(f"/servers/{uuid}/action", {"os-start": None}, 202)
    cloud.demo.wait_for(uuid, "ACTIVE")


def test_nobody_knows_it(make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = make_cloud(hosts=1)
    (host,) = cloud.compute.driver.hosts()
    guest = _guest(cloud, "11111111-2222-4333-8444-555555555555", host)
    said: list[tuple[Any, ...]] = []
    monkeypatch.setattr(recovery.LOG, "warning", lambda _text, *args: said.append(args))
    cloud.compute.driver.prepare_disks(guest)
    for _ in range(3):
        cloud.compute.recovery.reconcile()
    assert said == [(host, guest.uuid)]
    assert _residents(cloud.compute) == {host: {guest.uuid}}


def test_what_can_not_be_removed_now_is_tried_again(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    uuids = []
    (host,) = cloud.compute.driver.hosts()
    for name in ("one", "two"):
        uuids.append(_boot(cloud, name))
        cloud.demo.wait_for(uuids[-1], "ACTIVE")
        cloud.demo.delete(f"/servers/{uuids[-1]}")
        cloud.demo.wait_gone(uuids[-1])
        cloud.compute.driver.prepare_disks(_guest(cloud, uuids[-1], host))
    stuck, remove_disks = min(uuids), cloud.compute.driver.remove_disks

    def fail(guest: Guest) -> None:
        if guest.uuid == stuck:
            raise GuestFailed(reason="busy")
        remove_disks(guest)

    cloud.compute.driver.remove_disks = fail  # type: ignore[method-assign]
    cloud.compute.recovery.reconcile()
    assert _residents(cloud.compute) == {host: {stuck}}
    cloud.compute.driver.remove_disks = remove_disks  # type: ignore[method-assign]
    cloud.compute.recovery.reconcile()
    assert not _residents(cloud.compute)


def test_deleted_by_others_while_the_host_is_coming_back(
    make_cloud: MakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host is back before the delete that goes on without it has ended, and nobody tells it when it has."""
    monkeypatch.setattr(daemon, "_SOON", 0.2)
    cloud = make_cloud(hosts=1, **QUICK)
    uuid = _boot(cloud)
    cloud.demo.wait_for(uuid, "ACTIVE")
    cloud.stop(cloud.compute)
    cloud.eventually(lambda: _shown(cloud, uuid)["host_status"] == "DOWN", timeout=15)

    def away(*_args: Any, **_kwargs: Any) -> None:
        raise errors.Unavailable(reason="away")

    cloud.neutron.fail = away
    cloud.demo.delete(f"/servers/{uuid}")
    cloud.compute = cloud.start_compute()
    cloud.eventually(lambda: _shown(cloud, uuid)["host_status"] == "UP")
    time.sleep(0.5)
    assert _residents(cloud.compute)  # its first look has found a server that is being deleted
    cloud.neutron.fail = lambda *args, **kwargs: None
    cloud.demo.wait_gone(uuid)
    cloud.eventually(lambda: not _residents(cloud.compute))
