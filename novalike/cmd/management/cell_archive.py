"""Archiving the deleted servers of one cell, whose rows are in two databases.

First the servers are forgotten in the API database, then moved within the cell's. Whoever dies in between leaves
deleted servers that are in their cell and have no mapping: nobody misses it, and the next run finds them where it found
them the first time. The other way round mappings would be left that lead to nothing, and nothing would tell of them.
"""

import datetime
from collections import Counter, deque
from collections.abc import Sequence

from novalike.conductor.cells import Cell
from novalike.db.api import mappings
from novalike.db.cell import archive as archive_db
from novalike.db.engine import Database

# Servers that are looked at at once, and rows that are moved in one transaction.
_PAGE, _ROWS_AT_ONCE = 100, 1000


class CellArchive:
    """One run through a cell, from the server that was deleted first on.

    :param before: only servers that were deleted before this time.
    :ivar archived: table → rows archived so far.
    :ivar unmapped: rows deleted so far in the API database.
    :ivar is_complete: whether there are no more.
    """

    def __init__(self, api: Database, cell: Cell, before: datetime.datetime) -> None:
        self._api = api
        self._cell = cell
        self._before = before
        self._cursor: archive_db.Cursor | None = None
        self._waiting: deque[archive_db.Candidate] = deque()
        self._has_looked = False
        self.archived: Counter[str] = Counter()
        self.unmapped = 0

    @property
    def is_complete(self) -> bool:
        return self._has_looked and self._cursor is None and not self._waiting

    def archive(self, max_rows: int, *, at_least_one: bool) -> None:
        """Archive servers, whole ones, with at most so many rows.

        :param at_least_one: the first one also if it alone has more.
        :raises Unavailable: a database can't be reached, or has no shadow tables; what has been archived is.
        """
        if not self._has_looked:
            self._cell.database.query(archive_db.check_schema)
        left = max_rows
        while not self.is_complete and left > 0:
            if not self._waiting:
                self._look()
                continue
            some = self._take(left, force=at_least_one and left == max_rows)
            if not some:
                return
            self._move(some)
            left -= sum(server.rows for server in some)

    def _look(self) -> None:
        found, self._cursor = self._cell.database.query(
            lambda c: archive_db.candidates(c, self._before, self._cursor, _PAGE)
        )
        self._waiting.extend(server for server in found if not server.is_needed)
        self._has_looked = True

    def _take(self, left: int, *, force: bool) -> list[archive_db.Candidate]:
        some: list[archive_db.Candidate] = []
        rows = 0
        while self._waiting:
            rows += self._waiting[0].rows
            fits = rows <= min(left, _ROWS_AT_ONCE) if some else rows <= left or force
            if not fits:
                break
            some.append(self._waiting.popleft())
        return some

    def _move(self, some: Sequence[archive_db.Candidate]) -> None:
        uuids, ids = [server.uuid for server in some], [server.id for server in some]
        self.unmapped += self._api.write(lambda c: mappings.unmap_instances(c, uuids, self._cell.id))
        self.archived.update(self._cell.database.write(lambda c: archive_db.move(c, ids)))
