"""What hosts take up and report of operations, and what is recorded of it."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.conductor.operations import reports as module
from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.reports import OperationReports
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.network import Vif
from novalike.objects.operation import JournalEntry, Operation, Outcome, Progress, Stop
from novalike.objects.operations.action import Direction
from tests.fakes.records import context
from tests.unit.conductor.databases import LATER, NOW, Databases, changed

ENTRY = JournalEntry(event="compute_spawn", start_time=NOW, host="host1")
VIF = Vif(port_id="port", network_id="net", network_name="private", mac="fa:16:3e:00:00:01")
REMIND = LATER + datetime.timedelta(seconds=30)
ROUTE = (Stop(leg="place", epoch=2), Stop(leg="build", host="host1", node="host1", epoch=3))


class Legs:
    """What a conductor was given to do."""

    holder = "me"

    def __init__(self) -> None:
        self.submitted: list[tuple[str | None, str, str, list[str]]] = []

    def submit(
        self, ctx: RequestContext, cell: Any, workflow: str, leg: str, direction: str, operation_ids: list[str]
    ) -> None:
        assert direction == Direction.ON
        self.submitted.append((ctx.request_id, workflow, leg, operation_ids))


def _dispatch(legs: Legs) -> Dispatch:
    """Without a messenger: no leg of a host follows one of a host's in these tests."""
    parts: Any = (legs, None)
    return Dispatch(*parts)


@pytest.fixture
def legs() -> Legs:
    return Legs()


@pytest.fixture
def reports(databases: Databases, legs: Legs, monkeypatch: pytest.MonkeyPatch) -> OperationReports:
    """Of a cloud whose only host is ``host1``, whose process is at ``e1``."""
    databases.host("host1", endpoint="e1")
    databases.stop_clocks(monkeypatch)
    return OperationReports(databases.conf, databases.cells, _dispatch(legs))


def _build(databases: Databases, cell: str = "cell1", **facts: Any) -> Operation:
    """A build on ``host1``, which a worker has taken up at epoch 3."""
    server = databases.server(cell, vm_state="building", task_state="networking")
    return databases.operation(server, "create", cell, route=ROUTE, at=1, **facts)


def test_what_is_taken_up_is_the_processs_and_looked_at_when_it_has_been_silent_for_long(
    databases: Databases, reports: OperationReports
) -> None:
    operation = _build(databases, state="pending", holder=None, sequence=9)
    before = databases.row(t.operations, operation.uuid)
    (taken,) = reports.accept(context(), endpoint="e1", incarnation="process", operation_ids=(operation.uuid,))
    assert changed(before, databases.row(t.operations, operation.uuid)) == {
        "state": "running", "holder": "process", "epoch": 4, "sequence": 0, "updated_at": LATER, "due_at": REMIND,
    }  # fmt: skip
    assert taken.operation == msgspec.structs.replace(
        operation, state="running", holder="process", epoch=4, sequence=0
    )
    assert taken.spec.server.uuid == operation.instance_uuid
    for endpoint, asked in (("e2", operation.uuid), ("e1", "no-such-operation")):
        assert reports.accept(context(), endpoint=endpoint, incarnation="other", operation_ids=(asked,)) == ()


def test_a_process_that_starts_takes_up_all_that_its_hosts_have(
    databases: Databases, reports: OperationReports
) -> None:
    operations = [_build(databases, state=state) for state in ("pending", "running", "done")]
    taken = reports.recover(context(), endpoint="e9", incarnation="successor", hosts=("host1",))
    assert {(each.operation.uuid, each.operation.holder, each.operation.epoch) for each in taken} == {
        (operation.uuid, "successor", 4) for operation in operations[:2]
    }
    services = sa.select(t.services.c.endpoint, t.services.c.incarnation).where(t.services.c.host == "host1")
    assert databases.cell().database.query(lambda c: [tuple(row) for row in c.execute(services)]) == [
        ("e9", "successor")
    ]


