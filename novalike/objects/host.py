"""Hosts: services, compute nodes, what the scheduler knows of them."""

import datetime
from typing import Any

from novalike.objects.record import Record, Row

_OURS, _NOVA = "novalike-", "nova-"


def public_binary(binary: str) -> str:
    """A daemon as the API calls it: clients look for ``nova-compute``."""
    return _NOVA + binary.removeprefix(_OURS) if binary.startswith(_OURS) else binary


def internal_binary(binary: str) -> str:
    """The opposite of :func:`public_binary`."""
    return _OURS + binary.removeprefix(_NOVA) if binary.startswith(_NOVA) else binary


class Service(Row, frozen=True):
    """A daemon, as ``os-services`` shows it.

    :param endpoint: the bus address of its process (several fake hosts share one).
    :param incarnation: changes with every start of the process; fences the previous one.
    """

    id: int
    uuid: str
    binary: str
    host: str
    endpoint: str
    incarnation: str
    zone: str
    up: bool
    disabled: bool
    disabled_reason: str | None
    forced_down: bool
    version: int
    last_seen_at: datetime.datetime | None
    created_at: datetime.datetime | None
    updated_at: datetime.datetime | None


class ComputeNode(Row, frozen=True):
    """A hypervisor, as ``os-hypervisors`` shows it. Memory in MiB, disk in GiB."""

    id: int
    uuid: str
    host: str
    hypervisor_hostname: str
    hypervisor_type: str
    hypervisor_version: int
    host_ip: str | None
    vcpus: int
    vcpus_used: int
    memory_mb: int
    memory_mb_used: int
    local_gb: int
    local_gb_used: int
    disk_available_least: int | None
    running_vms: int
    current_workload: int
    cpu_info: dict[str, Any]
    uptime: str | None
    service_id: int
    service_uuid: str
    service_disabled: bool
    service_disabled_reason: str | None
    service_up: bool
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    servers: tuple[tuple[str, str], ...] | None = None


class ResourceInventory(Record, frozen=True):
    """How much a resource provider has of one resource class, in the class's unit.

    :param max_unit: the most that one consumer may have; None is all of it.
    """

    total: int
    reserved: int = 0
    min_unit: int = 1
    max_unit: int | None = None
    step_size: int = 1
    allocation_ratio: float = 1.0


class ChildProvider(Record, frozen=True):
    """A part of a node that is a resource provider of its own: a NUMA cell, a device.

    :param name: unique among the node's, and the same for as long as the part is there.
    :param inventories: by resource class.
    :param traits: os-traits names, or ``CUSTOM_…``.
    """

    name: str
    inventories: dict[str, ResourceInventory] = {}
    traits: tuple[str, ...] = ()


class NodeReport(Record, frozen=True):
    """What a compute says of one of its nodes, once a period or after a change.

    What ``os-hypervisors`` and filters show of amounts is in fields of their own; what Placement is told is in
    ``inventories`` and ``children``.

    :param supported_instances: (architecture, hypervisor type, vm mode).
    :param traits: os-traits names.
    :param stats: free-form facts for filters (``io_workload``, ``num_instances`` …).
    :param failed_builds: how many have failed here since the last one that was done.
    :param inventories: of the node itself, by resource class.
    """

    uuid: str
    host: str
    hypervisor_hostname: str
    hypervisor_type: str
    hypervisor_version: int
    host_ip: str | None
    vcpus: int
    memory_mb: int
    local_gb: int
    vcpus_used: int = 0
    memory_mb_used: int = 0
    local_gb_used: int = 0
    disk_available_least: int | None = None
    running_vms: int = 0
    cpu_info: dict[str, Any] = {}
    uptime: str | None = None
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    traits: tuple[str, ...] = ()
    stats: dict[str, Any] = {}
    cpu_allocation_ratio: float = 4.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    reserved_host_cpus: int = 0
    reserved_host_memory_mb: int = 512
    reserved_host_disk_mb: int = 0
    failed_builds: int = 0
    inventories: dict[str, ResourceInventory] = {}
    children: tuple[ChildProvider, ...] = ()


class Heartbeat(Record, frozen=True):
    """That a process lives, for all hosts it stands for.

    :param incarnation: of the process; or, of daemons whose processes on a host share a record, see
        :func:`shared_incarnation`.
    """

    binary: str
    endpoint: str
    incarnation: str
    hosts: tuple[str, ...]
    version: int


def shared_incarnation(binary: str, version: int) -> str:
    """What all processes of a daemon on a host say that they are: none of them is news after another one."""
    return f"{binary} {version}"


class HostState(Record, frozen=True, gc=False):
    """A compute node as the scheduler's filters and weighers see it. Memory in MiB, disk in GiB.

    ``free_*`` are after allocation ratios and reservations. ``aggregates`` are the ones its host is in.
    """

    uuid: str
    host: str
    hypervisor_hostname: str
    endpoint: str
    cell: str
    hypervisor_type: str
    hypervisor_version: int
    supported_instances: tuple[tuple[str, str, str], ...] = ()
    up: bool = True
    disabled: bool = False
    disabled_reason: str | None = None
    vcpus_total: int = 0
    vcpus_used: int = 0
    memory_mb_total: int = 0
    free_memory_mb: int = 0
    free_disk_gb: int = 0
    total_disk_gb: int = 0
    num_instances: int = 0
    num_io_ops: int = 0
    failed_builds: int = 0
    cpu_allocation_ratio: float = 4.0
    ram_allocation_ratio: float = 1.0
    disk_allocation_ratio: float = 1.0
    traits: tuple[str, ...] = ()
    stats: dict[str, Any] = {}
    aggregates: tuple["AggregateFacts", ...] = ()
    zone: str = "nova"
    host_ip: str | None = None
    cpu_info: dict[str, Any] = {}


class AggregateFacts(Record, frozen=True, gc=False):
    """An aggregate as far as scheduling goes."""

    id: int
    uuid: str
    name: str
    metadata: dict[str, str] = {}


class HostStates(Record, frozen=True):
    """The scheduler's view of the hosts. ``version`` is another one when anything in it has changed.

    :param whole: these are all hosts; otherwise those that may have changed.
    """

    version: str
    hosts: tuple[HostState, ...]
    whole: bool = True
