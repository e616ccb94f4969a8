"""Migrations of servers in several databases: who sees which of them, what of them, in what order."""

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.db.cell import tables as t
from tests.benchmarks.growth import population
from tests.fakes.records import migration_row
from tests.functional.conftest import furnish
from tests.functional.harness import ADMIN_PROJECT, DEMO_PROJECT, Client, Cloud

NOON = datetime.datetime(2026, 11, 20, 12)
NOBODY = "00000000-0000-4000-8000-000000000000"
LIVE = {"migration_type": "live-migration"}
OF_DEMO = {"project_id": DEMO_PROJECT, "user_id": "demo-user"}

# Letter → cell, row number, number of the server, minutes after noon, more. Servers of even numbers are the demo
# project's; 8 is deleted. E and f were made at the same moment, and have the same number.
MADE: dict[str, tuple[int, int, int, int, dict[str, Any]]] = {
    "a": (1, 1, 0, 0, {**OF_DEMO, "updated_at": NOON + datetime.timedelta(minutes=30)}),
    "b": (2, 1, 20, 1, {**LIVE, "status": "running", "source_compute": "host2", "dest_compute": "host3"}),
    "c": (1, 2, 2, 2, {"migration_type": "migration", "status": "confirmed", "updated_at": NOON}),
    "d": (2, 2, 22, 3, {**LIVE, "status": "completed", "source_compute": "host4"}),
    "e": (1, 3, 0, 4, {**LIVE, **OF_DEMO, "status": "queued", "memory_total": 2**40, "disk_processed": 0}),
    "f": (2, 3, 20, 4, {"migration_type": "evacuation", "status": "done", "updated_at": NOON}),
    "hidden": (1, 4, 2, 5, {"hidden": True}),
    "of a deleted one": (1, 5, 8, 6, {}),
}
NEWEST_FIRST = "efdcba"


def uuid_of(letter: str) -> str:
    return f"00000000-0000-4000-8000-{list(MADE).index(letter) + 1:012}"


