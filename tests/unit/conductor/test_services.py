"""Services by their numbers, which are a cell's own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.bus.services import ServiceChanges
from novalike.conductor.services import ServiceCommandsHandler
from novalike.db.api import mappings
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.migration import MigrationStatus
from tests.fakes.placement import FakePlacement
from tests.fakes.records import context, migration_row
from tests.unit.conductor.databases import Databases


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    """Of two cells with a host each, whose services both have the number 1; cell 2 has a second one, ``more``."""
    found = Databases(tmp_path, cells=2)
    for name, cell in (("one", "cell1"), ("two", "cell2"), ("more", "cell2")):
        number = found.cell(cell).id
        found.cells.api.write(lambda c, name=name, number=number: mappings.map_host(c, name, number))
        found.host(name)
    yield found
    found.close()


@pytest.fixture
def commands(databases: Databases) -> ServiceCommandsHandler:
    return ServiceCommandsHandler(databases.conf, databases.cells, FakePlacement(), lambda host: None)


def _services(databases: Databases, cell: str) -> list[tuple[int, str, bool]]:
    s = t.services.c
    query = sa.select(s.id, s.host, s.disabled).order_by(s.id)
    return databases.cell(cell).database.query(lambda c: [tuple(row) for row in c.execute(query)])


@pytest.mark.parametrize("command", ["delete", "update"])
def test_a_number_that_several_have_is_refused(
    databases: Databases, commands: ServiceCommandsHandler, command: str
) -> None:
    act: dict[str, Any] = {
        "delete": lambda: commands.delete_service(context(), service_id="1"),
        "update": lambda: commands.update_service(context(), service_id="1", changes=ServiceChanges(disabled=True)),
    }
    with pytest.raises(errors.Invalid, match="Service id 1 refers to multiple services"):
        act[command]()
    assert _services(databases, "cell1") == [(1, "one", False)]
    assert _services(databases, "cell2") == [(1, "two", False), (2, "more", False)]


def test_a_number_that_one_has_is_that_one(databases: Databases, commands: ServiceCommandsHandler) -> None:
    changed = commands.update_service(context(), service_id="2", changes=ServiceChanges(disabled=True))
    assert (changed.host, changed.disabled) == ("more", True)
    commands.delete_service(context(), service_id="2")
    assert _services(databases, "cell2") == [(1, "two", False)]
    with pytest.raises(errors.ServiceNotFound):
        commands.delete_service(context(), service_id="2")


def test_a_host_that_servers_are_moved_from_or_to_is_kept(
    databases: Databases, commands: ServiceCommandsHandler
) -> None:
    server = databases.server("cell2", host="elsewhere")
    for here, there in (("more", "elsewhere"), ("elsewhere", "more")):
        for status in MigrationStatus.OPEN:
            row = migration_row(instance_uuid=server, source_compute=here, dest_compute=there, status=status)
            databases.execute(sa.delete(t.migrations), "cell2")
            databases.execute(sa.insert(t.migrations).values(row), "cell2")
            with pytest.raises(errors.Conflict, match="has in-progress migrations"):
                commands.delete_service(context(), service_id="2")
    databases.execute(sa.update(t.migrations).values(status=MigrationStatus.CONFIRMED), "cell2")
    commands.delete_service(context(), service_id="2")
    assert _services(databases, "cell2") == [(1, "two", False)]
