"""novalike-manage db archive_deleted_rows and purge on MariaDB and PostgreSQL: whole servers, whatever dies, whoever
else is at work."""

import itertools
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from novalike.cmd.management import cell_archive
from novalike.db.api import tables as api
from novalike.db.cell import operations as operations_db
from novalike.db.cell import tables as t
from novalike.objects.record import utcnow
from tests.benchmarks.growth import population
from tests.unit.cmd.databases import SHADOWS, Databases
from tests.unit.cmd.test_archive_crashes import ARCHIVE, TABLES, Died, check_whole, steps


@pytest.fixture
def databases(database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Databases]:
    """The API database and cell1 are in the database under test."""
    engine = sa.create_engine(database_url)
    for schema in (t.metadata, api.metadata):
        schema.drop_all(engine)
    found = Databases(tmp_path / "manage.conf", [database_url, f"sqlite:///{tmp_path}/cell0.db", database_url], capsys)
    yield found
    found.close()
    for schema in (t.metadata, api.metadata):
        schema.drop_all(engine)
    engine.dispose()


def test_dies_anywhere_and_is_run_again(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cell_archive, "_PAGE", 2)
    deleted = set(databases.populate(0, 60))
    whole = {table.name: databases.uuids(table) for _, table in TABLES}
    for point in itertools.count():
        with steps(point):
            try:
                assert databases.manage(*ARCHIVE, "--max_rows", 9) in (0, 1)
                break
            except Died:
                pass
        check_whole(databases, deleted, whole)
    assert databases.archived() == deleted
    check_whole(databases, deleted, whole)
    assert databases.manage("db", "purge", "--all", "--all-cells") == 0
    assert all(databases.uuids(shadow) == [] for shadow in SHADOWS)


def test_two_at_work_while_servers_are_busy(databases: Databases) -> None:
    """Nobody fails, and nobody waits long: operations are recorded for living servers, next to what is archived."""
    deleted = set(databases.populate(0, 3000))
    living = [population.server_uuid(n) for n in range(3000) if population.server_uuid(n) not in deleted]
    database = databases.cell().database
    columns = [column for column in t.operations.c if column.name not in ("id", "uuid", "instance_uuid")]
    query = sa.select(*columns).where(t.operations.c.instance_uuid == living[0]).limit(1)
    facts = dict(database.query(lambda c: c.execute(query).one())._mapping)
    began, done, waits, made, failures = threading.Event(), threading.Event(), [], [], []

    def record() -> None:
        for server in itertools.cycle(living):
            if done.is_set():
                return
            at = utcnow()
            row = {**facts, "uuid": str(uuid.uuid4()), "instance_uuid": server}
            try:
                database.write(lambda c: operations_db.insert(c, [row]))  # noqa: B023
            except Exception as error:
                failures.append(error)
            waits.append((utcnow() - at).total_seconds())
            made.append(row["uuid"])
            began.set()

    def archive() -> None:
        try:
            one = cell_archive.CellArchive(databases.api, databases.cell(), utcnow())
            one.archive(10**6, at_least_one=True)
        except Exception as error:
            failures.append(error)

    recording = threading.Thread(target=record)
    recording.start()
    assert began.wait(30)
    archiving = [threading.Thread(target=archive) for _ in range(2)]
    for thread in archiving:
        thread.start()
    for thread in archiving:
        thread.join()
    done.set()
    recording.join()
    assert failures == []
    assert databases.archived() == deleted
    assert not set(databases.uuids(t.operations)) & deleted
    assert max(waits) < 2, sorted(waits)[-5:]
    there = database.query(
        lambda c: c.execute(sa.select(sa.func.count()).where(t.operations.c.uuid.in_(made[-500:]))).scalar_one()
    )
    assert there == len(made[-500:])
