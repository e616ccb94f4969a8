"""What the scheduler needs to know of the hosts: all of it, or what has changed since it asked last.

A version says what was known when an answer was given, so that any conductor can say what has changed since. It is
found out from what is stamped with a time; what is stamped a little earlier may be committed later, so we look back
a little further than that. And now and then all is sent again, whatever was missed.
"""

import datetime
import hashlib
from typing import Any

import msgspec
from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.conductor.hosts import is_up, zone_of
from novalike.db.api import aggregates
from novalike.db.cell import host_changes
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell.host_changes import Marks
from novalike.objects.context import RequestContext
from novalike.objects.host import AggregateFacts, HostState, HostStates
from novalike.objects.record import Row, utcnow

Facts = dict[str, tuple[AggregateFacts, ...]]

_SLACK = datetime.timedelta(seconds=30)
_WHOLE_AFTER = datetime.timedelta(minutes=10)
# When more hosts than this have changed, and half of all, it is as well to send all.
_CHANGES = 1000


class Version(Row, frozen=True):
    """What an answer was made from.

    :param at: when, by the clock of each cell's database, by the cell's row number.
    :param whole_at: when all hosts were sent last.
    :param facts: a digest of the aggregates.
    :param cells: the marks of the cells, by row number.
    """

    at: dict[int, datetime.datetime]
    whole_at: datetime.datetime
    facts: str
    cells: dict[int, Marks]


class HostStatesHandler:
    """Serves ``bus.host_states.SchedulerReads``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells

    def inventory(
        self, ctx: RequestContext, *, known_version: str | None = None, changes: bool = False
    ) -> HostStates | None:
        now = utcnow()
        known = _decode(known_version)
        cells = self._cells.compute_cells()
        facts = self._cells.api.query(aggregates.by_host)
        digest = hashlib.sha256(msgspec.json.encode(facts, order="deterministic")).hexdigest()
        at = {cell.id: cell.database.utcnow() for cell in cells}
        marks = {cell.id: self._marks(cell, at[cell.id]) for cell in cells}
        due = known is None or now - known.whole_at > _WHOLE_AFTER
        if known is not None and not due and known.cells == marks and known.facts == digest:
            return None
        hosts = None
        if known is not None and not due and changes and known.facts == digest and known.cells.keys() == marks.keys():
            hosts = self._changed(cells, known, marks, facts, at)
        whole = hosts is None
        if hosts is None:
            hosts = [state for cell in cells for state in self._read(cell, facts)]
        version = Version(
            at=at, whole_at=now if whole or known is None else known.whole_at, facts=digest, cells=marks
        )
        return HostStates(version=msgspec.json.encode(version).decode(), hosts=tuple(hosts), whole=whole)

    def _marks(self, cell: Cell, now: datetime.datetime) -> Marks:
        return cell.database.query(lambda c: host_changes.marks(c, now - self._down_time))

    @property
    def _down_time(self) -> datetime.timedelta:
        return datetime.timedelta(seconds=self._conf.service_down_time)

    def _changed(
        self,
        cells: list[Cell],
        known: Version,
        marks: dict[int, Marks],
        facts: Facts,
        now: dict[int, datetime.datetime],
    ) -> list[HostState] | None:
        """The hosts that may have changed; None when it can't be told, or when they are so many."""
        most = max(_CHANGES, sum(has.nodes for has in marks.values()) // 2)
        found: list[HostState] = []
        for cell in cells:
            had, has = known.cells[cell.id], marks[cell.id]
            if had == has:
                continue
            since = known.at[cell.id] - _SLACK
            silent = (since - self._down_time, now[cell.id] - self._down_time)
            with cell.database.read() as connection:
                if has.nodes != had.nodes + host_changes.added_since(connection, had.newest_node):
                    return None  # one is gone
                names = host_changes.changed_hosts(connection, since, silent)
            if len(found) + len(names) > most:
                return None
            found += self._read(cell, facts, list(names))
        return found

    def _read(self, cell: Cell, facts: Facts, hosts: list[str] | None = None) -> list[HostState]:
        where = [] if hosts is None else [hosts_db.N.host.in_(hosts)]
        with cell.database.read() as connection:
            rows = hosts_db.nodes(connection, *where)
            usage = hosts_db.usage_by_node(connection, hosts)
        now = cell.database.utcnow()
        return [self._state(cell, now, row, usage, facts) for row in rows]

    def _state(
        self, cell: Cell, now: datetime.datetime, row: Any, usage: dict[tuple[str, str], Any], facts: Facts
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
            up=is_up(self._conf, now, row.service_last_seen_at, row.service_forced_down),
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


def _decode(version: str | None) -> Version | None:
    """None when there is none, or one that another release of ours has made."""
    if version is None:
        return None
    try:
        return msgspec.json.decode(version, type=Version)
    except msgspec.DecodeError:
        return None
