"""Compares all that there is after a trial: records, guests, disks, interfaces, claims, ports."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from novalike.db.api import tables as api_tables
from novalike.db.cell import tables as t
from novalike.objects.lifecycle import PowerState, VmState
from novalike.objects.operation import OperationState
from novalike.virt.fake.residents import Resident
from tests.crash.cloud import CrashCloud

Rows = dict[str, Any]


def differences(cloud: CrashCloud, expected: Mapping[str, frozenset[str]]) -> list[str]:
    """What does not fit together.

    :param expected: name of a server → the statuses it may have, ``GONE`` among them.
    """
    servers, found = _servers(cloud)
    residents = _residents(cloud)
    found += _operations(cloud)
    found += _outcomes(cloud, servers, expected)
    for row in servers.values():
        found += _state(row)
        found += _hypervisor(row, [r for r in residents if r.instance_uuid == row.uuid])
        found += _claim(cloud, row)
        found += _ports(cloud, row)
    for resident in residents:
        if resident.instance_uuid not in servers:
            found.append(f"{resident.host} has {_what(resident)} of {resident.instance_uuid}, which is no server")
    for consumer in cloud.placement.consumers:
        if consumer not in servers:
            found.append(f"a claim of {consumer}, which is no server")
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
        "disks" if resident.has_disks else "",
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


def _state(row: Any) -> list[str]:
    found = []
    if row.task_state is not None or row.vm_state not in (VmState.ACTIVE, VmState.STOPPED, VmState.ERROR):
        found.append(f"{row.name} is stuck in {row.vm_state}, {row.task_state}")
    if row.vm_state == VmState.ERROR and row.fault is None:
        found.append(f"{row.name} is in ERROR and nobody says why")
    return found


def _hypervisor(row: Any, residents: list[Resident]) -> list[str]:
    found = []
    for resident in residents:
        if resident.host != row.host:
            found.append(f"{resident.host} has {_what(resident)} of {row.name}, which is on {row.host}")
    here = [r for r in residents if r.host == row.host]
    if row.vm_state == VmState.ERROR:
        return found  # what is there on its own host goes with it
    if not here or here[0].power_state is None:
        return [*found, f"{row.name} is {row.vm_state} on {row.host} and has no guest there"]
    guest = here[0]
    running = guest.power_state == PowerState.RUNNING
    if running != (row.vm_state == VmState.ACTIVE) or guest.power_state != row.power_state:
        found.append(f"{row.name} is {row.vm_state} ({row.power_state}), its guest is {guest.power_state}")
    ports = {vif.port_id for vif in row.vifs}
    if not guest.has_disks or (running and set(guest.plugged) != ports):
        found.append(f"the guest of {row.name} lacks disks or has other interfaces than {row.name}")
    return found


def _claim(cloud: CrashCloud, row: Any) -> list[str]:
    claim = cloud.placement.consumers.get(row.uuid)
    names = {uuid: provider.name for uuid, provider in cloud.placement.providers.items()}
    claimed = {names[uuid]: dict(amounts.resources) for uuid, amounts in claim.allocations.items()} if claim else {}
    wanted = {}
    if row.host is not None:
        amounts = {"VCPU": row.vcpus, "MEMORY_MB": row.memory_mb, "DISK_GB": row.root_gb + row.ephemeral_gb}
        wanted = {row.node: {name: amount for name, amount in amounts.items() if amount}}
    if claimed == wanted or (row.vm_state == VmState.ERROR and not claimed):
        return []
    return [f"{row.name} is on {row.host} and has claimed {claimed}"]


def _ports(cloud: CrashCloud, row: Any) -> list[str]:
    ports = {p["id"]: p for p in cloud.neutron._ports.values() if p["device_id"] == row.uuid}
    if row.vm_state == VmState.ERROR:
        if row.host is None and ports:
            return [f"{row.name} is nowhere and has ports"]
        return []
    found = []
    if set(ports) != {vif.port_id for vif in row.vifs}:
        found.append(f"{row.name} has {len(row.vifs)} interfaces and {len(ports)} ports")
    found += [
        f"a port of {row.name} is bound to {p['binding:host_id']}, not {row.host}"
        for p in ports.values()
        if p["binding:host_id"] != row.host
    ]
    return found