@pytest.mark.parametrize(("changes", "looks"), [(0, 1), (1, 2), (4, 5), (99, 5)])
def test_it_is_looked_again_for_what_has_changed_hands_meanwhile(
    databases: Databases, reports: OperationReports, monkeypatch: pytest.MonkeyPatch, changes: int, looks: int
) -> None:
    """What the dead process had asked for last may still be done. That doesn't go on for ever."""
    first, second = _build(databases), _build(databases)
    look, seen = module.servers_db.to_recover, []

    def change_hands(connection: Any, hosts: Any) -> Any:
        found = look(connection, hosts)
        seen.append([operation.epoch for operation, _ in found if operation.uuid == second.uuid])
        if len(seen) <= changes:
            mine = sa.update(t.operations).where(t.operations.c.uuid == second.uuid)
            databases.execute(mine.values(epoch=t.operations.c.epoch + 1, holder="dead"))
        return found

    monkeypatch.setattr(module.servers_db, "to_recover", change_hands)
    taken = reports.recover(context(), endpoint="e9", incarnation="successor", hosts=("host1",))
    assert len(seen) == looks
    mine = {first.uuid} if changes > looks else {first.uuid, second.uuid}
    assert {each.operation.uuid for each in taken} == mine
    # What it had taken already it still has, at the same epoch.
    assert databases.row(t.operations, first.uuid)["epoch"] == 4


def test_a_report_puts_the_reminder_off_and_says_how_far_the_server_is(
    databases: Databases, reports: OperationReports
) -> None:
    operation = _build(databases)
    before = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    facts = {"operation_id": operation.uuid, "epoch": 3, "entries": (ENTRY,)}
    reports.progress(context(), progress=Progress(**facts, task_state="spawning", vifs=(VIF,), vifs_version=0))
    assert changed(before[0], databases.row(t.operations, operation.uuid)) == {
        "journal": (ENTRY,), "sequence": 1, "updated_at": LATER, "due_at": REMIND,
    }  # fmt: skip
    assert changed(before[1], databases.row(t.instances, operation.instance_uuid)) == {
        "task_state": "spawning", "vifs": (VIF,), "vifs_version": 1, "updated_at": LATER,
    }  # fmt: skip
    reports.progress(context(), progress=Progress(**facts, sequence=7))
    assert databases.row(t.operations, operation.uuid)["sequence"] == 7
    row = databases.row(t.instances, operation.instance_uuid)
    assert (row["task_state"], row["vifs"], row["vifs_version"]) == ("spawning", (VIF,), 1)


@pytest.mark.parametrize("percent", [0, 42, 100])
def test_how_much_is_done_is_shown_of_the_server(
    databases: Databases, reports: OperationReports, percent: int
) -> None:
    operation = _build(databases)
    where = t.instances.c.uuid == operation.instance_uuid
    databases.execute(sa.update(t.instances).where(where).values(progress=7))
    before = databases.row(t.instances, operation.instance_uuid)
    facts = {"operation_id": operation.uuid, "epoch": 3}
    reports.progress(context(), progress=Progress(**facts))
    assert changed(before, databases.row(t.instances, operation.instance_uuid)) == {"updated_at": LATER}
    reports.progress(context(), progress=Progress(**facts, percent=percent))
    assert databases.row(t.instances, operation.instance_uuid)["progress"] == percent
    reports.finish(context(), outcome=Outcome(**facts))
    assert databases.row(t.instances, operation.instance_uuid)["progress"] == 0


@pytest.mark.parametrize("facts", [{"epoch": 2}, {"epoch": 4}], ids=str)
def test_who_has_lost_an_operation_is_told_so(
    databases: Databases, reports: OperationReports, facts: dict[str, Any]
) -> None:
    operation = _build(databases)
    before = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    with pytest.raises(errors.Fenced) as refused:
        reports.progress(context(), progress=Progress(operation_id=operation.uuid, task_state="spawning", **facts))
    assert refused.value.fields == {"operation_id": operation.uuid, **facts}
    with pytest.raises(errors.Fenced):
        reports.finish(context(), outcome=Outcome(operation_id=operation.uuid, **facts))
    after = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    assert after == before


