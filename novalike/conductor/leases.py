"""The operations that this conductor works on: kept while it lives, given back when it stops.

A conductor that dies leaves its operations to whoever looks first once their lease has run out.
"""

import contextlib
import datetime
import threading
from collections import Counter
from collections.abc import Iterable, Iterator

from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.db.cell import operations as operations_db
from novalike.objects import errors

# Seconds.
_LONGEST_PAUSE = 60.0


class Leases:
    """What ``holder``, this conductor, has in its hands."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells, holder: str) -> None:
        self._conf = conf
        self._cells = cells
        self.holder = holder
        self._lock = threading.Lock()
        # (cell's id, operation) → how many threads work on it
        self._at_work: Counter[tuple[int, str]] = Counter()

    @contextlib.contextmanager
    def kept(self, cell: Cell, operation_ids: Iterable[str]) -> Iterator[None]:
        """While somebody works on these operations their leases don't run out."""
        keys = [(cell.id, operation_id) for operation_id in operation_ids]
        with self._lock:
            self._at_work.update(keys)
        try:
            yield
        finally:
            with self._lock:
                self._at_work.subtract(keys)
                self._at_work += Counter()  # drops the zeros

    def renew(self) -> None:
        """Say that we still work on what we work on, as far as the cells' databases can be reached.

        :raises Unavailable: the API database can't be reached.
        """
        with self._lock:
            at_work = list(self._at_work)

        def renew(cell: Cell) -> None:
            mine = [operation_id for cell_id, operation_id in at_work if cell_id == cell.id]
            if mine:
                lease = datetime.timedelta(seconds=self._conf.conductor.operation_lease)
                until = cell.database.utcnow() + lease
                cell.database.write(lambda c: operations_db.hold_until(c, self.holder, until, mine))

        self._cells.each_reachable(renew)

    def put_off(self, cell: Cell, operation_ids: Iterable[str]) -> None:
        """Let go of operations that can't be done now, so that some conductor takes them up again: soon at first, then
        after longer and longer pauses.

        :raises Unavailable: the database can't be reached; their leases will run out.
        """
        ids = list(operation_ids)
        now = cell.database.utcnow()
        began = cell.database.query(lambda c: operations_db.oldest_start(c, ids))
        later = now + growing_pause(now - (began or now), self._conf.conductor.reaper_interval, _LONGEST_PAUSE)
        cell.database.write(lambda c: operations_db.let_go(c, self.holder, later, only=ids))

    def give_back(self) -> None:
        """Let go of all that nobody works on: this conductor stops. As far as the databases can be reached; elsewhere
        the leases run out."""
        with self._lock:
            at_work = [operation_id for _cell_id, operation_id in self._at_work]

        def let_go(cell: Cell) -> None:
            now = cell.database.utcnow()
            cell.database.write(lambda c: operations_db.let_go(c, self.holder, now, but=at_work))

        with contextlib.suppress(errors.Unavailable):
            self._cells.each_reachable(let_go)


def growing_pause(age: datetime.timedelta, shortest: float, longest: float) -> datetime.timedelta:
    """Return how long something that has been tried in vain for so long is left alone: half as long again.

    :param shortest, longest: bounds, in seconds.
    """
    return datetime.timedelta(seconds=min(max(age.total_seconds() / 2, shortest), longest))
