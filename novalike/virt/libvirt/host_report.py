"""What the host has, and how much of it is in use."""

import os
import time
from pathlib import Path

import libvirt
from oslo_config import cfg

from novalike.objects.host import NodeReport
from novalike.virt import node_inventory
from novalike.virt.driver import GuestInfo
from novalike.virt.libvirt import domains, guest_record
from novalike.virt.libvirt.capabilities import HostCapabilities

GIB = 1024**3


def measure(
    connection: libvirt.virConnect,
    node: str,
) -> tuple[list[GuestInfo], int, str, int, str, int, int]:
    """Guests, running guests, type, version, host name, CPUs, MiB of memory (in a real thread)."""
    _model, memory_mb, cpus, *_rest = connection.getInfo()
    guests = domains.infos(connection, node)
    return (
        guests,
        connection.numOfDomains(),
        connection.getType(),
        connection.getVersion(),
        connection.getHostname(),
        cpus,
        memory_mb,
    )


def report(
    conf: cfg.ConfigOpts,
    measured: tuple[list[GuestInfo], int, str, int, str, int, int],
    *,
    node_uuid: str,
    capabilities: HostCapabilities,
    traits: tuple[str, ...],
    instances: Path,
) -> NodeReport:
    """The report."""
    guests, running, kind, version, hostname, cpus, memory_mb = measured
    disk = os.statvfs(instances)
    free = disk.f_bavail * disk.f_frsize
    total = disk.f_blocks * disk.f_frsize
    used = (disk.f_blocks - disk.f_bfree) * disk.f_frsize
    found = NodeReport(
        uuid=node_uuid,
        host=conf.host,
        hypervisor_hostname=hostname,
        hypervisor_type=kind,
        hypervisor_version=version,
        host_ip=conf.my_ip,
        vcpus=cpus,
        memory_mb=memory_mb,
        local_gb=total // GIB,
        vcpus_used=sum(guest.vcpus for guest in guests),
        memory_mb_used=min(memory_mb, used_memory_mb()),
        local_gb_used=used // GIB,
        disk_available_least=(free - promised_bytes(instances)) // GIB,
        running_vms=running,
        cpu_info=capabilities.cpu_info,
        uptime=uptime(),
        supported_instances=tuple(sorted({(arch, domain, "hvm") for arch, domain in capabilities.guests})),
        traits=traits,
        stats={},
    )
    return node_inventory.complete(conf, found)


def used_memory_mb() -> int:
    """MiB of memory that new processes could not have."""
    lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
    kib = {name.rstrip(":"): int(value) for name, value, *_unit in lines}
    return (kib["MemTotal"] - kib["MemAvailable"]) // 1024


def promised_bytes(instances: Path) -> int:
    """How much more the disks of all guests may still grow."""
    promised = 0
    for folder in instances.iterdir():
        known = guest_record.read(folder) if folder.is_dir() else None
        for disk in known.disks if known else ():
            try:
                written = (folder / disk.file).stat().st_blocks * 512
            except FileNotFoundError:
                continue
            promised += max(0, (disk.size or 0) - written)
    return promised


def uptime() -> str:
    """What the ``uptime`` command would print."""
    seconds = int(float(Path("/proc/uptime").read_text().split()[0]))
    days, rest = divmod(seconds, 86400)
    hours, minutes = rest // 3600, rest % 3600 // 60
    up = f"{days} day{'' if days == 1 else 's'}, " if days else ""
    load = ", ".join(f"{n:.2f}" for n in os.getloadavg())
    return f" {time.strftime('%H:%M:%S')} up {up}{hours:2d}:{minutes:02d},  0 users,  load average: {load}"