@pytest.mark.parametrize(
    ("attempts", "outcome", "state", "again"),
    [
        (0, {}, "done", False), (0, {"error": "no"}, "failed", False),
        (0, {"error": "no", "reschedule": True}, "running", True),
        (1, {"error": "no", "reschedule": True}, "running", True),
        (2, {"error": "no", "reschedule": True}, "failed", False),
    ],
)  # fmt: skip
def test_a_build_that_has_failed_goes_elsewhere_when_its_host_says_that_this_may_help(
    databases: Databases, reports: OperationReports, legs: Legs, attempts: int, outcome: dict[str, Any], state: str,
    again: bool,
) -> None:  # fmt: skip
    operation = _build(databases, attempts=attempts)
    reports.finish(
        context(), outcome=Outcome(operation_id=operation.uuid, epoch=3, entries=(ENTRY,), vifs=(VIF,), **outcome)
    )
    row = databases.row(t.operations, operation.uuid)
    assert (row["state"], row["journal"], row["attempts"]) == (state, (ENTRY,), attempts + again)
    # In the name of who has asked for the server, not of the host.
    assert legs.submitted == [(operation.request_id, "create", "place", [operation.uuid])] * again
    assert databases.row(t.instances, operation.instance_uuid)["vifs"] == (VIF,)


def test_an_end_that_is_said_twice_is_taken_once(databases: Databases, reports: OperationReports) -> None:
    operation = _build(databases)
    outcome = Outcome(operation_id=operation.uuid, epoch=3)
    reports.finish(context(), outcome=outcome)
    ended = databases.row(t.operations, operation.uuid)
    reports.finish(context(), outcome=msgspec.structs.replace(outcome, error="late"))
    assert databases.row(t.operations, operation.uuid) == ended


@pytest.fixture
def two_cells(tmp_path: Path) -> Iterator[Databases]:
    found = Databases(tmp_path, cells=2)
    yield found
    found.close()


def test_reports_find_their_cell_and_remember_it(
    two_cells: Databases, legs: Legs, monkeypatch: pytest.MonkeyPatch
) -> None:
    two_cells.stop_clocks(monkeypatch)
    reports = OperationReports(two_cells.conf, two_cells.cells, _dispatch(legs))
    builds = [_build(two_cells, cell) for cell in ("cell2", "cell1", "cell2")]
    look, looks = module.operations_db.get, []

    def count(connection: Any, uuid: str) -> Operation | None:
        looks.append(uuid)
        return look(connection, uuid)

    def tell() -> None:
        looks.clear()
        for build in builds:
            reports.progress(context(), progress=Progress(operation_id=build.uuid, epoch=3, task_state="spawning"))

    monkeypatch.setattr(module.operations_db, "get", count)
    tell()
    assert [row["task_state"] for build, cell in zip(builds, ("cell2", "cell1", "cell2"), strict=True)
            for row in two_cells.rows(t.instances, build.instance_uuid, cell)] == ["spawning"] * 3  # fmt: skip
    assert len(looks) == 5, "each cell was asked until one knew it"
    tell()
    assert looks == []
    # What is remembered doesn't grow for ever.
    monkeypatch.setattr(module, "_REMEMBERED", 1)
    two_cells.host("host1", endpoint="e1")
    reports.accept(context(), endpoint="e1", incarnation="worker", operation_ids=(builds[1].uuid,))
    tell()
    assert builds[1].uuid not in looks
    assert looks


def test_what_no_cell_knows_is_nobodys(two_cells: Databases, legs: Legs) -> None:
    reports = OperationReports(two_cells.conf, two_cells.cells, _dispatch(legs))
    with pytest.raises(errors.Fenced) as refused:
        reports.progress(context(), progress=Progress(operation_id="unheard-of", epoch=3))
    assert refused.value.fields == {"operation_id": "unheard-of", "epoch": "any"}
