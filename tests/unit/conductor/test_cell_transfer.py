"""Servers' records are moved to the cell that was chosen for them, and nobody's newer record is overwritten."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.conductor.servers import cell_transfer
from novalike.db.api import mappings
from novalike.db.cell import server_copies
from novalike.db.cell import tables as t
from novalike.objects.network import Vif
from novalike.objects.operation import JournalEntry, Operation, Stop
from tests.unit.conductor.databases import LATER, NOW, Databases

VIF = Vif(port_id="port", network_id="net", network_name="private", mac="fa:16:3e:00:00:01")
ENTRY = JournalEntry(event="conductor_place", start_time=NOW, finish_time=LATER, result="Success", host="ctl")
TABLES = (t.instances, t.instance_requests, t.instance_tags, t.operations)


@pytest.fixture
def databases(tmp_path: Path) -> Iterator[Databases]:
    """Of two cells."""
    found = Databases(tmp_path, cells=2)
    yield found
    found.close()


def _new(databases: Databases, cell: str = "cell0", **facts: Any) -> Operation:
    """The operation of a server that is being placed, with an earlier one and tags."""
    server = databases.server(
        cell, vm_state="building", task_state="scheduling", vifs=(VIF,), vifs_version=3,
        asked={"user_data": "YQ==", "guest_password": "sealed", "force_host": True},
    )  # fmt: skip
    for tag in ("one", "two"):
        databases.execute(sa.insert(t.instance_tags).values(instance_uuid=server, tag=tag), cell)
    databases.operation(server, "stop", cell, state="superseded", journal=(ENTRY,))
    more = {"holder": "me", "host": None, "route": (Stop(leg="place", epoch=3), Stop(leg="build")), "at": 0}
    return databases.operation(server, "create", cell, **(more | facts))


def _all_of(databases: Databases, server: str, cell: str) -> dict[str, list[dict[str, Any]]]:
    """All rows of a server, by table, without their numbers."""
    found = {}
    for table in TABLES:
        column = table.c.uuid if table is t.instances else table.c.instance_uuid
        query = sa.select(table).where(column == server).order_by(*table.primary_key.columns)
        rows = databases.cell(cell).database.query(lambda c, q=query: [dict(r._mapping) for r in c.execute(q)])
        found[table.name] = [{name: value for name, value in row.items() if name != "id"} for row in rows]
    return found


NOTHING: dict[str, list[Any]] = {table.name: [] for table in TABLES}


def _move(databases: Databases, *operations: Operation, to: str = "cell2") -> set[str]:
    return cell_transfer.move(databases.cells, databases.cell("cell0"), databases.cell(to), operations)


def test_a_server_moves_with_all_that_hangs_on_it(databases: Databases) -> None:
    _new(databases, "cell2")  # rows have numbers of their own in each cell
    moves, stays = _new(databases), _new(databases)
    before = {each.instance_uuid: _all_of(databases, each.instance_uuid, "cell0") for each in (moves, stays)}
    assert [len(rows) for rows in before[moves.instance_uuid].values()] == [1, 1, 2, 2]
    assert _move(databases, moves) == {moves.instance_uuid}
    assert _all_of(databases, moves.instance_uuid, "cell2") == before[moves.instance_uuid]
    assert _all_of(databases, moves.instance_uuid, "cell0") == NOTHING
    assert _all_of(databases, stays.instance_uuid, "cell0") == before[stays.instance_uuid]
    assert _all_of(databases, stays.instance_uuid, "cell2") == NOTHING
    mapped = databases.cells.api.query(
        lambda c: mappings.cells_of_instances(c, [moves.instance_uuid, stays.instance_uuid])
    )
    assert mapped == {
        moves.instance_uuid: databases.cell("cell2").id, stays.instance_uuid: databases.cell("cell0").id,
    }  # fmt: skip
    assert databases.cells.of_instance(moves.instance_uuid).name == "cell2"


@pytest.mark.parametrize("facts", [{"epoch": 4}, {"state": "superseded"}], ids=str)
def test_who_does_not_hold_the_operation_moves_nothing(databases: Databases, facts: dict[str, Any]) -> None:
    operation = _new(databases)
    values = sa.update(t.operations).where(t.operations.c.uuid == operation.uuid).values(**facts)
    databases.execute(values, "cell0")
    before = _all_of(databases, operation.instance_uuid, "cell0")
    assert _move(databases, operation) == set()
    assert _all_of(databases, operation.instance_uuid, "cell0") == before
    assert _all_of(databases, operation.instance_uuid, "cell2") == NOTHING


def _copy(databases: Databases, operation: Operation, **facts: Any) -> None:
    """What somebody who moved the server to cell 2 before has left there."""
    databases.server("cell2", uuid=operation.instance_uuid, mapped=False, name="copy", vm_state="building")
    databases.operation(operation.instance_uuid, "create", "cell2", uuid=operation.uuid, **facts)


def test_a_copy_that_somebody_has_died_over_is_made_anew(databases: Databases) -> None:
    operation = _new(databases)
    _copy(databases, operation)
    before = _all_of(databases, operation.instance_uuid, "cell0")
    assert _move(databases, operation) == {operation.instance_uuid}
    assert _all_of(databases, operation.instance_uuid, "cell2") == before
    assert _all_of(databases, operation.instance_uuid, "cell0") == NOTHING


def test_what_has_gone_on_there_is_not_overwritten(databases: Databases) -> None:
    """Somebody was given up, and comes late: his successor has moved the server, and built it."""
    late, other = _new(databases), _new(databases)
    _copy(databases, late, epoch=4)
    there = _all_of(databases, late.instance_uuid, "cell2")
    assert _move(databases, late, other) == {other.instance_uuid}
    assert _all_of(databases, late.instance_uuid, "cell2") == there
    assert _move(databases, late) == set()


def test_what_is_taken_over_while_it_is_copied_stays(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    operation, write = _new(databases), server_copies.write

    def be_overtaken(*args: Any) -> Any:
        written = write(*args)
        mine = sa.update(t.operations).where(t.operations.c.uuid == operation.uuid)
        databases.execute(mine.values(epoch=4), "cell0")
        return written

    monkeypatch.setattr(server_copies, "write", be_overtaken)
    assert _move(databases, operation) == set()
    assert databases.cells.of_instance(operation.instance_uuid).name == "cell0"
    assert _all_of(databases, operation.instance_uuid, "cell0")["instances"]


def test_an_abandoned_copy_is_removed_unless_it_has_been_taken_up_there(databases: Databases) -> None:
    abandoned, current, other = _new(databases), _new(databases), _new(databases)
    before = _all_of(databases, current.instance_uuid, "cell0")
    cell0 = databases.cell("cell0")
    cell_transfer.remove(cell0, [abandoned, msgspec.structs.replace(current, epoch=2)])
    assert _all_of(databases, abandoned.instance_uuid, "cell0") == NOTHING
    assert _all_of(databases, current.instance_uuid, "cell0") == before
    assert len(databases.rows(t.instances, other.instance_uuid, "cell0")) == 1
