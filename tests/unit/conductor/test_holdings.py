"""Which hosts may have what of a server: what compute processes ask before they remove anything."""

from pathlib import Path
from typing import Any

import pytest

from novalike.conductor.journal import JournalHandler
from novalike.objects.migration import MigrationStatus
from novalike.objects.operation import Stop
from tests.fakes.records import context
from tests.unit.conductor.databases import Databases
from tests.unit.conductor.moves import migrate, moved

EVER = {value for name, value in vars(MigrationStatus).items() if name.isupper() and isinstance(value, str)}


def journal(databases: Databases) -> JournalHandler:
    nothing: Any = None
    return JournalHandler(databases.cells, nothing, nothing)


def asked(databases: Databases, what: str, *servers: str) -> dict[str, set[str]]:
    found = getattr(journal(databases), what)(context(), instance_uuids=servers)
    return {server: set(hosts) for server, hosts in found.items()}


@pytest.mark.parametrize("status", sorted(EVER))
def test_the_source_of_a_migration_that_is_not_over_keeps_what_it_has_set_aside(
    databases: Databases, status: str
) -> None:
    server = databases.server(host="host2")
    moved(databases, server, status)
    is_open = status in MigrationStatus.OPEN
    assert is_open is (status not in ("confirmed", "reverted", "error"))
    assert asked(databases, "keepers", server) == {server: {"host1"} if is_open else set()}
    assert asked(databases, "holders", server) == {server: {"host1", "host2"} if is_open else {"host2"}}


def test_who_has_been_moved_often_is_kept_by_each_source_of_a_move_that_is_open(databases: Databases) -> None:
    server, other = databases.server(host="host4"), databases.server(host="host5")
    moved(databases, server, "post-migrating", source_compute="host1", dest_compute="host2")
    moved(databases, server, "finished", source_compute="host3", dest_compute="host4")
    moved(databases, server, "error", source_compute="host9", dest_compute="host8")
    moved(databases, server, "pre-migrating", source_compute=None, dest_compute=None)
    moved(databases, other, "finished", source_compute="host6", dest_compute="host5")
    assert asked(databases, "keepers", server) == {server: {"host1", "host3"}}
    assert asked(databases, "holders", server, other) == {
        server: {"host1", "host2", "host3", "host4"}, other: {"host5", "host6"},
    }  # fmt: skip


def test_of_servers_that_are_gone_nobody_has_or_keeps_anything(databases: Databases) -> None:
    deleted = databases.server(deleted=True, vm_state="deleted")
    assert asked(databases, "holders", deleted, "unknown") == {deleted: set(), "unknown": set()}
    assert asked(databases, "keepers", deleted, "unknown") == {deleted: set(), "unknown": set()}


def test_a_host_of_an_operation_that_is_under_way_may_have_something(databases: Databases) -> None:
    server = databases.server(host="host1")
    route = (Stop(leg="place"), Stop(leg="prepare", host="host2"), Stop(leg="depart", host="host1"))
    databases.operation(server, "resize", host="host3", route=route)
    databases.operation(server, "stop", host="host8", state="done")
    databases.operation(server, "stop", host=None, route=None)
    assert asked(databases, "holders", server) == {server: {"host1", "host2", "host3"}}
    assert asked(databases, "keepers", server) == {server: set()}


@pytest.mark.parametrize("what", ["keepers", "holders"])
def test_servers_may_be_in_different_cells(tmp_path: Path, what: str) -> None:
    databases = Databases(tmp_path, cells=2)
    try:
        servers = {cell: databases.server(cell, host="host2") for cell in ("cell1", "cell2")}
        for cell, server in servers.items():
            migrate(databases, databases.operation(server, "resize", cell, state="done"), "finished", cell)
        # A copy of it that is not there any more, as after its cell was chosen.
        databases.server("cell1", uuid=servers["cell2"], mapped=False, host=None)
        hosts = {"host1"} if what == "keepers" else {"host1", "host2"}
        found = asked(databases, what, *servers.values(), "unknown")
        assert found == {servers["cell1"]: hosts, servers["cell2"]: hosts, "unknown": set()}
    finally:
        databases.close()
