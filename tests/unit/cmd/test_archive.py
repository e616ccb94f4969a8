"""novalike-manage db archive_deleted_rows: what is archived, what is not, options and exit statuses."""

import datetime
import uuid
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.cmd.management import archive, cell_archive
from novalike.db.api import tables as api
from novalike.db.cell import archive as archive_db
from novalike.db.cell import tables as t
from novalike.objects.record import utcnow
from tests.benchmarks.growth import population
from tests.unit.cmd.databases import BIG, LONG_AGO, SHADOWS, USER, Databases

LIVE = (t.instances, t.instance_requests, t.operations, t.migrations, t.instance_tags)
ARCHIVE = ("db", "archive_deleted_rows")
PROJECT = {"project_id": BIG, "user_id": USER}


def _keep_alive(databases: Databases, host: str, last_seen_at: datetime.datetime) -> None:
    row = {
        "uuid": str(uuid.uuid4()), "host": host, "binary": "novalike-compute", "endpoint": host, "incarnation": "i",
        "version": 1, "last_seen_at": last_seen_at,
    }  # fmt: skip
    databases.execute(sa.insert(t.services).values(**row))


def _of(databases: Databases, table: sa.Table, server: str) -> list[dict[str, Any]]:
    key = table.c.instance_uuid if "instance_uuid" in table.c else table.c.uuid
    query = sa.select(table).where(key == server)
    return [dict(row._mapping) for row in databases.cell().database.query(lambda c: c.execute(query).all())]


def test_a_deleted_server_goes_with_all_that_hangs_on_it(databases: Databases) -> None:
    deleted = databases.populate(0, 40)
    databases.populate(100, 140, "cell2")
    gone = deleted[0]
    before = {table.name: _of(databases, table, gone) for table in LIVE}
    token = {"token_hash": "h", "console_type": "novnc", "host": "h", "port": 1, "expires": LONG_AGO}
    databases.execute(sa.insert(t.console_auth_tokens).values(instance_uuid=gone, **token))
    assert databases.manage(*ARCHIVE, "--verbose") == 1
    assert databases.archived() == set(deleted)
    for table in (*LIVE, t.console_auth_tokens, api.instance_mappings):
        left = databases.uuids(table)
        assert not set(left) & set(deleted), table.name
    for shadow, table in ((t.shadow_instances, t.instances), (t.shadow_instance_requests, t.instance_requests),
                          (t.shadow_operations, t.operations), (t.shadow_migrations, t.migrations)):  # fmt: skip
        kept = [{name: row[name] for name in shadow.c.keys()} for row in before[table.name]]  # noqa: SIM118
        assert kept
        assert _of(databases, shadow, gone) == kept
    rows = Counter(line.strip("| ").replace(" ", "") for line in databases.out.splitlines())
    operations = len(databases.uuids(t.shadow_operations))
    assert {
        "instances|4", "instance_requests|4", f"operations|{operations}", "migrations|4", "API_DB.instance_mappings|4",
    } <= set(rows)  # fmt: skip
    assert databases.manage(*ARCHIVE, "--verbose") == 0
    assert databases.out == "Nothing was archived.\n"


def test_what_lives_stays_with_its_ended_operations(databases: Databases) -> None:
    databases.populate(0, 40, deleted=False)
    before = {table.name: databases.uuids(table) for table in (*LIVE, api.instance_mappings)}
    assert databases.manage(*ARCHIVE, "--all-cells", "--until-complete") == 0
    assert databases.out == databases.err == ""
    assert {table.name: databases.uuids(table) for table in (*LIVE, api.instance_mappings)} == before


def test_no_secret_is_copied(databases: Databases) -> None:
    """Not even one that was left behind. What users gave as parameters of an action may have one in it."""
    deleted = databases.populate(0, 20)
    secrets = {"admin_password": "hush", "user_data": "hush", "guest_password": "hush"}
    databases.change(t.instance_requests, t.instance_requests.c.instance_uuid, deleted, **secrets)
    databases.change(t.operations, t.operations.c.instance_uuid, deleted, params={"p": "hush"}, context={"c": "hush"})
    assert databases.manage(*ARCHIVE) == 1
    for shadow in SHADOWS:
        assert databases.uuids(shadow)
        assert "hush" not in repr([_of(databases, shadow, server) for server in deleted])


