"""An API database and cells in SQLite, and what tests put into them: hosts, servers, operations."""

import datetime
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.cells import CELL0_UUID, Cell, Cells
from novalike.conductor.hosts import HostReports
from novalike.db.api import mappings
from novalike.db.api import tables as api_tables
from novalike.db.cell import operations as operations_db
from novalike.db.cell import tables as t
from novalike.db.engine import Database
from novalike.objects.flavor import Flavor
from novalike.objects.operation import Operation
from tests.fakes.records import PROJECT, USER, context
from tests.unit.scheduler.cloud import report

NOW = datetime.datetime(2026, 11, 28, 12)
LATER = NOW + datetime.timedelta(minutes=5)
FLAVOR = Flavor(flavor_id="1", name="m1", memory_mb=512, vcpus=1, root_gb=1)

Row = dict[str, Any]


class Databases:
    """All of a cloud's.

    :param cells: how many there are beside cell 0.
    """

    def __init__(self, folder: Path, *, cells: int = 1) -> None:
        self.conf = cfg.ConfigOpts()
        options.register(self.conf)
        self.conf([], project="novalike", default_config_files=[], default_config_dirs=[])
        self.conf.set_override("host", "ctl")
        self.conf.set_override("connection", f"sqlite:///{folder}/api.db", "api_database")
        self.cells = Cells(self.conf)
        api_tables.metadata.create_all(self.cells.api.engine)
        for number in range(cells + 1):
            url = f"sqlite:///{folder}/cell{number}.db"
            database = Database(url, self.conf)
            t.metadata.create_all(database.engine)
            database.close()
            identity = CELL0_UUID if number == 0 else f"00000000-0000-0000-0000-{number:012}"
            facts = {"uuid": identity, "name": f"cell{number}", "database_connection": url, "disabled": False}
            self.cells.api.write(lambda c, facts=facts: mappings.insert_cell(c, **facts))

    def close(self) -> None:
        self.cells.close()

    def stop_clocks(self, monkeypatch: pytest.MonkeyPatch, at: datetime.datetime = LATER) -> None:
        """Let it be the same time in all databases for the rest of a test."""
        monkeypatch.setattr(Database, "utcnow", lambda self: at)

    def cell(self, name: str = "cell1") -> Cell:
        return next(cell for cell in self.cells.all() if cell.name == name)

    def execute(self, statement: Any, cell: str = "cell1") -> None:
        self.cell(cell).database.write(lambda c: c.execute(statement))

    def row(self, table: sa.Table, key: str, cell: str = "cell1") -> Row:
        """The only row of a server in a table, or the row of an operation."""
        (found,) = self.rows(table, key, cell)
        return found

    def rows(self, table: sa.Table, key: str, cell: str = "cell1") -> list[Row]:
        """All rows of a server in a table, or the row of an operation."""
        keys = [column for column in table.c if column.name in ("uuid", "instance_uuid")]
        query = sa.select(table).where(sa.or_(*(column == key for column in keys)))
        return self.cell(cell).database.query(lambda c: [dict(row._mapping) for row in c.execute(query)])

    def host(self, name: str, endpoint: str | None = None, **facts: Any) -> None:
        """Record a host that lives. Its process's address is ``at NAME`` unless it is given."""
        HostReports(self.conf, self.cells, gather=0).report_nodes(
            context(), endpoint=endpoint or f"at {name}", incarnation="i", nodes=(report(name, **facts),)
        )

    def server(
        self, cell: str = "cell1", *, asked: Mapping[str, Any] = {}, mapped: bool = True, **facts: Any
    ) -> str:
        """Record a server, which is active on ``host1`` unless it is said otherwise. Gives its uuid.

        :param asked: what was asked for with it.
        :param mapped: this is the cell that counts.
        """
        key = facts.get("uuid") or str(uuid.uuid4())
        row: Row = {
            "uuid": key, "project_id": PROJECT, "user_id": USER, "created_at": NOW, "updated_at": NOW, "name": "vm",
            "vm_state": "active", "task_state": None, "power_state": 1, "progress": 0, "host": "host1",
            "node": "host1", "flavorid": FLAVOR.flavor_id, "memory_mb": 512, "vcpus": 1, "root_gb": 1,
            "ephemeral_gb": 0, "flavor": FLAVOR, "metadata": {}, "system_metadata": {}, "scheduler_hints": {},
            "vifs": (), "security_groups": (), "block_devices": (),
        }  # fmt: skip
        self.execute(sa.insert(t.instances).values(row | facts), cell)
        self.execute(sa.insert(t.instance_requests).values({"instance_uuid": key, **asked}), cell)
        home = self.cell(cell).id
        if mapped:
            self.cells.api.query(lambda c: mappings.map_instances(c, [key], home, PROJECT, USER))
        return key

    def operation(self, server: str, workflow: str, cell: str = "cell1", **facts: Any) -> Operation:
        """Record an operation that is due, which a worker holds on ``host1`` at epoch 3 unless it is said otherwise."""
        ctx = context()
        row: Row = {
            "uuid": str(uuid.uuid4()), "instance_uuid": server, "action": workflow.partition("_")[0],
            "workflow": workflow, "request_id": ctx.request_id, "user_id": USER, "project_id": PROJECT,
            "state": "running", "epoch": 3, "attempts": 0, "host": "host1", "holder": "worker", "start_time": NOW,
            "updated_at": NOW, "due_at": NOW, "deadline": NOW + datetime.timedelta(hours=1), "params": {},
            "journal": (), "context": ctx.to_wire(),
        } | facts  # fmt: skip
        self.execute(sa.insert(t.operations).values(row), cell)
        found = self.cell(cell).database.query(lambda c: operations_db.get(c, row["uuid"]))
        assert found is not None
        return found


def changed(before: Row, after: Row) -> Row:
    """The columns that are others than before, and what they are now."""
    assert before.keys() == after.keys()
    return {name: value for name, value in after.items() if value != before[name]}
