"""Hypervisors, as administrators see them. What is used on them is counted from the servers."""

from typing import Any

from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.conductor.hosts import is_up
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.host import ComputeNode

# What a column of ids can hold.
_ID_MAX = 2**31 - 1
_DIGITS_MAX = len(str(_ID_MAX))


class HypervisorReadsHandler:
    """Serves ``bus.hypervisors.HypervisorReads``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells

    def list_hypervisors(
        self,
        ctx: RequestContext,
        *,
        limit: int | None = None,
        marker: str | None = None,
        pattern: str | None = None,
        with_servers: bool = False,
    ) -> tuple[ComputeNode, ...]:
        after = None if marker is None else self._find(marker)
        if marker is not None and after is None:
            raise errors.MarkerNotFound(marker=marker)
        found: list[ComputeNode] = []
        for cell in self._cells.compute_cells():
            if after is not None and cell.id < after[0].id:
                continue
            where = []
            if pattern is not None:
                where.append(hosts_db.N.hypervisor_hostname.contains(pattern, autoescape=True))
            if after is not None and cell.id == after[0].id:
                where.append(hosts_db.N.id > after[1].id)
            room = None if limit is None else limit - len(found)
            if room == 0:
                break
            found += self._read(cell, where, room, with_servers)
        return tuple(found)

    def get_hypervisor(
        self, ctx: RequestContext, *, hypervisor_id: str, with_servers: bool = False
    ) -> ComputeNode:
        found = self._find(hypervisor_id)
        if found is None:
            raise errors.ComputeNodeNotFound(hypervisor_id=hypervisor_id)
        cell, row = found
        return self._read(cell, [hosts_db.N.id == row.id], None, with_servers)[0]

    def _find(self, hypervisor_id: str) -> tuple[Cell, Any] | None:
        by_number = hypervisor_id.isdecimal()
        if by_number and (len(hypervisor_id) > _DIGITS_MAX or int(hypervisor_id) > _ID_MAX):
            return None
        condition = hosts_db.N.id == int(hypervisor_id) if by_number else hosts_db.N.uuid == hypervisor_id
        for cell in self._cells.compute_cells():
            rows = cell.database.query(lambda c: hosts_db.nodes(c, condition))
            if rows:
                return cell, rows[0]
        return None

    def _read(self, cell: Cell, where: list[Any], limit: int | None, with_servers: bool) -> list[ComputeNode]:
        with cell.database.read() as connection:
            rows = hosts_db.nodes(connection, *where, limit=limit)
            hosts = [row.host for row in rows]
            usage = hosts_db.usage_by_node(connection, hosts)
            servers = servers_db.names_by_node(connection, hosts) if with_servers else None
        return [self._node(cell, row, usage.get((row.host, row.hypervisor_hostname)), servers) for row in rows]

    def _node(
        self, cell: Cell, row: Any, used: Any, servers: dict[tuple[str, str], list[tuple[str, str]]] | None
    ) -> ComputeNode:
        own = None if servers is None else tuple(servers.get((row.host, row.hypervisor_hostname), ()))
        return ComputeNode(
            id=row.id,
            uuid=row.uuid,
            host=row.host,
            hypervisor_hostname=row.hypervisor_hostname,
            hypervisor_type=row.hypervisor_type,
            hypervisor_version=row.hypervisor_version,
            host_ip=row.host_ip,
            vcpus=row.vcpus,
            vcpus_used=int((used.vcpus if used else 0) or 0),
            memory_mb=row.memory_mb,
            memory_mb_used=row.reserved_host_memory_mb + int((used.memory_mb if used else 0) or 0),
            local_gb=row.local_gb,
            local_gb_used=row.reserved_host_disk_mb // 1024 + int((used.disk if used else 0) or 0),
            disk_available_least=row.disk_available_least,
            running_vms=used.count if used else 0,
            current_workload=int((used.busy if used else 0) or 0),
            cpu_info=row.cpu_info,
            uptime=row.uptime,
            service_id=row.service_id,
            service_uuid=row.service_uuid,
            service_disabled=row.service_disabled,
            service_disabled_reason=row.service_disabled_reason,
            service_up=is_up(self._conf, cell.database.utcnow(), row.service_last_seen_at, row.service_forced_down),
            created_at=row.created_at,
            updated_at=row.updated_at,
            servers=own,
        )