@pytest.mark.parametrize(
    "values",
    [{"due_at": LONG_AGO}, {"due_at": LONG_AGO + datetime.timedelta(days=1)}, {"state": "running"}],
    ids=["due", "due-later", "open"],
)
def test_a_server_stays_until_its_operations_are_settled(databases: Databases, values: dict[str, Any]) -> None:
    deleted = databases.populate(0, 40)
    busy = deleted[1]
    newest = max(row["id"] for row in _of(databases, t.operations, busy))
    databases.change(t.operations, t.operations.c.id, [newest], **values)  # type: ignore[list-item]
    assert databases.manage(*ARCHIVE) == 1
    assert databases.archived() == set(deleted) - {busy}
    assert busy in databases.uuids(api.instance_mappings)
    databases.change(t.operations, t.operations.c.id, [newest], due_at=None, state="done")  # type: ignore[list-item]
    assert databases.manage(*ARCHIVE) == 1
    assert databases.archived() == set(deleted)


@pytest.mark.parametrize("how", ["is there", "did something", "failed to build", "was left", "was gone to"])
def test_a_server_stays_until_its_hosts_have_been_heard_of(databases: Databases, how: str) -> None:
    """What a dead host still has of a deleted server it removes when it comes back; for that it asks for the server."""
    deleted = databases.populate(0, 40)
    dead = deleted[1]
    if how == "is there":
        databases.change(t.instances, t.instances.c.uuid, [dead], host="away")
    elif how == "did something":
        databases.change(t.operations, t.operations.c.instance_uuid, [dead], host="away")
    elif how == "failed to build":
        databases.change(t.operations, t.operations.c.instance_uuid, [dead], params={"excluded_hosts": ["away"]})
    else:
        end = "source_compute" if how == "was left" else "dest_compute"
        databases.change(t.migrations, t.migrations.c.instance_uuid, [dead], **{end: "away"})
    databases.change(t.instances, t.instances.c.uuid, deleted, deleted_at=LONG_AGO)
    _keep_alive(databases, "away", LONG_AGO - datetime.timedelta(seconds=1))
    _keep_alive(databases, population.host_of(0), utcnow())
    assert databases.manage(*ARCHIVE) == 1
    assert databases.archived() == set(deleted) - {dead}
    assert databases.manage(*ARCHIVE) == 0
    databases.change(t.services, t.services.c.host, ["away"], last_seen_at=utcnow())
    assert databases.manage(*ARCHIVE) == 1
    assert databases.archived() == set(deleted)


def test_a_host_that_was_given_up_holds_nothing_up(databases: Databases) -> None:
    """Its service was deleted: nobody expects it back."""
    deleted = databases.populate(0, 20)
    _keep_alive(databases, population.host_of(0), LONG_AGO - datetime.timedelta(days=400))
    assert databases.manage(*ARCHIVE) == 0
    databases.execute(sa.delete(t.services))
    assert databases.manage(*ARCHIVE) == 1
    assert databases.archived() == set(deleted)


def test_what_was_deleted_just_now_stays(databases: Databases) -> None:
    """Whoever lost the answer asks again, and must hear of the same server."""
    deleted = databases.populate(0, 20)
    databases.change(t.instances, t.instances.c.uuid, deleted, deleted_at=utcnow())
    assert databases.manage(*ARCHIVE) == 0
    assert databases.manage(*ARCHIVE, "--before", "2100-01-01") == 0
    databases.change(t.instances, t.instances.c.uuid, deleted, deleted_at=utcnow() - datetime.timedelta(seconds=61))
    assert databases.manage(*ARCHIVE) == 1
    assert databases.archived() == set(deleted)