def server_of(letter: str) -> str:
    return population.server_uuid(MADE[letter][2])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Servers in two cells, and what moved them."""
    cloud = furnish(Cloud(tmp_path_factory.mktemp("cloud"), cells=2))
    cells = cloud.conductor.cells
    for cell, first in zip(cells.compute_cells(), (0, 20), strict=True):
        engines = cell.database.engine, cells.api.engine
        population.populate(*engines, cell.id, first, first + 10, DEMO_PROJECT, "demo-user")
    for letter, (number, row_id, _, minutes, more) in MADE.items():
        row = migration_row(
            id=row_id, uuid=uuid_of(letter), instance_uuid=server_of(letter),
            created_at=NOON + datetime.timedelta(minutes=minutes), **({"project_id": ADMIN_PROJECT} | more),
        )  # fmt: skip
        database = cells.compute_cells()[number - 1].database
        database.write(lambda c, row=row: c.execute(sa.insert(t.migrations).values(**row)))  # type: ignore[misc]
    yield cloud
    cloud.close()


@pytest.fixture
def manager(cloud: Cloud) -> Client:
    return Client(cloud.app, "demo-manager", DEMO_PROJECT, "manager,member,reader")


def letters(found: list[dict[str, Any]]) -> str:
    by_place = {(server_of(letter), MADE[letter][1]): letter for letter in MADE}
    return "".join(by_place[one["instance_uuid"], one["id"]] for one in found)


def listed(client: Client, query: str = "") -> str:
    return letters(client.get(f"/os-migrations?{query}")["migrations"])


def refused(client: Client, path: str) -> tuple[int, str]:
    """Status and message."""
    answer = client.request("GET", path)
    (fault,) = answer.json.values()
    return answer.status_code, fault["message"]


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("2.1", set()), ("2.22", set()), ("2.23", {"migration_type"}), ("2.58", {"migration_type"}),
        ("2.59", {"migration_type", "uuid"}), ("2.79", {"migration_type", "uuid"}),
        ("2.80", {"migration_type", "uuid", "user_id", "project_id"}),
        ("2.104", {"migration_type", "uuid", "user_id", "project_id"}),
    ],
)  # fmt: skip
def test_fields_by_microversion(cloud: Cloud, version: str, more: set[str]) -> None:
    found = cloud.admin.at(version).get("/os-migrations")["migrations"]
    shown = dict(zip(letters(found), found, strict=True))
    always = {
        "id", "instance_uuid", "status", "old_instance_type_id", "new_instance_type_id", "source_compute",
        "source_node", "dest_compute", "dest_node", "dest_host", "created_at", "updated_at",
    }  # fmt: skip
    assert set(shown["a"]) == set(shown["d"]) == always | more
    assert set(shown["b"]) == set(shown["e"]) == always | more | ({"links"} if more else set())


def test_values(cloud: Cloud) -> None:
    asked = f"/os-migrations?instance_uuid={server_of('a')}&status=finished"
    (shown,) = cloud.admin.at("2.80").get(asked)["migrations"]
    assert shown == {
        "id": 1, "uuid": uuid_of("a"), "instance_uuid": server_of("a"), "migration_type": "resize",
        "status": "finished", "old_instance_type_id": 1, "new_instance_type_id": 2, "source_compute": "host1",
        "source_node": "node1", "dest_compute": "host2", "dest_node": "node2", "dest_host": "192.0.2.2",
        "created_at": "2026-11-20T12:00:00.000000", "updated_at": "2026-11-20T12:30:00.000000",
        "user_id": "demo-user", "project_id": DEMO_PROJECT,
    }  # fmt: skip
    (shown,) = cloud.admin.at("2.80").get("/os-migrations?status=running")["migrations"]
    assert shown["updated_at"] is None
    assert [(link["rel"], link["href"].partition("://")[2].partition("/")[2]) for link in shown["links"]] == [
        ("self", f"v2.1/servers/{server_of('b')}/migrations/1"),
        ("bookmark", f"servers/{server_of('b')}/migrations/1"),
    ]


def test_order(cloud: Cloud) -> None:
    """Until 2.58 they are in no order but that of the databases' rows."""
    for version in ("2.1", "2.23", "2.58"):
        assert listed(cloud.admin.at(version)) == "acebdf"
    for version in ("2.59", "2.66", "2.80"):
        assert listed(cloud.admin.at(version)) == NEWEST_FIRST


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("status=running", "b"), ("status=running&status=queued", "e"), ("status=nothing", ""), ("status=", ""),
        ("host=host2", NEWEST_FIRST), ("host=host3", "b"), ("host=host1", "feca"), ("host=nowhere", ""),
        ("source_compute=host2", "b"), ("source_compute=host4", "d"), ("host=host3&source_compute=host4", "b"),
        ("migration_type=live-migration", "edb"), ("migration_type=cold", ""), ("migration_type=resize", "a"),
        ("instance_uuid=nothing", ""), ("hidden=1", ""), ("hidden=true", ""), ("hidden=0", NEWEST_FIRST),
        ("migration_type=live-migration&host=host3&status=running", "b"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("version", ["2.1", "2.80"])
def test_filters(cloud: Cloud, version: str, query: str, found: str) -> None:
    assert sorted(listed(cloud.admin.at(version), query)) == sorted(found)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"instance_uuid={server_of('a')}", "ea"), (f"project_id={DEMO_PROJECT}", "ea"), ("project_id=", ""),
        (f"project_id={ADMIN_PROJECT}&user_id=demo-user", ""), ("user_id=demo-user", "ea"), ("limit=2", "ef"),
        ("limit=0", ""), ("changes-since=2026-11-20T12:00:00Z", "fca"), ("changes-since=2026-11-20T12:00:01Z", "a"),
        ("changes-since=2026-11-20T13:30:00%2B01:00", "a"), ("changes-before=2026-11-20T12:00:00Z", "fc"),
        ("changes-since=2026-11-20T12:10:00Z&changes-before=2026-11-20T12:20:00Z", ""), ("marker=", NEWEST_FIRST),
        ("changes-since=2026-11-20T12:30:00Z&changes-before=2026-11-20T12:30:00Z", "a"),
        (f"marker={uuid_of('c')}", "ba"), (f"marker={uuid_of('c')}&limit=1", "b"), (f"marker={uuid_of('a')}", ""),
        # What is not shown is a place in the list all the same.
        (f"marker={uuid_of('hidden')}", NEWEST_FIRST), (f"marker={uuid_of('of a deleted one')}", NEWEST_FIRST),
    ],
)  # fmt: skip
def test_parameters_of_later_microversions(cloud: Cloud, query: str, found: str) -> None:
    assert listed(cloud.admin.at("2.80"), query) == found


