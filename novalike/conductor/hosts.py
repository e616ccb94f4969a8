"""Hosts: who lives, what they have, what the scheduler needs to know of them."""

import datetime
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.conductor.heartbeats import Heartbeats
from novalike.db.api import mappings
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell import services as services_db
from novalike.objects.context import RequestContext
from novalike.objects.host import AggregateFacts, Heartbeat, NodeReport
from novalike.objects.server import Server

COMPUTE = "novalike-compute"
_FRESH = 1.0
# For how much of the time between two heartbeats they are gathered.
_GATHER = 0.1


def is_up(
    conf: cfg.ConfigOpts, now: datetime.datetime, last_seen_at: datetime.datetime | None, forced_down: bool
) -> bool:
    """Return whether a service counts as alive.

    :param now: by the clock of the database that ``last_seen_at`` is from (``Database.utcnow``).
    """
    if forced_down or last_seen_at is None:
        return False
    return (now - last_seen_at).total_seconds() <= conf.service_down_time


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
        # Host → its status (None: there is no such host), and when that was read.
        self._known: dict[str, tuple[str | None, float]] = {}

    def of(self, hosts: set[str]) -> dict[str, str]:
        """host → status, of those of some hosts that there are."""
        known, horizon = self._known, time.monotonic() - _FRESH
        if not all(host in known and known[host][1] > horizon for host in hosts):
            with self._lock:
                wanted = [host for host in hosts if host not in known or known[host][1] <= horizon]
                if wanted:
                    self._read(wanted)
        found = {host: known[host][0] for host in hosts}
        return {host: status for host, status in found.items() if status is not None}

    def note(self, servers: Sequence[Server]) -> None:
        """Fill in the ``host_status`` of records that were just made."""
        statuses = self.of({server.host for server in servers if server.host})
        for server in servers:
            if server.host:
                msgspec.structs.force_setattr(server, "host_status", statuses.get(server.host, "UNKNOWN"))

    def _read(self, hosts: list[str]) -> None:
        """Read only these: of ten thousand hosts a page of servers is on fifty."""
        statuses: dict[str, str] = {}
        read_at = time.monotonic()
        for cell in self._cells.compute_cells():
            rows = cell.database.query(lambda c: hosts_db.status_of(c, hosts))
            now = cell.database.utcnow()
            statuses.update((row.host, self._status(row, now)) for row in rows)
        self._known.update((host, (statuses.get(host), read_at)) for host in hosts)

    def _status(self, row: Any, now: datetime.datetime) -> str:
        if row.disabled:
            return "MAINTENANCE"
        return "UP" if is_up(self._conf, now, row.last_seen_at, row.forced_down) else "DOWN"


class HostReports:
    """What compute processes report: part of ``bus.journal.Journal``.

    :param gather: seconds for which heartbeats are gathered; None is a little of the time between two of them.
    """

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells, gather: float | None = None) -> None:
        self._conf = conf
        self._cells = cells
        self._cell_of_host: dict[str, int] = {}
        self._heartbeats = Heartbeats(self._write_beats, conf.report_interval * _GATHER if gather is None else gather)

    def cell_of(self, hosts: Iterable[str]) -> Cell:
        """The cell of some hosts that share a process; for new ones the first cell that takes any."""
        hosts = list(hosts)
        if not all(host in self._cell_of_host for host in hosts):
            self._cell_of_host.update(self._cells.api.query(lambda c: mappings.hosts(c, hosts)))
        for host in hosts:
            if host in self._cell_of_host:
                return self._cells.by_id(self._cell_of_host[host])
        return self._cells.compute_cells()[0]

    def heartbeat(self, ctx: RequestContext, *, beat: Heartbeat) -> None:
        self._heartbeats.note(beat)

    def _write_beats(self, beats: Sequence[Heartbeat]) -> None:
        """Record that processes live, with all hosts that they have."""
        by_cell: dict[int, list[Heartbeat]] = {}
        for beat in beats:
            by_cell.setdefault(self.cell_of(beat.hosts).id, []).append(beat)
        for cell_id, some in by_cell.items():
            incarnations = [(beat.endpoint, beat.incarnation) for beat in some]
            database = self._cells.by_id(cell_id).database
            now = database.utcnow()
            with database.read() as connection:
                known = hosts_db.beat_again(connection, incarnations, now, self._conf.service_down_time)
            if known != sum(len(beat.hosts) for beat in some):
                for beat in some:
                    self._note(beat)

    def _note(self, beat: Heartbeat) -> None:
        """Record that hosts live, and such as are not known yet."""
        cell = self.cell_of(beat.hosts)
        now, down_after = cell.database.utcnow(), self._conf.service_down_time

        def write(connection: Any) -> list[str]:
            arguments = (beat.binary, beat.endpoint, beat.incarnation)
            known = hosts_db.beat(connection, *arguments, beat.hosts, beat.version, now, down_after)
            new = [host for host in beat.hosts if host not in known]
            hosts_db.insert_services(connection, *arguments, new, beat.version, now)
            return new

        new = cell.database.write(write)
        if beat.binary == COMPUTE:
            # Also one that was deleted while its process ran on: its mapping went with it, whatever is remembered.
            self._map(new, cell)

    def report_nodes(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, nodes: tuple[NodeReport, ...]
    ) -> tuple[str, ...]:
        hosts = sorted({node.host for node in nodes})
        cell = self.cell_of(hosts)
        if all(host in self._cell_of_host for host in hosts):
            # Most reports say what the last one said.
            now, down_after = cell.database.utcnow(), self._conf.service_down_time
            disabled = cell.database.query(
                lambda c: hosts_db.confirmed(c, endpoint, incarnation, nodes, now, down_after)
            )
            if disabled is not None:
                return tuple(disabled)
        beat = Heartbeat(binary=COMPUTE, endpoint=endpoint, incarnation=incarnation, hosts=tuple(hosts), version=1)
        self._note(beat)
        cell.database.write(lambda c: hosts_db.store_reports(c, nodes))
        self._map([host for host in hosts if host not in self._cell_of_host], cell)
        return tuple(cell.database.query(lambda c: services_db.disabled_among(c, hosts)))

    def forget(self, host: str) -> None:
        """A host's service has been deleted."""
        self._cell_of_host.pop(host, None)

    def _map(self, hosts: list[str], cell: Cell) -> None:
        if hosts:
            self._cells.api.write(lambda c: mappings.map_hosts(c, hosts, cell.id))
            self._cell_of_host.update(dict.fromkeys(hosts, cell.id))
