"""Compares all that there is after a trial: records, guests, disks, interfaces, claims, ports."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from novalike.db.api import tables as api_tables
from novalike.db.cell import tables as t
from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import PowerState, VmState
from novalike.objects.migration import MigrationStatus
from novalike.objects.operation import OperationState
from novalike.virt.fake.residents import Resident
from tests.crash.cloud import CrashCloud

Rows = dict[str, Any]
# Of a migration that can be confirmed and reverted; and after one of both has failed, only that one.
_WAITING = (MigrationStatus.FINISHED, MigrationStatus.CONFIRMING, MigrationStatus.REVERTING)
# States in which nothing is done to a server.
_AT_REST = (VmState.ACTIVE, VmState.STOPPED, VmState.RESIZED, VmState.ERROR)


def disks(cloud: CrashCloud) -> dict[str, str]:
    """Which disks each server has: what a server has later must be these."""
    return {r.instance_uuid: r.content for r in _residents(cloud) if r.content is not None}


def differences(
    cloud: CrashCloud, expected: Mapping[str, frozenset[str]] | None, known_disks: Mapping[str, str]
) -> list[str]:
    """What does not fit together. What hosts have that are gone isn't looked at.

    :param expected: name of a server → the statuses it may have, ``GONE`` among them; None is any.
    :param known_disks: what :func:`disks` gave before anything went wrong.
    """
    servers, found = _servers(cloud)
    moves = _moves(cloud)
    away = cloud.hosts_away()
    residents = [resident for resident in _residents(cloud) if resident.host not in away]
    found += _operations(cloud)
    if expected is not None:
        found += _outcomes(cloud, servers, expected)
    deleted = being_deleted(cloud)
    for row in servers.values():
        its_moves = [move for move in moves if move.instance_uuid == row.uuid]
        there = [r for r in residents if r.instance_uuid == row.uuid]
        found += _state(row, its_moves)
        found += _hypervisor(row, there, its_moves, away)
        found += _claim(cloud, row, may_be_gone=row.uuid in deleted)
        if row.uuid not in deleted:
            found += _disks(row, there, known_disks.get(row.uuid), its_moves, away)
        found += _ports(cloud, row, away)
    for resident in residents:
        if resident.instance_uuid not in servers:
            found.append(f"{resident.host} has {_what(resident)} of {resident.instance_uuid}, which is no server")
    for move in moves:
        found += _claim_of_move(cloud, servers, move)
    for consumer in cloud.placement.consumers:
        if consumer not in servers and consumer not in {move.uuid for move in moves}:
            found.append(f"a claim of {consumer}, which is no server, and no migration that is not over")
    for port in cloud.neutron._ports.values():
        if port["device_id"] and port["device_id"] not in servers:
            found.append(f"a port of {port['device_id']}, which is no server")
    return found


def _servers(cloud: CrashCloud) -> tuple[dict[str, Any], list[str]]:
    """The servers that are not deleted, each once, and in the cell that its mapping says."""
    servers: dict[str, Any] = {}
    found = []
    with cloud.api_database.read() as connection:
        m = api_tables.instance_mappings.c
        mapped = dict(connection.execute(sa.select(m.instance_uuid, m.cell_id)).all())
        c = api_tables.cell_mappings.c
        cells = dict(connection.execute(sa.select(c.database_connection, c.id)).all())
    for database in cloud.databases:
        with database.read() as connection:
            for row in connection.execute(sa.select(t.instances).where(t.instances.c.deleted.is_(False))):
                if row.uuid in servers:
                    found.append(f"server {row.uuid} is in two cells")
                if mapped.get(row.uuid) != cells[str(database.url)]:
                    found.append(f"server {row.uuid} is in a cell that its mapping does not lead to")
                servers[row.uuid] = row
    return servers, found


def _moves(cloud: CrashCloud) -> list[Any]:
    """The migrations that are not over."""
    query = sa.select(t.migrations).where(t.migrations.c.status.in_(MigrationStatus.OPEN))
    found: list[Any] = []
    for database in cloud.databases:
        with database.read() as connection:
            found += connection.execute(query)
    return found


def being_deleted(cloud: CrashCloud) -> frozenset[str]:
    """The servers of which something may be gone already: a delete has failed."""
    o, found = t.operations.c, set()
    for database in cloud.databases:
        with database.read() as connection:
            found |= set(connection.execute(sa.select(o.instance_uuid).where(o.workflow == "delete")).scalars())
    return frozenset(found)


def _residents(cloud: CrashCloud) -> list[Resident]:
    found = []
    for process in cloud.computes():
        driver = process.daemon.driver._inner
        for host in driver.hosts():
            found += driver._store.on(host)
    return found


def _what(resident: Resident) -> str:
    parts = [
        "a guest" if resident.power_state is not None else "",
        "disks" + " set aside" * resident.is_aside if resident.has_disks else "",
        "interfaces" if resident.plugged else "",
    ]
    return " and ".join(part for part in parts if part)


def _operations(cloud: CrashCloud) -> list[str]:
    found = []
    o = t.operations.c
    for database in cloud.databases:
        with database.read() as connection:
            for row in connection.execute(sa.select(t.operations)):
                if row.state in OperationState.OPEN:
                    found.append(f"{row.workflow} of {row.instance_uuid} has not ended: {row.state}, {row.holder}")
                elif row.finish_time is None:
                    found.append(f"{row.workflow} of {row.instance_uuid} has ended without a time")
            orphans = sa.select(o.uuid).where(o.instance_uuid.not_in(sa.select(t.instances.c.uuid)))
            found += [f"operation {row.uuid} has no server" for row in connection.execute(orphans)]
    return found


def _outcomes(cloud: CrashCloud, servers: Rows, expected: Mapping[str, frozenset[str]]) -> list[str]:
    """What users see, against what they may expect."""
    listed = cloud.admin.get("/servers/detail?all_tenants=1")["servers"]
    shown = {server["name"]: server for server in listed}
    found = []
    if len(listed) != len(servers):
        found.append(f"the API lists {len(listed)} servers, there are {len(servers)}")
    for name, statuses in expected.items():
        status = shown[name]["status"] if name in shown else "GONE"
        if status not in statuses:
            why = shown[name].get("fault", {}).get("message", "") if name in shown else ""
            found.append(f"{name} is {status}, not {' or '.join(sorted(statuses))} {why}")
    found += [f"{name} is there and nobody asked for it" for name in shown if name not in expected]
    return found


def _state(row: Any, moves: Sequence[Any]) -> list[str]:
    found = []
    if row.task_state is not None or row.vm_state not in _AT_REST:
        found.append(f"{row.name} is stuck in {row.vm_state}, {row.task_state}")
    if row.vm_state == VmState.ERROR and row.fault is None:
        found.append(f"{row.name} is in ERROR and nobody says why")
    statuses = [move.status for move in moves]
    if row.vm_state == VmState.RESIZED:
        fits = len(statuses) == 1 and statuses[0] in _WAITING
    else:
        # A server in ERROR may have one that has stopped where it could neither go on nor be taken back.
        fits = not statuses or (row.vm_state == VmState.ERROR and len(statuses) == 1)
    if not fits:
        found.append(f"{row.name} is {row.vm_state} and has migrations that are not over: {statuses}")
    return found


def _hypervisor(row: Any, residents: Sequence[Resident], moves: Sequence[Any], away: frozenset[str]) -> list[str]:
    found = []
    sources = {move.source_compute for move in moves}
    stopped_midway = row.vm_state == VmState.ERROR and moves
    homes = {row.host} | (sources | {move.dest_compute for move in moves} if stopped_midway else set())
    for resident in residents:
        if resident.host not in (sources if resident.is_aside else homes):
            found.append(f"{resident.host} has {_what(resident)} of {row.name}, which is on {row.host}")
    if row.vm_state == VmState.ERROR or row.host in away:
        return found  # what is there on its own host goes with it
    if [move.status for move in moves] == [MigrationStatus.REVERTING]:
        return found  # some of it is removed already
    here = [r for r in residents if r.host == row.host and not r.is_aside]
    if not here or here[0].power_state is None:
        if row.vm_state == VmState.STOPPED and here and here[0].has_disks:
            return found  # it is defined anew when it is started
        return [*found, f"{row.name} is {row.vm_state} on {row.host} and has no guest there"]
    guest = here[0]
    running = guest.power_state == PowerState.RUNNING
    may_run = {VmState.ACTIVE: {True}, VmState.STOPPED: {False}}.get(row.vm_state, {True, False})
    if running not in may_run or guest.power_state != row.power_state:
        found.append(f"{row.name} is {row.vm_state} ({row.power_state}), its guest is {guest.power_state}")
    ports = {vif.port_id for vif in row.vifs}
    if not guest.has_disks or (running and set(guest.plugged) != ports):
        found.append(f"the guest of {row.name} lacks disks or has other interfaces than {row.name}")
    if (guest.vcpus, guest.memory_mb) != (row.vcpus, row.memory_mb):
        found.append(f"the guest of {row.name} has {guest.vcpus} CPUs and {guest.memory_mb} MB, not as recorded")
    return found


def _disks(
    row: Any, residents: Sequence[Resident], known: str | None, moves: Sequence[Any], away: frozenset[str]
) -> list[str]:
    """They are those that the server had, in use once, and set aside for as long as it may be gone back to them."""
    having = [resident for resident in residents if resident.has_disks]
    found = [
        f"{resident.host} has other disks of {row.name} than it had"
        for resident in having
        if known is not None and resident.content != known
    ]
    if known is not None and not having and row.host not in away:
        found.append(f"the disks of {row.name} are lost")
    asides = [resident.host for resident in having if resident.is_aside]
    if row.vm_state == VmState.RESIZED:
        wanted = [move.source_compute for move in moves if move.source_compute not in away]
        if asides != wanted and not (moves and moves[0].status == MigrationStatus.CONFIRMING and not asides):
            found.append(f"{row.name} waits to be confirmed; it is set aside on {asides}, not on {wanted}")
    return found


def _claim(cloud: CrashCloud, row: Any, *, may_be_gone: bool) -> list[str]:
    claimed = _claimed(cloud, row.uuid)
    wanted = {} if row.host is None else {row.node: _amounts(row.flavor)}
    never_built = row.vm_state == VmState.ERROR and not row.launched_at
    if claimed == wanted or (not claimed and (may_be_gone or never_built)):
        return []
    return [f"{row.name} is on {row.host} and has claimed {claimed}"]


def _claim_of_move(cloud: CrashCloud, servers: Rows, move: Any) -> list[str]:
    """A migration that isn't over has claimed what its server had on the source."""
    if move.instance_uuid not in servers:
        return [f"migration {move.uuid} of {move.instance_uuid}, which is no server, is {move.status}"]
    claimed = _claimed(cloud, move.uuid)
    if claimed == {move.source_node: _amounts(move.old_flavor)}:
        return []
    return [f"migration {move.uuid} from {move.source_compute} is {move.status} and has claimed {claimed}"]