def test_before(databases: Databases) -> None:
    old, new = databases.populate(0, 20)
    moment = datetime.datetime(2026, 5, 1, 12)
    databases.change(t.instances, t.instances.c.uuid, [old], deleted_at=moment - datetime.timedelta(seconds=1))
    databases.change(t.instances, t.instances.c.uuid, [new], deleted_at=moment)
    assert databases.manage(*ARCHIVE, "--before", "2026-05-01 11:59:59") == 0
    assert databases.manage(*ARCHIVE, "--before", "Fri May  1 14:00:00 +02 2026") == 1
    assert databases.archived() == {old}
    assert databases.manage(*ARCHIVE, "--before", "2026-05-02") == 1
    assert databases.archived() == {old, new}


def test_max_rows_of_whole_servers(databases: Databases) -> None:
    deleted = databases.populate(0, 10, deleted=True)
    for number, server in enumerate(deleted):
        moment = LONG_AGO + datetime.timedelta(seconds=number)
        databases.change(t.instances, t.instances.c.uuid, [server], deleted_at=moment)
    rows = [3 + len(_of(databases, t.operations, server)) for server in deleted]
    assert databases.manage(*ARCHIVE, "--max_rows", sum(rows[:3]) + 1) == 1
    assert databases.archived() == set(deleted[:3])
    assert databases.manage(*ARCHIVE, "--max_rows", rows[3]) == 1
    assert databases.archived() == set(deleted[:4])
    # One that has more by itself goes nonetheless, or it would never.
    assert databases.manage(*ARCHIVE, "--max_rows", 1) == 1
    assert databases.archived() == set(deleted[:5])
    assert databases.manage(*ARCHIVE, "--max_rows", sum(rows[5:])) == 1
    assert databases.archived() == set(deleted)
    for shadow in SHADOWS:
        assert set(databases.uuids(shadow)) == set(deleted)


def test_until_complete(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(archive, "time", SimpleNamespace(sleep=slept.append))  # other threads sleep as they do
    deleted = databases.populate(0, 60, deleted=True)
    assert databases.manage(*ARCHIVE, "--max_rows", 50, "--until-complete", "--verbose", "--sleep", 7) == 1
    assert databases.archived() == set(deleted)
    assert len(slept) >= 3
    assert set(slept) == {7}
    assert databases.out.startswith("Archiving....")
    assert ".complete\n+---" in databases.out
    assert databases.manage(*ARCHIVE, "--until-complete", "--verbose") == 0
    assert databases.out == "Archiving...complete\nNothing was archived.\n"


def test_what_stays_does_not_hold_up_the_others(databases: Databases) -> None:
    """More than are looked at at once, and deleted first."""
    deleted = databases.populate(0, 250, deleted=True)
    for number, server in enumerate(deleted):
        moment = LONG_AGO + datetime.timedelta(seconds=number)
        databases.change(t.instances, t.instances.c.uuid, [server], deleted_at=moment)
    databases.change(t.operations, t.operations.c.instance_uuid, deleted[:210], due_at=LONG_AGO)
    assert databases.manage(*ARCHIVE) == 1
    assert databases.archived() == set(deleted[210:])


def test_pages_of_servers_deleted_at_the_same_moment(databases: Databases) -> None:
    deleted = databases.populate(0, 25, deleted=True)
    seen, cursor = [], None
    for _ in range(3):
        page, cursor = databases.cell().database.query(
            lambda c, at=cursor: archive_db.candidates(c, utcnow(), at, 10)  # type: ignore[misc]
        )
        seen += [server.uuid for server in page]
    assert seen == deleted
    assert cursor is None


def test_all_cells(databases: Databases) -> None:
    first, second, failed = (
        databases.populate(20 * n, 20 * n + 20, cell) for n, cell in enumerate(("cell1", "cell2", "cell0"))
    )
    assert databases.manage(*ARCHIVE, "--all-cells", "--max_rows", 17, "--verbose") == 1
    # Two servers of five or six rows fit, and are cell0's; then one of cell1; then none of cell2 is begun.
    assert databases.archived("cell0") == set(failed)
    assert len(databases.archived("cell1")) == 1
    assert not databases.archived("cell2")
    assert "| cell0.instances " in databases.out
    assert databases.manage(*ARCHIVE, "--all-cells", "--until-complete", "--max_rows", 1) == 1
    assert databases.archived("cell1") == set(first)
    assert databases.archived("cell2") == set(second)
    assert databases.manage(*ARCHIVE, "--all-cells") == 0


def test_purge_afterwards(databases: Databases) -> None:
    databases.populate(0, 20)
    databases.populate(20, 40, "cell2")
    assert databases.manage(*ARCHIVE, "--all-cells") == 1
    databases.populate(40, 60)
    assert databases.manage(*ARCHIVE, "--purge", "--verbose") == 1
    assert "Deleted 4 rows from shadow_instances" in databases.out
    assert databases.archived() == set()
    assert databases.archived("cell2")
    # Had it been interrupted before the purge, the next one makes up for that.
    assert databases.manage(*ARCHIVE, "--purge", "--all-cells") == 0
    assert databases.archived("cell2") == set()


def test_a_copy_in_the_wrong_cell_does_not_cost_the_mapping(databases: Databases) -> None:
    (gone, _) = databases.populate(0, 20)
    other = databases.cell("cell2").id
    m = api.instance_mappings.c
    databases.api.write(lambda c: c.execute(sa.update(api.instance_mappings).where(m.instance_uuid == gone).values(
        cell_id=other)))  # fmt: skip
    assert databases.manage(*ARCHIVE) == 1
    assert gone in databases.archived()
    assert gone in databases.uuids(api.instance_mappings)


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["--max_rows", "0"], 2, "--max_rows must be greater than zero"),
        (["--max_rows", "-1"], 2, "--max_rows must be greater than zero"),
        (["--max_rows", 2**31], 2, "2147483647 at most"),
        (["--max_rows", "many"], 2, "--max_rows"),
        (["--before", "yesterday"], 4, "Invalid value for --before"),
        (["--before", ""], 4, "Invalid value for --before"),
        (["--task-log"], 255, "there is no task log here"),
        (["--sleep", "1"], 255, "--until-complete"),
        (["--sleep", "-1", "--until-complete"], 255, "--sleep must not be negative"),
    ],
)
def test_wrong_words(databases: Databases, words: list[Any], status: int, said: str) -> None:
    databases.populate(0, 20)
    assert databases.manage(*ARCHIVE, *words) == status
    assert said in databases.err
    assert not databases.archived()


