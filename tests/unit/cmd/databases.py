"""The databases of a cloud, full of servers, and novalike-manage run on them."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as configuration
from novalike.cmd import manage
from novalike.conductor.cells import CELL0_UUID, Cell, Cells
from novalike.db.api import mappings
from novalike.db.api import tables as api
from novalike.db.cell import tables as t
from novalike.db.engine import Database
from novalike.objects.record import utcnow
from tests.benchmarks.growth import population

BIG, USER = "b" * 32, "u" * 32
LONG_AGO = utcnow() - datetime.timedelta(hours=1)
SHADOWS = (t.shadow_instances, t.shadow_instance_requests, t.shadow_operations, t.shadow_migrations)


class Databases:
    """An API database, cell0 and one or more cells, and the commands of an operator.

    :param urls: of the API database and of the cells, cell0 first; their tables are made.
    """

    def __init__(self, file: Path, urls: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self._file = file
        self._url = urls[0]
        self.write_config(urls[0], urls[2])
        self.conf = configuration.load("novalike-conductor", ["--config-file", str(file)], cfg.ConfigOpts())
        self.api = self._make(urls[0], api.metadata)
        for number, url in enumerate(urls[1:]):
            self._make(url, t.metadata).close()
            uuid = CELL0_UUID if number == 0 else f"00000000-0000-0000-0000-{number:012}"
            facts = {"uuid": uuid, "name": f"cell{number}", "database_connection": url, "disabled": False}
            self.api.write(lambda c, facts=facts: mappings.insert_cell(c, **facts))
        self._cells = Cells(self.conf)
        self.out = self.err = ""

    def _make(self, url: str, schema: sa.MetaData) -> Database:
        database = Database(url, self.conf)
        schema.create_all(database.engine)
        return database

    def write_config(self, api_url: str, cell_url: str) -> None:
        """Say where the databases are."""
        self._file.write_text(f"[api_database]\nconnection = {api_url}\n[database]\nconnection = {cell_url}\n")

    def close(self) -> None:
        self._cells.close()
        self.api.close()

    def manage(self, *words: Any) -> int:
        """Run a command. Gives the exit status."""
        self._capsys.readouterr()
        try:
            return manage.main(["--config-file", str(self._file), *map(str, words)])
        except SystemExit as error:  # argparse's
            return int(str(error.code))
        finally:
            self.out, self.err = self._capsys.readouterr()

    def cell(self, name: str = "cell1") -> Cell:
        return next(cell for cell in self._cells.all() if cell.name == name)

    def populate(self, first: int, end: int, cell: str = "cell1", *, deleted: bool | None = None) -> list[str]:
        """Write servers of the numbers from first to end; of them every tenth is deleted, or all are, or none. Gives
        the uuids of the deleted ones."""
        home = self.cell(cell)
        population.populate(home.database.engine, self.api.engine, home.id, first, end, BIG, USER)
        population.populate_migrations(home.database.engine, first, end, BIG)
        if deleted is None:
            return [population.server_uuid(n) for n in range(first, end) if population.is_deleted(n)]
        uuids = [population.server_uuid(n) for n in range(first, end)]
        values = {"deleted": deleted, "deleted_at": LONG_AGO if deleted else None}
        self.change(t.instances, t.instances.c.uuid, uuids, cell, **values)
        return uuids if deleted else []

    def change(self, table: sa.Table, key: Any, values: Sequence[str], cell: str = "cell1", /, **new: Any) -> None:
        """Change rows of a cell."""
        for start in range(0, len(values), 500):
            some = values[start : start + 500]
            self.execute(sa.update(table).where(key.in_(some)).values(**new), cell)

    def execute(self, statement: Any, cell: str = "cell1") -> None:
        self.cell(cell).database.write(lambda c: c.execute(statement))

    def uuids(self, table: sa.Table, cell: str = "cell1") -> list[str]:
        """The servers that rows of a table belong to, one for each row."""
        key = table.c.instance_uuid if "instance_uuid" in table.c else table.c.uuid
        database = self.api if table.metadata is api.metadata else self.cell(cell).database
        return sorted(database.query(lambda c: c.execute(sa.select(key)).scalars().all()))

    def archived(self, cell: str = "cell1") -> set[str]:
        return set(self.uuids(t.shadow_instances, cell))
