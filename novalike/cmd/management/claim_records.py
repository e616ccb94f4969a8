"""What our records say about claims in Placement: which server must have what, and where."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.cmd.management.placement_audit import Claimant, Mover
from novalike.db.api import mappings
from novalike.db.cell import claimants as claimants_db
from novalike.objects.migration import MigrationStatus
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.resources import build_query

_CHUNK = 500


class Seen(NamedTuple):
    """The records at some moment.

    :param movers: migrations of theirs, by uuid.
    :param busy: servers that something is being done to, or was since an earlier look.
    :param marks: per cell, where its operations ended then.
    """

    claimants: dict[str, Claimant]
    movers: dict[str, Mover]
    busy: set[str]
    marks: dict[int, int]


class ClaimRecords:
    """Reads the cells' records.

    :param chosen: the cells to read; cell 0, if it is among them, before the others: servers move from there.
    """

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells, chosen: Sequence[Cell]) -> None:
        self._conf = conf
        self._cells = cells
        self._chosen = chosen

    def scan(self, *, servers: bool = True) -> Seen:
        """All servers that have not been deleted, and migrations that are not over.

        :param servers: False is only what is needed to look at some of them later (``again``).
        :raises Unavailable: a cell can't be reached: nothing can be said then.
        """
        seen = Seen({}, {}, set(), {})
        for cell in self._chosen:
            seen.marks[cell.id] = cell.database.query(claimants_db.newest_operation)
            seen.busy.update(cell.database.query(claimants_db.busy))
            if servers:
                seen.claimants.update(cell.database.query(lambda c: self._read(c, None)))
                seen.movers.update(cell.database.query(lambda c: self._movers(c, None)))
        return seen

    def again(self, uuids: Sequence[str], earlier: Seen) -> Seen:
        """Some servers and migrations, deleted ones included, and which servers are busy or have been since the scan.

        :raises Unavailable: a cell can't be reached.
        """
        seen = Seen({}, {}, set(earlier.busy), dict(earlier.marks))
        for cell in self._chosen:
            seen.claimants.update(cell.database.query(lambda c: self._read(c, uuids)))
            seen.movers.update(cell.database.query(lambda c: self._movers(c, uuids)))
            # After the servers: whoever has changed one that we have just read is caught here.
            seen.busy.update(cell.database.query(lambda c: claimants_db.busy(c, earlier.marks.get(cell.id))))  # noqa: B023
        return seen

    def provider_uuids(self) -> set[str]:
        """The resource providers that are nodes of ours."""
        return {uuid for cell in self._chosen for uuid in cell.database.query(claimants_db.nodes).values()}

    def mapped(self, uuids: Sequence[str]) -> set[str]:
        """Those of some servers that the API database knows, be they in a cell or not.

        :raises Unavailable: the API database can't be reached.
        """
        found: set[str] = set()
        for start in range(0, len(uuids), _CHUNK):
            part = uuids[start : start + _CHUNK]
            found.update(self._cells.api.query(lambda c: mappings.cells_of_instances(c, part)))  # noqa: B023
        return found

    def _read(self, connection: sa.Connection, uuids: Sequence[str] | None) -> dict[str, Claimant]:
        nodes = claimants_db.nodes(connection)
        rows: Iterable[Any] = (
            claimants_db.servers(connection, claimants_db.I.deleted == sa.false())
            if uuids is None
            else claimants_db.among(connection, uuids)
        )
        return {row.uuid: self._claimant(row, nodes) for row in rows}

    @staticmethod
    def _movers(connection: sa.Connection, uuids: Sequence[str] | None) -> dict[str, Mover]:
        nodes = claimants_db.nodes(connection)
        found: dict[str, Mover] = {}
        for row in claimants_db.migrations(connection, uuids):
            source = nodes.get((row.source_compute, row.source_node))
            found[row.uuid] = Mover(row.uuid, row.instance_uuid, row.status not in MigrationStatus.OPEN, source)
        return found

    def _claimant(self, row: Any, nodes: dict[tuple[str, str], str]) -> Claimant:
        request = SchedulingRequest(
            project_id=row.project_id,
            user_id=row.user_id,
            instance_uuids=(row.uuid,),
            flavor=row.flavor,
            image=row.image,
        )
        wanted = build_query(self._conf, request).totals() if row.host and not row.deleted else {}
        provider = nodes.get((row.host, row.node))
        return Claimant(row.uuid, row.deleted, row.host, provider, wanted, row.project_id, row.user_id)
