"""Migrations lead to exactly what the tables modules say."""

from pathlib import Path
from types import ModuleType

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from novalike.db import migration
from novalike.db.api import tables as api_tables
from novalike.db.cell import tables as cell_tables
from novalike.objects import errors

BOTH: list[tuple[migration.Which, ModuleType]] = [("api", api_tables), ("cell", cell_tables)]


def differences(url: str, metadata: sa.MetaData) -> list[object]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


@pytest.mark.parametrize(("which", "tables"), BOTH)
def test_migrations_and_tables_agree(which: migration.Which, tables: ModuleType, tmp_path: Path) -> None:
    """When this fails, a table has changed: ``python -m novalike.db.migration api|cell "what changes"``."""
    url = f"sqlite:///{tmp_path}/db"
    migration.sync(url, which)
    assert differences(url, tables.metadata) == []


@pytest.mark.parametrize(("which", "tables"), BOTH)
def test_columns_are_the_same(which: migration.Which, tables: ModuleType, tmp_path: Path) -> None:
    """alembic does not compare all of these."""
    url = f"sqlite:///{tmp_path}/db"
    migration.sync(url, which)
    inspector = sa.inspect(sa.create_engine(url))
    for table in tables.metadata.tables.values():
        there = {column["name"]: column for column in inspector.get_columns(table.name)}
        assert there.keys() == set(table.columns.keys())
        assert {name: column["nullable"] for name, column in there.items()} == {
            column.name: column.nullable for column in table.columns
        }
        assert inspector.get_pk_constraint(table.name)["constrained_columns"] == [
            column.name for column in table.primary_key
        ]


@pytest.mark.parametrize("which", ["api", "cell"])
def test_the_release_before_can_write_to_the_new_schema(which: migration.Which, tmp_path: Path) -> None:
    """It knows no column that has been added since: the database fills it in."""
    first, last = f"sqlite:///{tmp_path}/first", f"sqlite:///{tmp_path}/last"
    config = migration._config(which)
    with sa.create_engine(first).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    migration.sync(last, which)
    before, after = (sa.inspect(sa.create_engine(url)) for url in (first, last))
    known = set(before.get_table_names())
    added = [
        (table, column["name"])
        for table in known & set(after.get_table_names())
        for column in after.get_columns(table)
        if column["name"] not in {one["name"] for one in before.get_columns(table)}
        and not column["nullable"] and column["default"] is None
    ]  # fmt: skip
    assert added == []


@pytest.mark.parametrize("which", ["api", "cell"])
def test_again_changes_nothing(which: migration.Which, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db"
    assert migration.version(url) is None
    assert migration.sync(url, which) == (None, migration.newest(which))
    assert migration.sync(url, which) == (migration.newest(which), migration.newest(which))
    assert migration.version(url) == migration.newest(which)


def test_a_newer_schema_is_left_alone(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/db"
    migration.sync(url, "api")
    with sa.create_engine(url).begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(errors.Conflict, match="9999"):
        migration.sync(url, "api")


@pytest.mark.parametrize("tables", [api_tables, cell_tables])
def test_every_constraint_has_a_name(tables: ModuleType) -> None:
    """Without one it can't be dropped by a later migration on every database."""
    nameless = [
        (table.name, type(constraint).__name__)
        for table in tables.metadata.tables.values()
        for constraint in table.constraints | table.indexes
        if constraint.name is None
    ]
    assert nameless == []


@pytest.mark.parametrize("tables", [api_tables, cell_tables])
def test_names_fit_every_database(tables: ModuleType) -> None:
    names = [
        str(constraint.name)
        for table in tables.metadata.tables.values()
        for constraint in table.constraints | table.indexes
    ]
    assert [name for name in names if len(name) > 63] == []


def test_an_unreachable_database_is_said(tmp_path: Path) -> None:
    with pytest.raises(errors.Unavailable):
        migration.version(f"sqlite:///{tmp_path}/no/such/folder/db")
    with pytest.raises(errors.Unavailable, match="URL"):
        migration.version("nosuchdatabase://user@host/name")