@pytest.mark.parametrize(
    "query", ["limit=1", f"marker={NOBODY}", "changes-since=2027-01-01", "changes-before=x", "user_id=x", "x=1"]
)
def test_unknown_parameters_are_ignored_until_2_58(cloud: Cloud, query: str) -> None:
    assert listed(cloud.admin.at("2.58"), query) == "acebdf"


@pytest.mark.parametrize(
    ("version", "query", "said"),
    [
        ("2.59", "x=1", "Additional properties are not allowed ('x' was unexpected)"),
        ("2.59", "changes-before=2026-01-01", "('changes-before' was unexpected)"),
        ("2.79", "user_id=x", "('user_id' was unexpected)"), ("2.79", "project_id=x", "('project_id' was unexpected)"),
        ("2.59", "limit=x", "limit"), ("2.59", "limit=-1", "limit"), ("2.59", "limit=1&limit=2", "limit"),
        ("2.59", "changes-since=x", "changes-since"), ("2.66", "changes-before=x", "changes-before"),
        ("2.59", "marker=x", "Marker x could not be found."),
        ("2.59", f"marker={NOBODY}&limit=0", f"Marker {NOBODY} could not be found."),
        ("2.66", "changes-since=2026-11-21&changes-before=2026-11-20",
         "The value of changes-since must be less than or equal to changes-before."),
        ("2.66", "changes-before=0001-01-01T00:00:00%2B14:00", "changes-before"),
        ("2.80", "project_id=x&project_id=y", "project_id"),
    ],
)  # fmt: skip
def test_wrong_parameters(cloud: Cloud, version: str, query: str, said: str) -> None:
    status, message = refused(cloud.admin.at(version), f"/os-migrations?{query}")
    assert status == 400
    assert said in message


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_pages(cloud: Cloud, limit: int) -> None:
    path, found = f"/os-migrations?limit={limit}", []
    while True:
        page = cloud.admin.at("2.59").get(path)
        found.append(letters(page["migrations"]))
        if "migrations_links" not in page:
            break
        (link,) = page["migrations_links"]
        assert link["rel"] == "next"
        path = "/os-migrations?" + link["href"].partition("?")[2]
        assert path == f"/os-migrations?limit={limit}&marker={uuid_of(found[-1][-1])}"
    assert "".join(found) == NEWEST_FIRST
    assert all(len(page) == limit for page in found[:-1])


def test_a_page_has_max_limit_at_most(cloud: Cloud) -> None:
    cloud.conf.set_override("max_limit", 4, "api")
    try:
        for query in ("", "limit=100"):
            page = cloud.admin.at("2.80").get(f"/os-migrations?{query}")
            assert letters(page["migrations"]) == NEWEST_FIRST[:4]
            assert f"marker={uuid_of(NEWEST_FIRST[3])}" in page["migrations_links"][0]["href"]
        whole = cloud.admin.at("2.58").get("/os-migrations")
        assert (letters(whole["migrations"]), "migrations_links" in whole) == ("acebdf", False)
    finally:
        cloud.conf.clear_override("max_limit", "api")


def test_a_manager_lists_those_of_the_own_project_without_hosts(cloud: Cloud, manager: Client) -> None:
    found = manager.at("2.80").get(f"/os-migrations?project_id={DEMO_PROJECT}")["migrations"]
    assert letters(found) == "ea"
    places = ("source_compute", "source_node", "dest_compute", "dest_node", "dest_host")
    assert {one[place] for one in found for place in places} == {None}


def test_who_may_not_list(cloud: Cloud, manager: Client) -> None:
    index = "os_compute_api:os-migrations:index"
    for client, version, query, rule in (
        (cloud.demo, "2.80", f"?project_id={DEMO_PROJECT}", index),
        (manager, "2.80", f"?project_id={ADMIN_PROJECT}", f"{index}:all_projects"),
        (manager, "2.80", "", f"{index}:all_projects"),
        # It is not known yet, and so ignored.
        (manager, "2.1", f"?project_id={DEMO_PROJECT}", f"{index}:all_projects"),
    ):
        said = refused(client.at(version), f"/os-migrations{query}")
        assert said == (403, f"Policy doesn't allow {rule} to be performed.")


