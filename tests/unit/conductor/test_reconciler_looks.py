"""What becomes of operations that nobody works on, by who has them and what their host is."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.conductor.operations import reconciler as module
from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.reconciler import Reconciler
from novalike.db import handled_requests
from novalike.db.cell import operations as operations_db
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import Operation, Stop
from novalike.objects.operations.action import Direction
from tests.unit.conductor.databases import LATER, NOW, Databases, changed

LEASE = LATER + datetime.timedelta(seconds=30)
PLACE, BUILD = Stop(leg="place", epoch=2), Stop(leg="build", host="host1", node="host1", epoch=3)


class Others:
    """The messenger, the legs, the cleanup, the hosts' status and the leases: what they were told and asked."""

    holder = "me"

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.asked: list[set[str]] = []
        self.hints: list[tuple[str, str, list[str]]] = []
        self.submitted: list[tuple[str | None, str, str, list[str]]] = []

    def hint(self, ctx: RequestContext, endpoint: str, host: str, operation_ids: list[str]) -> None:
        self.hints.append((endpoint, host, operation_ids))

    def submit(
        self, ctx: RequestContext, cell: Any, workflow: str, leg: str, direction: str, operation_ids: list[str]
    ) -> None:
        assert direction == Direction.ON
        self.submitted.append((ctx.request_id, workflow, leg, operation_ids))

    def of(self, hosts: set[str]) -> dict[str, str]:
        self.asked.append(hosts)
        return {host: "DOWN" if host in self.down else "UP" for host in hosts}

    def look_into(self, cell: Any) -> int:
        return 0


def _reconciler(databases: Databases, others: Others) -> Reconciler:
    parts: Any = others
    return Reconciler(databases.conf, databases.cells, Dispatch(parts, parts), parts, parts, parts, parts)


@pytest.fixture
def others() -> Others:
    return Others()


@pytest.fixture
def reconciler(databases: Databases, others: Others, monkeypatch: pytest.MonkeyPatch) -> Reconciler:
    databases.stop_clocks(monkeypatch)
    for name in ("host1", "host2"):
        databases.host(name)
    return _reconciler(databases, others)


def _build(databases: Databases, cell: str = "cell1", host: str | None = "host1", **facts: Any) -> Operation:
    """Of a server that is being built on a host, or is being placed."""
    task_state = "scheduling" if host is None else "networking"
    server = databases.server(cell, vm_state="building", task_state=task_state, host=host, node=host)
    build = Stop(leg="build") if host is None else BUILD
    more = {"holder": "dead"} if host is None else {}
    at = 0 if host is None else 1
    return databases.operation(server, "create", cell, host=host, route=(PLACE, build), at=at, **(more | facts))


def test_what_a_dead_conductor_has_left_is_taken_over(
    databases: Databases, others: Others, reconciler: Reconciler
) -> None:
    operation = _build(databases, host=None, state="pending")
    before = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    assert reconciler.look() == 1
    assert changed(before[0], databases.row(t.operations, operation.uuid)) == {
        "state": "running", "holder": "me", "epoch": 4, "updated_at": LATER, "due_at": LEASE,
        "route": (Stop(leg="place", epoch=4), Stop(leg="build")),
    }  # fmt: skip
    assert changed(before[1], databases.row(t.instances, operation.instance_uuid)) == {"updated_at": LATER}
    assert others.submitted == [(operation.request_id, "create", "place", [operation.uuid])]
    assert others.hints == []