def _claimed(cloud: CrashCloud, consumer: str) -> dict[str, dict[str, int]]:
    """Name of a provider → what a consumer has claimed there."""
    claim = cloud.placement.consumers.get(consumer)
    names = {uuid: provider.name for uuid, provider in cloud.placement.providers.items()}
    return {names[uuid]: dict(amounts.resources) for uuid, amounts in claim.allocations.items()} if claim else {}


def _amounts(flavor: Flavor) -> dict[str, int]:
    amounts = {
        "VCPU": flavor.vcpus, "MEMORY_MB": flavor.memory_mb, "DISK_GB": flavor.root_gb + flavor.ephemeral_gb,
    }  # fmt: skip
    return {name: amount for name, amount in amounts.items() if amount}


def _ports(cloud: CrashCloud, row: Any, away: frozenset[str]) -> list[str]:
    ports = {p["id"]: p for p in cloud.neutron._ports.values() if p["device_id"] == row.uuid}
    if row.vm_state == VmState.ERROR:
        if row.host is None and ports:
            return [f"{row.name} is nowhere and has ports"]
        return []
    found = []
    if set(ports) != {vif.port_id for vif in row.vifs}:
        found.append(f"{row.name} has {len(row.vifs)} interfaces and {len(ports)} ports")
    if row.host in away:
        return found  # it binds them when it is back
    found += [
        f"a port of {row.name} is bound to {p['binding:host_id']}, not {row.host}"
        for p in ports.values()
        if p["binding:host_id"] != row.host
    ]
    return found
