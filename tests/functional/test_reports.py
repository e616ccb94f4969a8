"""What hosts report of operations and of servers' interfaces, when reports come late, twice, or cross each other."""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.bus import journal as bus_journal
from novalike.db.cell import tables as t
from novalike.db.cell import vifs as vifs_db
from novalike.objects import errors
from novalike.objects.network import VersionedVifs, Vif
from novalike.objects.operation import JournalEntry, Outcome, Progress
from novalike.objects.record import utcnow
from novalike.virt.driver import GuestFailed
from tests.fakes import records
from tests.functional.harness import Cloud

MakeCloud = Callable[..., Cloud]
FLOATING = "172.24.4.7"


class Building:
    """A server with an interface whose build hangs in ``spawn``, and then goes on or fails."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.go_on, self.fails = threading.Event(), False
        begun, spawn = threading.Event(), cloud.compute.driver.spawn

        def hang(*args: Any) -> None:
            begun.set()
            self.go_on.wait(30)
            if self.fails:
                raise GuestFailed(reason="as ordered")
            spawn(*args)

        cloud.compute.driver.spawn = hang  # type: ignore[method-assign]
        body = cloud.server_body("vm", networks=[{"uuid": cloud.network["id"]}])
        self.uuid = str(cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"])
        assert begun.wait(10)

    @property
    def port(self) -> dict[str, Any]:
        (port,) = self.cloud.neutron.ports(device_id=self.uuid)
        return port

    @property
    def operation(self) -> Any:
        return _database(self.cloud).query(lambda c: c.execute(sa.select(t.operations)).one())

    @property
    def recorded(self) -> VersionedVifs:
        found: VersionedVifs | None = _database(self.cloud).query(lambda c: vifs_db.get(c, self.uuid))
        assert found is not None
        return found

    def end(self, status: str = "ACTIVE", *, fails: bool = False) -> None:
        self.fails = fails
        self.go_on.set()
        self.cloud.demo.wait_for(self.uuid, status)


def _database(cloud: Cloud) -> Any:
    return cloud.conductor.cells.compute_cells()[0].database


def _journal(cloud: Cloud) -> bus_journal.Journal:
    return cloud.compute.test_transport.client(bus_journal.Journal)  # type: ignore[attr-defined, no-any-return]


def _addresses(cloud: Cloud, uuid: str) -> set[str]:
    found = cloud.demo.get(f"/servers/{uuid}")["server"]["addresses"]
    return {address["addr"] for addresses in found.values() for address in addresses}


def _network_changed(cloud: Cloud, uuid: str) -> None:
    event = {"name": "network-changed", "server_uuid": uuid, "status": "completed"}
    cloud.admin.post("/os-server-external-events", {"events": [event]})


@pytest.fixture
def building(make_cloud: MakeCloud) -> Iterator[Building]:
    found = Building(make_cloud(hosts=1))
    yield found
    found.go_on.set()


def _progress(building: Building, event: str, **more: Any) -> Progress:
    entry = JournalEntry(event=event, start_time=utcnow())
    return Progress(operation_id=building.operation.uuid, epoch=building.operation.epoch, entries=(entry,), **more)


def _steps(building: Building) -> list[str]:
    return [entry.event for entry in building.operation.journal]


@pytest.mark.parametrize("behind", [0, 1])
def test_a_report_that_was_overtaken_is_dropped(building: Building, behind: int) -> None:
    """It overwrote entries, task state and bus_journal."""
    journal, ctx, last = _journal(building.cloud), records.context(), building.operation.sequence
    recorded = building.recorded
    journal.progress(ctx, progress=_progress(building, "newer", sequence=last + 2))
    late = _progress(building, "late", sequence=last + 2 - behind, vifs=(), vifs_version=9, task_state="networking")
    journal.progress(ctx, progress=late)
    assert _steps(building) == ["newer"]
    assert building.recorded == recorded
    server = building.cloud.demo.get(f"/servers/{building.uuid}")["server"]
    assert server["OS-EXT-STS:task_state"] == "spawning"
    journal.progress(ctx, progress=_progress(building, "newest", sequence=last + 3))
    assert _steps(building) == ["newest"]
    building.end()


def test_reports_of_a_release_that_does_not_count_them_are_taken(building: Building) -> None:
    journal, ctx = _journal(building.cloud), records.context()
    for event in ("one", "two"):
        journal.progress(ctx, progress=_progress(building, event))
        assert _steps(building) == [event]


def test_reports_are_counted_anew_by_whoever_takes_an_operation_over(building: Building) -> None:
    """However many its predecessor has made since."""
    cloud, journal, ctx = building.cloud, _journal(building.cloud), records.context()
    journal.progress(ctx, progress=_progress(building, "last words", sequence=1000))
    (host,) = cloud.compute.driver.hosts()
    operation = building.operation
    taken = journal.recover(ctx, endpoint=cloud.compute.endpoint, incarnation="successor", hosts=(host,))
    assert [(one.operation.epoch, one.operation.sequence) for one in taken] == [(operation.epoch + 1, 0)]
    journal.progress(ctx, progress=_progress(building, "first words", sequence=1))
    assert _steps(building) == ["first words"]
    # Asked twice: what it has said since counts.
    (again,) = journal.recover(ctx, endpoint=cloud.compute.endpoint, incarnation="successor", hosts=(host,))
    assert (again.operation.epoch, again.operation.sequence) == (operation.epoch + 1, 1)


def test_an_end_that_is_said_twice_and_a_report_after_it_change_nothing(building: Building) -> None:
    journal, ctx = _journal(building.cloud), records.context()
    operation, late = building.operation, _progress(building, "late", sequence=1000, vifs=(), vifs_version=0)
    building.end()
    ended, recorded = building.operation, building.recorded
    outcome = Outcome(operation_id=operation.uuid, epoch=operation.epoch, error="late", vifs=(), vifs_version=0)
    journal.finish(ctx, outcome=outcome)
    with pytest.raises(errors.Fenced):
        journal.progress(ctx, progress=late)
    assert (building.operation, building.recorded) == (ended, recorded)
    assert building.cloud.demo.get(f"/servers/{building.uuid}")["server"]["status"] == "ACTIVE"


def test_what_a_refresh_has_recorded_during_a_build_stays(building: Building) -> None:
    """The report of the build's end overwrote it with what the ports were at their making."""
    cloud = building.cloud
    cloud.neutron.add_floating_ip(FLOATING, building.port)
    _network_changed(cloud, building.uuid)
    cloud.eventually(lambda: FLOATING in _addresses(cloud, building.uuid))
    building.end()
    assert FLOATING in _addresses(cloud, building.uuid)


