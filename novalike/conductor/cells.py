"""Which databases there are, and which one a server or host is in."""

import functools
import logging
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from oslo_config import cfg

from novalike.db.api import mappings
from novalike.db.engine import UNUSABLE_URL, Database
from novalike.objects import errors

LOG = logging.getLogger(__name__)
T = TypeVar("T")

CELL0_UUID = "00000000-0000-0000-0000-000000000000"
_REFRESH_SECONDS = 30.0


class Cell(NamedTuple):
    """A cell and its database."""

    id: int
    uuid: str
    name: str
    database: Database
    disabled: bool

    @property
    def is_cell0(self) -> bool:
        """Cell 0 has no hosts: servers are there until a cell has been chosen for them."""
        return self.uuid == CELL0_UUID


class Cells:
    """The API database and the cells it knows.

    :param connect: makes a database of a URL.
    :raises SystemExit: no API database is configured, or with a URL that is none.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, connect: Callable[[str, cfg.ConfigOpts], Database] = Database
    ) -> None:
        if not conf.api_database.connection:
            raise SystemExit("[api_database] connection is not set: the conductor needs the API database's URL")
        self._conf = conf
        self._connect = connect
        try:
            self.api = connect(conf.api_database.connection, conf)
        except UNUSABLE_URL as error:  # without the URL: there is a password in it
            raise SystemExit(f"[api_database] connection: {error}") from error
        self._lock = threading.Lock()
        self._cells: dict[int, Cell] = {}
        self._databases: dict[str, Database] = {}
        self._loaded_at = 0.0
        # Servers do not change their cell once they have been placed, so what was looked up stays true.
        self._cell_of_instance: dict[str, int] = {}

    def all(self) -> list[Cell]:
        """Every cell, cell 0 first.

        :raises Unavailable: the API database can't be reached, or there are no cells yet.
        """
        if not self._cells or time.monotonic() - self._loaded_at > _REFRESH_SECONDS:
            self._load()
        return list(self._cells.values())

    def _load(self) -> None:
        rows = self.api.query(mappings.cells)
        with self._lock:
            found = {}
            for row in sorted(rows, key=lambda r: (r.uuid != CELL0_UUID, r.id)):
                database = self._databases.get(row.database_connection)
                if database is None:
                    database = self._connect(row.database_connection, self._conf)
                    self._databases[row.database_connection] = database
                found[row.id] = Cell(row.id, row.uuid, row.name, database, row.disabled)
            self._cells, self._loaded_at = found, time.monotonic()
        if not found:
            raise errors.Unavailable(reason="there are no cells: run 'novalike-manage cell_v2 simple_cell_setup'")

    def compute_cells(self) -> list[Cell]:
        """The cells that can have hosts."""
        return [cell for cell in self.all() if not cell.is_cell0]

    def home(self) -> Cell:
        """Where a new server's records start: in the only cell it can end up in, or in cell 0 when a cell has
        yet to be chosen."""
        enabled = [cell for cell in self.compute_cells() if not cell.disabled]
        if len(enabled) == 1:
            return enabled[0]
        return next(cell for cell in self.all() if cell.is_cell0)

    def by_id(self, cell_id: int) -> Cell:
        """A cell by its row number.

        :raises CellNotFound: there is none.
        """
        for attempt in range(2):
            for cell in self.all():
                if cell.id == cell_id:
                    return cell
            if attempt == 0:
                self._load()
        raise errors.CellNotFound(cell=cell_id)

    def of_instance(self, uuid: str) -> Cell:
        """The cell of a server.

        :raises InstanceNotFound: there is no such server.
        """
        cell_id = self._cell_of_instance.get(uuid)
        if cell_id is None:
            cell_id = self.api.query(lambda c: mappings.cell_of_instance(c, uuid))
            if cell_id is None:
                raise errors.InstanceNotFound(instance_id=uuid)
            self.remember([uuid], cell_id)
        return self.by_id(cell_id)

    def remember(self, uuids: Iterable[str], cell_id: int) -> None:
        """Note the cell of servers, unless they may still move."""
        if self.by_id(cell_id).is_cell0:
            for uuid in uuids:
                self._cell_of_instance.pop(uuid, None)
            return
        if len(self._cell_of_instance) > 200_000:
            self._cell_of_instance.clear()
        self._cell_of_instance.update(dict.fromkeys(uuids, cell_id))

    def each(self, function: Callable[[Cell], T], cells: Iterable[Cell] | None = None) -> list[T]:
        """What a function gives for every cell."""
        return [function(cell) for cell in (self.all() if cells is None else cells)]

    def each_reachable(self, function: Callable[[Cell], T]) -> list[T]:
        """What a function gives for every cell whose database can be reached: one that is away doesn't hold up the work
        in the others.

        :raises Unavailable: the API database can't be reached.
        """
        given = []
        for cell in self.all():
            try:
                given.append(function(cell))
            except errors.Unavailable as error:
                LOG.warning("cell %s is left out: %s", cell.name, error)
        return given

    def ping(self) -> bool:
        """Whether all databases answer."""
        try:
            return self.api.ping() and all(cell.database.ping() for cell in self.all())
        except errors.NovalikeError:
            return False

    def close(self) -> None:
        """Close all connections."""
        self.api.close()
        for database in self._databases.values():
            database.close()


def follows_moves(method: Callable[..., T]) -> Callable[..., T]:
    """For handlers that look for a server: one that is not found may just have left cell 0, so look once more."""

    @functools.wraps(method)
    def look(self: Any, *args: Any, **keywords: Any) -> T:
        try:
            return method(self, *args, **keywords)
        except errors.InstanceNotFound:
            if not self._cells.home().is_cell0:
                raise
            return method(self, *args, **keywords)

    return look
