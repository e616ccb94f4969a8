"""Copies that whoever moved a server to its cell has left behind, and those that are just being moved."""

from collections.abc import Callable

import msgspec
import pytest
import sqlalchemy as sa

from novalike.conductor.cells import Cell
from novalike.conductor.servers import cell_transfer
from novalike.db.cell import operations as operations_db
from novalike.db.cell import tables as t
from novalike.objects.operation import Operation
from tests.functional.harness import Cloud


@pytest.fixture
def moved(make_cloud: Callable[..., Cloud]) -> tuple[Cloud, Cell, Cell, Operation]:
    """A cloud of two cells; the one that a server was moved to from cell 0, cell 0; the server's operation."""
    cloud = make_cloud(cells=2)
    uuid = cloud.demo.at("2.37").post("/servers", cloud.server_body("vm"), 202)["server"]["id"]
    cloud.demo.wait_for(uuid, "ACTIVE")
    cells = cloud.conductor.cells
    cell = cells.of_instance(uuid)
    (found,) = cell.database.query(lambda c: c.execute(sa.select(t.operations.c.uuid)).scalars().all())
    operation = cell.database.query(lambda c: operations_db.get(c, found))
    assert operation is not None
    return cloud, cell, next(each for each in cells.all() if each.is_cell0), operation


def _at(operation: Operation, epoch: int) -> Operation:
    return msgspec.structs.replace(operation, epoch=epoch)


def test_where_it_counts_it_is_no_copy(moved: tuple[Cloud, Cell, Cell, Operation]) -> None:
    cloud, cell, _cell0, operation = moved
    assert cell_transfer.foreign(cloud.conductor.cells, cell, [operation]) == (frozenset(), frozenset())


def test_a_copy_is_abandoned_once_the_server_has_gone_on_elsewhere(moved: tuple[Cloud, Cell, Cell, Operation]) -> None:
    cloud, _cell, cell0, operation = moved
    uuids = frozenset({operation.instance_uuid})
    old, same = _at(operation, operation.epoch - 1), operation
    assert cell_transfer.foreign(cloud.conductor.cells, cell0, [old]) == (uuids, frozenset())
    # Whoever is at it has copied it just now, and is about to remove it here.
    assert cell_transfer.foreign(cloud.conductor.cells, cell0, [same]) == (frozenset(), uuids)


def test_with_a_single_cell_nothing_moves_and_nothing_is_asked(make_cloud: Callable[..., Cloud]) -> None:
    cells = make_cloud(cells=1).conductor.cells
    cells.api.query = None  # type: ignore[method-assign, assignment]
    assert cell_transfer.foreign(cells, cells.all()[1], []) == (frozenset(), frozenset())