def test_a_refresh_that_comes_before_the_first_report_of_the_ports_stays(make_cloud: MakeCloud) -> None:
    cloud = make_cloud(hosts=1)
    networking = cloud.compute.networking
    allocate = networking.allocate

    def slowly(ctx: Any, spec: Any, *args: Any, **more: Any) -> Any:
        made = allocate(ctx, spec, *args, **more)
        (port,) = cloud.neutron.ports(device_id=spec.server.uuid)
        cloud.neutron.add_floating_ip(FLOATING, port)
        _network_changed(cloud, spec.server.uuid)
        cloud.eventually(lambda: FLOATING in _addresses(cloud, spec.server.uuid))
        return made

    networking.allocate = slowly  # type: ignore[method-assign]
    building = Building(cloud)
    assert FLOATING in _addresses(cloud, building.uuid)
    building.end()
    assert FLOATING in _addresses(cloud, building.uuid)
    assert building.recorded.version == 2


@pytest.mark.parametrize("fails", [False, True])
def test_a_refresh_that_an_operation_overtakes_looks_again(building: Building, fails: bool) -> None:
    """What Neutron had said before was recorded after it: ports that had been deleted."""
    cloud = building.cloud
    networking, read, go_on = cloud.compute.networking, threading.Event(), threading.Event()
    refresh, asked = networking.refresh, []

    def slowly(*args: Any) -> Any:
        found = refresh(*args)
        asked.append(found)
        if len(asked) == 1:
            read.set()
            go_on.wait(30)
        return found

    networking.refresh = slowly  # type: ignore[method-assign]
    cloud.neutron.add_floating_ip(FLOATING, building.port)
    _network_changed(cloud, building.uuid)
    assert read.wait(10)
    if fails:
        building.end("ERROR", fails=True)
    else:
        # Nothing is said of the ports any more, but somebody else writes them.
        newer = (msgspec.structs.replace(building.recorded.vifs[0], network_name="renamed"),)
        version = building.recorded.version
        assert _journal(cloud).refresh_vifs(
            records.context(), instance_uuid=building.uuid, vifs=newer, version=version
        ) is None  # fmt: skip
        building.end()
    go_on.set()
    cloud.eventually(lambda: not cloud.bus.under_way)
    assert len(asked) == 2
    expected = set() if fails else {building.port["fixed_ips"][0]["ip_address"], FLOATING}
    assert _addresses(cloud, building.uuid) == expected


