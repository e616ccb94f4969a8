"""``openstack server migration list`` and ``show``: what has moved servers, and what moves one at the moment."""

import uuid
from configparser import ConfigParser
from pathlib import Path

import pytest
import sqlalchemy as sa

from novalike.db.cell import tables as t
from tests.fakes.records import migration_row


@pytest.fixture(scope="module")
def server(stack, demo_api, new_name, server_life):
    """An ACTIVE server."""
    made = demo_api.create(demo_api.server_body(new_name("moved"))).json()["server"]["id"]
    server_life.append(made)
    demo_api.wait_for_status(made, "ACTIVE")
    return made


@pytest.fixture(scope="module")
def moves(stack, server):
    """A resize of it that was confirmed, and a live migration that is under way: uuid and number of each."""
    conf = ConfigParser(interpolation=None, strict=False)
    conf.read(Path(stack.etc) / "conductor-1.conf")
    engine = sa.create_engine(conf["database"]["connection"])
    made = {
        "resize": migration_row(uuid=str(uuid.uuid4()), instance_uuid=server, status="confirmed"),
        "live-migration": migration_row(
            uuid=str(uuid.uuid4()), instance_uuid=server, status="running", migration_type="live-migration",
            memory_total=2**30, memory_processed=2**29, memory_remaining=2**29,
        ),
    }  # fmt: skip
    m = t.migrations.c
    with engine.begin() as connection:
        connection.execute(sa.insert(t.migrations), list(made.values()))
        numbers = dict(connection.execute(sa.select(m.uuid, m.id).where(m.instance_uuid == server)).all())
    yield {kind: [row["uuid"], str(numbers[row["uuid"]])] for kind, row in made.items()}
    with engine.begin() as connection:
        connection.execute(sa.delete(t.migrations).where(m.uuid.in_(numbers)))
    engine.dispose()


def test_list(admin, server, moves):
    rows = {row["Type"]: row for row in admin.json("server", "migration", "list", "--server", server)}
    assert {kind: [row["UUID"], str(row["Id"])] for kind, row in rows.items()} == moves
    resize = rows["resize"]
    assert (resize["Status"], resize["Server UUID"]) == ("confirmed", server)
    assert (resize["Source Compute"], resize["Dest Compute"], resize["Dest Host"]) == ("host1", "host2", "192.0.2.2")
    assert (resize["Old Flavor"], resize["New Flavor"]) == (1, 2)


def test_list_with_filters(admin, server, moves):
    def listed(*words):
        rows = admin.json("server", "migration", "list", "--server", server, *words)
        return {row["UUID"] for row in rows}

    resize, live = moves["resize"][0], moves["live-migration"][0]
    assert listed("--type", "resize") == listed("--status", "confirmed") == {resize}
    assert listed("--type", "live-migration", "--host", "host2") == {live}
    assert listed("--host", "nowhere") == listed("--changes-since", "2999-01-01T00:00:00Z") == set()
    assert listed("--project", "demo") == set(), "an administrator has asked for them"
    assert len(listed("--limit", "1")) == 1
    first, second = (row["UUID"] for row in admin.json("server", "migration", "list", "--server", server))
    assert listed("--marker", first) == {second}


# By uuid: with a number the command asks for the migration's server and the server's migration (openstacksdk takes the
# two in the other order). What is answered then is tried in tests/functional/test_migrations.py.
def test_show(admin, server, moves):
    shown = admin.json("server", "migration", "show", server, moves["live-migration"][0])
    assert [shown["UUID"], str(shown["ID"])] == moves["live-migration"]
    assert (shown["Server UUID"], shown["Status"]) == (server, "running")
    assert (shown["Source Compute"], shown["Dest Compute"]) == ("host1", "host2")
    assert (shown["Memory Total Bytes"], shown["Memory Remaining Bytes"]) == (2**30, 2**29)
    assert shown["Disk Total Bytes"] is None


def test_show_what_is_no_live_migration(admin, server, moves):
    with pytest.raises(AssertionError, match="No server migration|not found|could not be found"):
        admin.openstack("server", "migration", "show", server, moves["resize"][0])


def test_an_ordinary_user_sees_none(demo, server, moves):
    for words in (("list",), ("show", server, moves["live-migration"][0])):
        with pytest.raises(AssertionError, match="Policy doesn't allow"):
            demo.openstack("server", "migration", *words)
