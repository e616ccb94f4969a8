"""Archiving and purging die between any two steps; and there is much to archive."""

import itertools
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from novalike.cmd.management import cell_archive
from novalike.db.api import tables as api
from novalike.db.cell import tables as t
from tests.unit.cmd.databases import SHADOWS, Databases

ARCHIVE = ("db", "archive_deleted_rows", "--all-cells", "--until-complete")
TABLES = ((t.shadow_instances, t.instances), (t.shadow_instance_requests, t.instance_requests),
          (t.shadow_operations, t.operations), (t.shadow_migrations, t.migrations))  # fmt: skip


class Died(BaseException):
    """Of the process: nothing of ours catches it. What it had not committed is rolled back, as by the database."""


class Steps:
    """Counts statements and commits; the process dies instead of taking one of them."""

    def __init__(self, deadly: int | None) -> None:
        self.taken = 0
        self._deadly = deadly

    def take(self, *_args: Any) -> None:
        if self.taken == self._deadly:
            raise Died
        self.taken += 1


@contextmanager
def steps(deadly: int | None = None) -> Iterator[Steps]:
    counter = Steps(deadly)
    points = ("before_cursor_execute", "commit")
    for point in points:
        event.listen(sa.engine.Engine, point, counter.take)
    try:
        yield counter
    finally:
        for point in points:
            event.remove(sa.engine.Engine, point, counter.take)


def check_whole(databases: Databases, deleted: set[str], whole: dict[str, list[str]]) -> None:
    """Each server is in one place, with all that it had; those that live are untouched."""
    archived = databases.archived()
    assert archived <= deleted
    for shadow, table in TABLES:
        here, there = databases.uuids(table), databases.uuids(shadow)
        assert set(there) == archived
        assert not set(here) & archived
        assert sorted([*here, *there]) == whole[table.name]
    assert set(databases.uuids(t.instance_tags)) == set(databases.uuids(t.instances))
    mapped = set(databases.uuids(api.instance_mappings))
    assert not mapped & archived
    assert set(databases.uuids(t.instances)) - deleted <= mapped


def test_archiving_dies_anywhere_and_is_run_again(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_archive, "_PAGE", 2)
    deleted = set(databases.populate(0, 60))
    whole = {table.name: databases.uuids(table) for _, table in TABLES}
    for point in itertools.count():
        with steps(point) as counter:
            try:
                assert databases.manage(*ARCHIVE, "--max_rows", 9) in (0, 1)
                break
            except Died:
                pass
        assert counter.taken == point
        check_whole(databases, deleted, whole)
    assert point >= 25  # noqa: B007 (the steps of one batch)
    assert databases.archived() == deleted
    check_whole(databases, deleted, whole)


@pytest.mark.parametrize("commit", [1, 2])
def test_archiving_dies_after_a_commit(databases: Databases, commit: int) -> None:
    """Once the API database has forgotten servers; and once their cell has moved them."""
    deleted = set(databases.populate(0, 60))
    whole = {table.name: databases.uuids(table) for _, table in TABLES}
    commits = itertools.count(1)

    def die(connection: sa.Connection) -> None:
        if next(commits) == commit:
            connection.connection.commit()
            raise Died

    event.listen(sa.engine.Engine, "commit", die)
    try:
        with pytest.raises(Died):
            databases.manage(*ARCHIVE)
    finally:
        event.remove(sa.engine.Engine, "commit", die)
    assert bool(databases.archived()) == (commit == 2)
    assert not set(databases.uuids(api.instance_mappings)) & deleted
    check_whole(databases, deleted, whole)
    assert databases.manage(*ARCHIVE) == (1 if commit == 1 else 0)
    assert databases.archived() == deleted
    check_whole(databases, deleted, whole)


def test_purging_dies_anywhere_and_is_run_again(databases: Databases) -> None:
    databases.populate(0, 60)
    assert databases.manage(*ARCHIVE) == 1
    for point in itertools.count():
        with steps(point):
            try:
                assert databases.manage("db", "purge", "--all") in (0, 3)
                break
            except Died:
                pass
        assert {tuple(sorted(set(databases.uuids(shadow)))) for shadow in SHADOWS} == {
            tuple(sorted(databases.archived()))
        }
    assert point > 3  # noqa: B007
    assert all(databases.uuids(shadow) == [] for shadow in SHADOWS)


def test_interrupted_by_the_operator(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was archived until then is reported, and nothing is purged."""
    databases.populate(0, 60, deleted=True)

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupt)
    assert databases.manage(*ARCHIVE, "--max_rows", 50, "--purge", "--verbose") == 1
    assert "stopped" in databases.out
    archived = databases.archived()
    assert 10 <= len(archived) < 60
    assert f"cell1.instances|{len(archived)}|" in databases.out.replace(" ", "")


def test_two_at_the_same_time(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one has seen the same servers, and finds them gone."""
    deleted = set(databases.populate(0, 60))
    move = cell_archive.CellArchive._move

    def late(self: cell_archive.CellArchive, some: Any) -> None:
        move(cell_archive.CellArchive(self._api, self._cell, self._before), some)
        move(self, some)

    monkeypatch.setattr(cell_archive.CellArchive, "_move", late)
    assert databases.manage(*ARCHIVE) == 0  # the other one has done it all
    assert databases.archived() == deleted


def test_ten_thousand_in_bounded_time_and_memory(databases: Databases) -> None:
    deleted = databases.populate(0, 10_000, deleted=True)
    databases.populate(10_000, 10_100, deleted=False)
    tracemalloc.start()
    began = time.monotonic()
    with steps() as counter:
        assert databases.manage(*ARCHIVE) == 1
    took = time.monotonic() - began
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(databases.archived()) == len(deleted)
    assert len(databases.uuids(t.instances)) == 100
    assert counter.taken < 10_000 / 100 * 35  # statements for a hundred, who have rows in six tables
    assert most < 20 * 2**20
    assert took < 60, took
