"""Hosts: who lives, what they have, what the scheduler needs to know of them."""

import datetime
import hashlib
import threading
import time
from collections.abc import Iterable
from typing import Any

from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.db.api import aggregates, mappings
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell import services as services_db
from novalike.objects.context import RequestContext
from novalike.objects.host import AggregateFacts, Heartbeat, HostState, Inventory, NodeReport
from novalike.objects.record import utcnow

COMPUTE = "novalike-compute"


def is_up(conf: cfg.ConfigOpts, last_seen_at: datetime.datetime | None, forced_down: bool) -> bool:
    """Whether a service counts as alive."""
    if forced_down or last_seen_at is None:
        return False
    return (utcnow() - last_seen_at).total_seconds() <= conf.service_down_time


def zone_of(conf: cfg.ConfigOpts, facts: Iterable[AggregateFacts]) -> str:
    """The availability zone of a host in these aggregates."""
    for aggregate in facts:
        if "availability_zone" in aggregate.metadata:
            return aggregate.metadata["availability_zone"]
    return conf.default_availability_zone


class HostStatus:
    """``UP``, ``DOWN``, ``MAINTENANCE`` of compute hosts, for server lists; at most a second old."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells
        self._lock = threading.Lock()
        self._rows: dict[str, Any] = {}
        self._read_at = -1000.0

    def of(self, hosts: set[str]) -> dict[str, str]:
        """host → status."""
        if not hosts:
            return {}
        if time.monotonic() - self._read_at > 1.0 or not hosts <= self._rows.keys():
            with self._lock:
                rows = {}
                for cell in self._cells.compute_cells():
                    rows.update({row.host: row for row in cell.database.query(hosts_db.status_of)})
                self._rows, self._read_at = rows, time.monotonic()
        return {host: self._status(self._rows[host]) for host in hosts if host in self._rows}

    def _status(self, row: Any) -> str:
        if row.disabled:
            return "MAINTENANCE"
        return "UP" if is_up(self._conf, row.last_seen_at, row.forced_down) else "DOWN"


class HostReports:
    """What compute processes report: part of ``bus.conductor.Journal``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells
        self._cell_of_host: dict[str, int] = {}

    def cell_of(self, hosts: Iterable[str]) -> Cell:
        """The cell of some hosts that share a process; for new ones the first cell that takes any."""
        hosts = list(hosts)
        if not all(host in self._cell_of_host for host in hosts):
            self._cell_of_host.update(self._cells.api.query(mappings.hosts))
        for host in hosts:
            if host in self._cell_of_host:
                return self._cells.by_id(self._cell_of_host[host])
        return self._cells.compute_cells()[0]

    def heartbeat(self, ctx: RequestContext, *, beat: Heartbeat) -> None:
        cell = self.cell_of(beat.hosts)

        def write(connection: Any) -> list[str]:
            arguments = (beat.binary, beat.endpoint, beat.incarnation)
            known = hosts_db.beat(connection, *arguments, beat.hosts, beat.version)
            new = [host for host in beat.hosts if host not in known]
            hosts_db.insert_services(connection, *arguments, new, beat.version)
            return new

        new = cell.database.write(write)
        if beat.binary == COMPUTE:
            # Also one that was deleted while its process ran on: its mapping went with it, whatever is remembered.
            for host in new:
                self._map(host, cell)

    def report_nodes(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, nodes: tuple[NodeReport, ...]
    ) -> tuple[str, ...]:
        hosts = sorted({node.host for node in nodes})
        cell = self.cell_of(hosts)
        beat = Heartbeat(binary=COMPUTE, endpoint=endpoint, incarnation=incarnation, hosts=tuple(hosts), version=1)
        self.heartbeat(ctx, beat=beat)
        cell.database.write(lambda c: hosts_db.store_reports(c, nodes))
        for host in hosts:
            if host not in self._cell_of_host:
                self._map(host, cell)
        return tuple(cell.database.query(lambda c: services_db.disabled_among(c, hosts)))

    def forget(self, host: str) -> None:
        """A host's service has been deleted."""
        self._cell_of_host.pop(host, None)

    def _map(self, host: str, cell: Cell) -> None:
        def write(connection: Any) -> None:
            if host not in mappings.hosts(connection):
                mappings.map_host(connection, host, cell.id)

        self._cells.api.write(write)
        self._cell_of_host[host] = cell.id


class InventoryHandler:
    """Serves ``bus.conductor.SchedulerReads``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells

    def inventory(self, ctx: RequestContext, *, known_version: str | None = None) -> Inventory | None:
        cells = self._cells.compute_cells()
        facts = self._cells.api.query(aggregates.by_host)
        marks = [tuple(cell.database.query(hosts_db.last_change)) for cell in cells]
        version = hashlib.sha256(repr((marks, facts)).encode()).hexdigest()
        if version == known_version and not self._any_expired(cells):
            return None
        hosts: list[HostState] = []
        for cell in cells:
            rows, usage = cell.database.query(lambda c: (hosts_db.nodes(c), hosts_db.usage_by_node(c)))
            hosts += [self._state(cell, row, usage, facts) for row in rows]
        return Inventory(version=version, hosts=tuple(hosts))

    def _any_expired(self, cells: list[Cell]) -> bool:
        """Whether a host fell silent lately: nothing is written then, but the answer changes."""
        horizon = self._conf.service_down_time
        recently = horizon + 3 * self._conf.scheduler.sync_interval
        now = utcnow()
        for cell in cells:
            for row in cell.database.query(hosts_db.status_of):
                age = (now - row.last_seen_at).total_seconds() if row.last_seen_at else 0
                if horizon < age < recently:
                    return True
        return False

    def _state(
        self, cell: Cell, row: Any, usage: dict[tuple[str, str], Any], facts: dict[str, tuple[AggregateFacts, ...]]
    ) -> HostState:
        used = usage.get((row.host, row.hypervisor_hostname))
        memory = int((used.memory_mb if used else 0) or 0)
        disk = int((used.disk if used else 0) or 0)
        own = facts.get(row.host, ())
        return HostState(
            uuid=row.uuid,
            host=row.host,
            hypervisor_hostname=row.hypervisor_hostname,
            endpoint=row.service_endpoint,
            cell=cell.name,
            hypervisor_type=row.hypervisor_type,
            hypervisor_version=row.hypervisor_version,
            supported_instances=row.supported_instances,
            up=is_up(self._conf, row.service_last_seen_at, row.service_forced_down),
            disabled=row.service_disabled,
            disabled_reason=row.service_disabled_reason,
            vcpus_total=row.vcpus,
            vcpus_used=int((used.vcpus if used else 0) or 0),
            memory_mb_total=row.memory_mb,
            free_memory_mb=int(row.memory_mb * row.ram_allocation_ratio) - row.reserved_host_memory_mb - memory,
            free_disk_gb=int(row.local_gb * row.disk_allocation_ratio) - row.reserved_host_disk_mb // 1024 - disk,
            total_disk_gb=row.local_gb,
            num_instances=used.count if used else 0,
            num_io_ops=int((used.busy if used else 0) or 0),
            failed_builds=row.failed_builds,
            cpu_allocation_ratio=row.cpu_allocation_ratio,
            ram_allocation_ratio=row.ram_allocation_ratio,
            disk_allocation_ratio=row.disk_allocation_ratio,
            traits=row.traits,
            stats=row.stats,
            aggregates=own,
            zone=zone_of(self._conf, own),
            host_ip=row.host_ip,
            cpu_info=row.cpu_info,
        )