@pytest.mark.parametrize(
    ("version", "more"),
    [("2.23", set()), ("2.58", set()), ("2.59", {"uuid"}), ("2.80", {"uuid", "user_id", "project_id"})],
)
def test_live_migrations_of_a_server(cloud: Cloud, version: str, more: set[str]) -> None:
    path = f"/servers/{server_of('e')}/migrations"
    (found,) = cloud.admin.at(version).get(path)["migrations"]
    values = {
        "id": 3, "uuid": uuid_of("e"), "server_uuid": server_of("e"), "status": "queued", "source_compute": "host1",
        "source_node": "node1", "dest_compute": "host2", "dest_node": "node2", "dest_host": "192.0.2.2",
        "memory_total_bytes": 2**40, "memory_processed_bytes": None, "memory_remaining_bytes": None,
        "disk_total_bytes": None, "disk_processed_bytes": 0, "disk_remaining_bytes": None,
        "created_at": "2026-11-20T12:04:00.000000", "updated_at": None, "user_id": "demo-user",
        "project_id": DEMO_PROJECT,
    }  # fmt: skip
    later = {"uuid", "user_id", "project_id"} - more
    assert found == {name: value for name, value in values.items() if name not in later}
    assert cloud.admin.at(version).get(f"{path}/3") == {"migration": found}


@pytest.mark.parametrize(
    ("letter", "migration_id", "said"),
    [
        ("a", "1", "Migration 1 for server {server} is not live-migration."),
        ("d", "2", "Live migration 2 for server {server} is not in progress."),
        # The first is another server's, the second another cell's.
        ("e", "2", "In-progress live migration 2 is not found for server {server}."),
        ("d", "3", "In-progress live migration 3 is not found for server {server}."),
        *(("e", name, f"In-progress live migration {name} is not found for server {{server}}.")
          for name in ("0", "9", "x", "-3", "99999999999", uuid_of("e"))),
    ],
)  # fmt: skip
def test_what_is_no_live_migration_in_progress(cloud: Cloud, letter: str, migration_id: str, said: str) -> None:
    server = server_of(letter)
    answer = refused(cloud.admin.at("2.80"), f"/servers/{server}/migrations/{migration_id}")
    assert answer == (404, said.format(server=server))


def test_a_server_without_live_migrations(cloud: Cloud) -> None:
    for letter in ("c", "d"):
        assert cloud.admin.at("2.80").get(f"/servers/{server_of(letter)}/migrations") == {"migrations": []}
    for server in (NOBODY, server_of("of a deleted one")):
        for end in ("", "/5"):
            said = refused(cloud.admin.at("2.80"), f"/servers/{server}/migrations{end}")
            assert said == (404, f"Instance {server} could not be found.")


def test_who_sees_what_of_a_server(cloud: Cloud, manager: Client) -> None:
    path, rule = f"/servers/{server_of('e')}/migrations", "os_compute_api:servers:migrations"
    (found,) = manager.at("2.80").get(path)["migrations"]
    assert (found["id"], found["source_compute"], found["dest_host"], found["dest_node"]) == (3, None, None, None)
    for client, end, name in ((manager, "/3", "show"), (cloud.demo, "", "index"), (cloud.demo, "/9", "show")):
        said = refused(client.at("2.80"), path + end)
        assert said == (403, f"Policy doesn't allow {rule}:{name} to be performed.")
    stranger = Client(cloud.app, "other", "0" * 32, "manager,member,reader")
    for end in ("", "/3"):
        said = refused(stranger.at("2.80"), path + end)
        assert said == (404, f"Instance {server_of('e')} could not be found.")


def test_microversions_of_a_server_s_migrations(cloud: Cloud) -> None:
    path = f"/servers/{server_of('e')}/migrations"
    for end in ("", "/3"):
        assert cloud.admin.at("2.22").request("GET", path + end).status_code == 404
        assert cloud.admin.at("2.101").request("GET", f"{path}{end}?x=1").status_code == 200
        assert cloud.admin.at("2.102").request("GET", f"{path}{end}?x=1").status_code == 400


def test_one_call_each(cloud: Cloud) -> None:
    path = f"/servers/{server_of('e')}/migrations"
    for asked, method in (
        (f"/os-migrations?limit=1&marker={uuid_of('d')}", "list_migrations"),
        (path, "list_server_migrations"),
        (f"{path}/3", "get_server_migration"),
    ):
        cloud.bus.sent.clear()
        cloud.admin.at("2.80").get(asked)
        assert [sent for sent in cloud.bus.sent if sent[0] == "MigrationReads"] == [("MigrationReads", method)]