def test_a_refresh_is_recorded_only_over_what_it_has_seen(building: Building) -> None:
    journal, ctx, uuid = _journal(building.cloud), records.context(), building.uuid
    recorded = building.recorded
    (vif,) = recorded.vifs
    one, two = (msgspec.structs.replace(vif, network_name=name) for name in ("one", "two"))
    assert journal.refresh_vifs(ctx, instance_uuid=uuid, vifs=(one,), version=recorded.version) is None
    newer = VersionedVifs(vifs=(one,), version=recorded.version + 1)
    assert journal.refresh_vifs(ctx, instance_uuid=uuid, vifs=(two,), version=recorded.version) == newer
    assert building.recorded == newer
    nobody = "00000000-0000-0000-0000-000000000bad"
    assert journal.refresh_vifs(ctx, instance_uuid=nobody, vifs=(), version=0) is None
    journal.vifs_changed(ctx, instance_uuid=uuid, vifs=(two,))  # the release before
    building.cloud.eventually(lambda: building.recorded == VersionedVifs(vifs=(two,), version=newer.version + 1))
    building.end()


def test_of_interfaces_that_both_have_a_stale_report_says_only_that_they_are_there(building: Building) -> None:
    journal, ctx = _journal(building.cloud), records.context()
    (vif,) = building.recorded.vifs
    newer = msgspec.structs.replace(vif, network_name="newer")
    gone = Vif(port_id="gone", network_id="n", network_name="n", mac="m")
    version = building.recorded.version
    journal.refresh_vifs(ctx, instance_uuid=building.uuid, vifs=(newer, gone), version=version)
    added = Vif(port_id="added", network_id="n", network_name="n", mac="m")
    sequence = building.operation.sequence + 1
    report = _progress(building, "x", sequence=sequence, vifs=(added, vif), vifs_version=version)
    journal.progress(ctx, progress=report)
    assert building.recorded == VersionedVifs(vifs=(added, newer), version=version + 2)
    report = _progress(building, "x", sequence=sequence + 1, vifs=(added, vif), vifs_version=version + 2)
    journal.progress(ctx, progress=report)
    assert building.recorded == VersionedVifs(vifs=(added, vif), version=version + 3)


def test_what_neutron_does_not_say_is_found_by_healing(make_cloud: MakeCloud) -> None:
    """The option was accepted, and did nothing."""
    cloud = make_cloud(hosts=2, heal_instance_info_cache_interval=1)
    uuids = []
    for number in range(3):
        body = cloud.server_body(f"vm{number}", networks=[{"uuid": cloud.network["id"]}])
        uuids.append(cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"])
    for uuid in uuids:
        cloud.demo.wait_for(uuid, "ACTIVE")
    before = {uuid: cloud.demo.get(f"/servers/{uuid}")["server"]["updated"] for uuid in uuids}
    (port,) = cloud.neutron.ports(device_id=uuids[1])
    cloud.neutron.add_floating_ip(FLOATING, port)
    cloud.eventually(lambda: FLOATING in _addresses(cloud, uuids[1]), timeout=20)
    for uuid in (uuids[0], uuids[2]):
        assert cloud.demo.get(f"/servers/{uuid}")["server"]["updated"] == before[uuid]