def test_what_somebody_was_faster_to_take_over_is_not_done_twice(
    databases: Databases, others: Others, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    operation = _build(databases, host=None)
    due = operations_db.due

    def be_late(connection: Any, now: datetime.datetime, limit: int) -> Any:
        found = due(connection, now, limit)
        if found:
            assert operations_db.update(connection, operation.uuid, 3, epoch=4, holder="faster")
        return found

    monkeypatch.setattr(operations_db, "due", be_late)
    assert reconciler.look() == 1
    row = databases.row(t.operations, operation.uuid)
    assert (row["epoch"], row["holder"], others.submitted) == (4, "faster", [])


def test_a_host_that_lives_is_reminded(databases: Databases, others: Others, reconciler: Reconciler) -> None:
    operation = _build(databases)
    before = databases.row(t.operations, operation.uuid)
    assert reconciler.look() == 1
    assert others.hints == [("at host1", "host1", [operation.uuid])]
    assert changed(before, databases.row(t.operations, operation.uuid)) == {
        "due_at": LATER + datetime.timedelta(seconds=10)
    }
    assert reconciler.look() == 0


@pytest.mark.parametrize("how", ["down", "without a service"])
def test_a_build_on_a_host_that_is_down_goes_elsewhere(
    databases: Databases, others: Others, reconciler: Reconciler, how: str
) -> None:
    operation = _build(databases)
    if how == "down":
        others.down = {"host1"}
    else:
        databases.execute(sa.delete(t.services).where(t.services.c.host == "host1"))
    reconciler.look()
    row = databases.row(t.operations, operation.uuid)
    assert (row["state"], row["holder"], row["host"], row["attempts"]) == ("running", "me", None, 1)
    assert row["params"] == {"excluded_hosts": ["host1"]}
    assert others.submitted == [(operation.request_id, "create", "place", [operation.uuid])]


def test_what_a_host_that_is_down_would_have_to_delete_is_settled_without_it(
    databases: Databases, others: Others, reconciler: Reconciler
) -> None:
    server = databases.server(task_state="deleting")
    remove = Stop(leg="remove", host="host1", node="host1", epoch=3)
    operation = databases.operation(server, "delete", route=(remove, Stop(leg="settle")))
    others.down = {"host1"}
    reconciler.look()
    row = databases.row(t.operations, operation.uuid)
    skipped = Stop(leg="remove", host="host1", node="host1", epoch=3, skipped=True)
    assert (row["route"], row["at"], row["host"]) == ((skipped, Stop(leg="settle", epoch=4)), 1, None)
    assert others.submitted == [(operation.request_id, "delete", "settle", [operation.uuid])]


@pytest.mark.parametrize(
    ("workflow", "attempts", "vm_state"), [("reboot_hard", 0, "active"), ("create", 2, "error")]
)
def test_what_nobody_else_can_do_fails(
    databases: Databases, others: Others, reconciler: Reconciler, workflow: str, attempts: int, vm_state: str
) -> None:
    """Nothing has happened to a server whose host was down; one that was being built is no server yet."""
    if workflow == "create":
        operation = _build(databases, attempts=attempts)
    else:
        operation = databases.operation(databases.server(task_state="rebooting_hard"), workflow)
    others.down = {"host1"}
    reconciler.look()
    row, server = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
    assert (row["state"], row["holder"], row["due_at"]) == ("failed", None, None)
    assert (server["vm_state"], server["task_state"], others.submitted) == (vm_state, None, [])
    assert "host1" in server["fault"].message


def test_what_has_not_ended_by_its_deadline_is_given_up_whoever_has_it(
    databases: Databases, others: Others, reconciler: Reconciler
) -> None:
    operations = [_build(databases, host=host, deadline=LATER) for host in ("host1", None)]
    assert reconciler.look() == 2
    for operation in operations:
        row, server = databases.row(t.operations, operation.uuid), databases.row(t.instances, operation.instance_uuid)
        assert (row["state"], server["vm_state"]) == ("failed", "error")
        assert "did not end in time" in server["fault"].message
    assert (others.hints, others.submitted) == ([], [])


def test_what_cannot_be_looked_after_is_put_off_and_the_others_are_not(
    databases: Databases, others: Others, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    ill = _build(databases, start_time=LATER - datetime.timedelta(seconds=40))
    well = _build(databases, due_at=NOW + datetime.timedelta(seconds=1))
    monkeypatch.setattr(reconciler, "_remind", _failing_for(ill, reconciler._remind))
    reconciler.look()
    assert others.hints == [("at host1", "host1", [well.uuid])]
    row = databases.row(t.operations, ill.uuid)
    assert (row["due_at"], row["epoch"]) == (LATER + datetime.timedelta(seconds=20), 3)


def test_when_a_neighbour_is_away_the_rest_is_left_for_the_next_look(
    databases: Databases, reconciler: Reconciler, monkeypatch: pytest.MonkeyPatch
) -> None:
    operations = [_build(databases) for _ in range(2)]
    tried: list[str] = []

    def away(cell: Any, ctx: Any, operation: Operation, endpoint: str) -> None:
        tried.append(operation.uuid)
        raise errors.Unavailable(reason="the database is away")

    monkeypatch.setattr(reconciler, "_remind", away)
    assert reconciler.look() == 0
    assert len(tried) == 1
    assert [databases.row(t.operations, each.uuid)["due_at"] for each in operations] == [NOW, NOW]


def _failing_for(ill: Operation, remind: Any) -> Any:
    def remind_or_fail(cell: Any, ctx: Any, operation: Operation, endpoint: str) -> None:
        if operation.uuid == ill.uuid:
            raise KeyError("something that nobody thought of")
        remind(cell, ctx, operation, endpoint)

    return remind_or_fail


def test_what_all_hosts_are_is_asked_at_once(databases: Databases, others: Others, reconciler: Reconciler) -> None:
    for host in ("host1", "host2", None):
        _build(databases, host=host)
    reconciler.look()
    assert others.asked[0] == {"host1", "host2"}


@pytest.fixture
def two_cells(tmp_path: Path) -> Iterator[Databases]:
    found = Databases(tmp_path, cells=2)
    yield found
    found.close()


def test_of_a_server_that_has_moved_only_the_record_that_counts_is_looked_after(
    two_cells: Databases, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever has moved it has left a copy: for good when it has gone on elsewhere, and else he may be at it."""
    two_cells.stop_clocks(monkeypatch)
    copies = {}
    for name, epoch in (("abandoned", 4), ("moving", 3)):
        there = _build(two_cells, host=None, epoch=epoch, due_at=None)
        facts = {"uuid": there.instance_uuid, "vm_state": "building", "task_state": "scheduling", "host": None}
        two_cells.server("cell0", mapped=False, **facts)
        copies[name] = two_cells.operation(
            there.instance_uuid, "create", "cell0", uuid=there.uuid, host=None, holder="dead", due_at=NOW
        )
    own = _build(two_cells, "cell0", host=None)
    assert _reconciler(two_cells, others).look() == 1
    assert [ids for *_, ids in others.submitted] == [[own.uuid]]
    for name, rows in (("abandoned", 0), ("moving", 1)):
        copy = copies[name]
        for table, key in (
            (t.instances, copy.instance_uuid), (t.instance_requests, copy.instance_uuid), (t.operations, copy.uuid),
        ):  # fmt: skip
            assert len(two_cells.rows(table, key, "cell0")) == rows
        assert two_cells.row(t.instances, copy.instance_uuid, "cell1")
    assert two_cells.row(t.operations, copies["moving"].uuid, "cell0")["epoch"] == 3


def test_notes_on_commands_that_nobody_can_ask_again_are_removed_every_hour(
    databases: Databases, others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.stop_clocks(monkeypatch)
    clock = [5000.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    reconciler = _reconciler(databases, others)
    every = [databases.cells.api, databases.cell("cell0").database, databases.cell().database]

    def noted() -> list[set[str]]:
        query = sa.select(t.handled_requests.c.request_id)
        return [database.query(lambda c: set(c.execute(query).scalars())) for database in every]

    def note(name: str, age: datetime.timedelta) -> None:
        for database in every:
            database.write(lambda c: handled_requests.is_new(c, name, "lock", LATER - age))

    note("old", datetime.timedelta(hours=25))
    note("new", datetime.timedelta(hours=23))
    clock[0] += 3599
    reconciler._forget_requests()
    assert noted() == [{"old", "new"}] * 3
    clock[0] += 2
    reconciler._forget_requests()
    assert noted() == [{"new"}] * 3
    note("old", datetime.timedelta(hours=25))
    clock[0] += 3599
    reconciler._forget_requests()
    assert noted() == [{"old", "new"}] * 3, "it was done within the hour"