def test_without_an_api_database(databases: Databases) -> None:
    cell = databases.conf.database.connection
    for url in ("", "sqlite:////no/such/folder/api.db", "nosuch://u:hush@h/d", "mysql+pymysql://u:hush@h:x/d"):
        databases.write_config(url, cell)
        assert databases.manage(*ARCHIVE) == 3, url
        assert databases.err
        assert "hush" not in databases.err


def test_a_database_that_is_no_cells(databases: Databases) -> None:
    for url, said in (
        ("sqlite:////elsewhere", "is not that of a cell"), ("", "is not set"), ("u:hush@h", "not the URL"),
        ("mysql+pymysql://u:hush@h:x/d", "not the URL"),
    ):  # fmt: skip
        databases.write_config(databases.conf.api_database.connection, url)
        assert databases.manage(*ARCHIVE) == 255, url
        assert said in databases.err
        assert "hush" not in databases.err


def test_what_nobody_expects_is_not_taken_for_success(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python's own exit status would be 1: whoever repeats the command while there is something to do never ends."""

    def fail(*_args: Any) -> None:
        raise KeyError("oops")

    monkeypatch.setattr(cell_archive.archive_db, "candidates", fail)
    assert databases.manage(*ARCHIVE) == 255


def test_a_cell_that_is_away_does_not_hold_up_the_others(databases: Databases) -> None:
    deleted = databases.populate(0, 20)
    databases.populate(20, 40, "cell0")
    with databases.cell("cell0").database.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE shadow_operations"))
    assert databases.manage(*ARCHIVE, "--all-cells", "--purge", "--verbose") == 255
    assert "Cell cell0 could not be finished" in databases.err
    assert "db sync" in databases.err
    assert "| cell1.instances" in databases.out
    assert not set(databases.uuids(t.instances)) & set(deleted)
    # Nothing of it was forgotten.
    assert {population.server_uuid(n) for n in range(20, 40)} <= set(databases.uuids(api.instance_mappings))
