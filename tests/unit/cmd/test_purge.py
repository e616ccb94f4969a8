"""novalike-manage db purge: options and exit statuses."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.db.cell import tables as t
from tests.unit.cmd.databases import SHADOWS, Databases

PURGE = ("db", "purge")
MOMENT = datetime.datetime(2026, 5, 1, 12)


@pytest.fixture
def archived(databases: Databases) -> list[str]:
    """Archived servers of cell1, each deleted a day after the one before; and one of cell2."""
    deleted = databases.populate(0, 250, deleted=True)
    for number, server in enumerate(deleted):
        when = MOMENT + datetime.timedelta(days=number - 200)
        databases.change(t.instances, t.instances.c.uuid, [server], deleted_at=when)
    databases.populate(300, 301, "cell2", deleted=True)
    assert databases.manage("db", "archive_deleted_rows", "--all-cells", "--until-complete") == 1
    assert databases.archived() == set(deleted)
    return deleted


def test_before(databases: Databases, archived: list[str]) -> None:
    assert databases.manage(*PURGE, "--before", "2026-05-01 12:00") == 0
    for shadow in SHADOWS:
        assert set(databases.uuids(shadow)) == set(archived[200:])
    assert databases.manage(*PURGE, "--before", "2026-05-01 12:00", "--verbose") == 3
    assert databases.out == ""


def test_all(databases: Databases, archived: list[str]) -> None:
    rows = len(databases.uuids(t.shadow_operations))
    living = databases.populate(400, 420, deleted=False) or databases.uuids(t.instances)
    assert databases.manage(*PURGE, "--all", "--verbose") == 0
    said = [line.split() for line in databases.out.splitlines()]
    assert {line[0] for line in said} == {"DB:"}
    assert sum(int(line[2]) for line in said if line[-1] == "shadow_operations") == rows
    for shadow in SHADOWS:
        assert databases.uuids(shadow) == []
    assert databases.archived("cell2")
    assert databases.uuids(t.instances) == living
    assert databases.manage(*PURGE, "--all") == 3


def test_all_cells(databases: Databases, archived: list[str]) -> None:
    assert databases.manage(*PURGE, "--all", "--all-cells", "--verbose") == 0
    assert "00000000-0000-0000-0000-000000000002(cell2): Deleted 1 rows from shadow_instances" in databases.out
    assert databases.archived("cell1") == databases.archived("cell2") == set()
    assert databases.manage(*PURGE, "--all", "--all-cells") == 3


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 1, "Either --before or --all is required"),
        (["--all", "--before", "2026-05-01"], 1, "Either --before or --all is required"),
        (["--before", "yesterday"], 2, "Invalid value for --before"),
        (["--before", ""], 2, "Invalid value for --before"),
    ],
)
def test_wrong_words(databases: Databases, archived: list[str], words: list[Any], status: int, said: str) -> None:
    assert databases.manage(*PURGE, *words) == status
    assert said in databases.err
    assert databases.archived() == set(archived)


def test_without_an_api_database(databases: Databases, archived: list[str]) -> None:
    """It is asked which cells there are, and for nothing else."""
    databases.write_config("", databases.conf.database.connection)
    assert databases.manage(*PURGE, "--all", "--all-cells") == 4
    assert "[api_database]" in databases.err
    assert databases.manage(*PURGE, "--all") == 0
    databases.write_config("", "sqlite:////no/such/folder/cell.db")
    assert databases.manage(*PURGE, "--all") == 255
    databases.write_config("", "")
    assert databases.manage(*PURGE, "--all") == 255


def test_a_cell_that_is_away_does_not_hold_up_the_others(databases: Databases, archived: list[str]) -> None:
    with databases.cell("cell0").database.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE shadow_instances"))
    assert databases.manage(*PURGE, "--all", "--all-cells") == 255
    assert "Cell cell0" in databases.err
    assert databases.archived("cell1") == databases.archived("cell2") == set()
