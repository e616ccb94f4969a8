"""A request becomes an operation: what is recorded of it, and who is set going."""

import datetime
import uuid
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.start import OperationStarter, ended_operation, new_operation
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import JournalEntry, Stop
from novalike.objects.operations.action import Direction
from novalike.objects.operations.route import at_home
from tests.fakes.records import PROJECT, USER, context
from tests.unit.conductor.databases import LATER, NOW, Databases, changed

SOON = NOW + datetime.timedelta(seconds=10)
LEASE = NOW + datetime.timedelta(seconds=30)


@pytest.mark.parametrize(
    ("workflow", "host", "facts"),
    [
        ("create", None, {
            "state": "running", "holder": "me", "host": None, "at": 0, "due_at": LEASE,
            "route": (Stop(leg="place", epoch=7), Stop(leg="build")),
        }),
        ("stop", "host1", {
            "state": "pending", "holder": None, "host": "host1", "at": 0, "due_at": SOON,
            "route": (Stop(leg="stop", host="host1", node="node1", epoch=7),),
        }),
        ("delete", "host1", {
            "state": "pending", "holder": None, "host": "host1", "at": 0, "due_at": SOON,
            "route": (Stop(leg="remove", host="host1", node="node1", epoch=7), Stop(leg="settle")),
        }),
        ("delete", None, {
            "state": "running", "holder": "me", "host": None, "at": 1, "due_at": LEASE,
            "route": (Stop(leg="remove", node="node1", skipped=True), Stop(leg="settle", epoch=7)),
        }),
    ],
)  # fmt: skip
def test_a_new_operation_waits_for_its_host_or_is_in_the_conductors_hands(
    databases: Databases, workflow: str, host: str | None, facts: dict[str, Any]
) -> None:
    ctx = context()
    row = new_operation(
        ctx, "s1", "action", workflow, NOW, databases.conf, holder="me", sites=at_home(host, "node1"), epoch=7
    )
    assert uuid.UUID(row.pop("uuid"))
    assert row == {
        "instance_uuid": "s1", "action": "action", "workflow": workflow, "request_id": ctx.request_id,
        "user_id": USER, "project_id": PROJECT, "epoch": 7, "attempts": 0, "start_time": NOW, "updated_at": NOW,
        "deadline": NOW + datetime.timedelta(hours=1), "params": {}, "journal": (), "context": ctx.to_wire(), **facts,
    }  # fmt: skip


def test_the_first_epoch_is_one_and_parameters_are_the_actions(databases: Databases) -> None:
    def new(workflow: str, **params: Any) -> dict[str, Any]:
        return new_operation(
            context(), "s1", workflow, workflow, NOW, databases.conf, holder="me", sites=at_home("h", "n"),
            params=params,
        )  # fmt: skip

    assert new("create")["epoch"] == 1
    assert list(new("create", excluded_hosts=["h"])["params"]["excluded_hosts"]) == ["h"]
    for workflow, params in (("create", {"excluded_hosts": "h"}), ("stop", {"excluded_hosts": []})):
        with pytest.raises(errors.Invalid, match=f"Parameters of {workflow}"):
            new(workflow, **params)


def test_what_needs_nobody_is_recorded_as_done() -> None:
    ctx, entry = context(), JournalEntry(event="api_lock", start_time=NOW, finish_time=NOW, result="Success")
    row = ended_operation(ctx, "s1", "lock", NOW, (entry,))
    assert uuid.UUID(row.pop("uuid"))
    assert row == {
        "instance_uuid": "s1", "action": "lock", "workflow": "lock", "request_id": ctx.request_id, "user_id": USER,
        "project_id": PROJECT, "state": "done", "epoch": 0, "attempts": 0, "start_time": NOW, "updated_at": NOW,
        "finish_time": NOW, "params": {}, "journal": (entry,), "context": ctx.to_wire(),
    }  # fmt: skip


class Others:
    """The messenger, the legs and the hosts' status: who was set going, and which hosts are down."""

    holder = "me"

    def __init__(self) -> None:
        self.down: set[str] = set()
        self.hints: list[tuple[str, str, list[str]]] = []
        self.submitted: list[tuple[str, str, list[str]]] = []

    def hint(self, ctx: RequestContext, endpoint: str, host: str, operation_ids: list[str]) -> None:
        self.hints.append((endpoint, host, operation_ids))

    def submit(
        self, ctx: RequestContext, cell: Any, workflow: str, leg: str, direction: str, operation_ids: list[str]
    ) -> None:
        assert direction == Direction.ON
        self.submitted.append((workflow, leg, operation_ids))

    def of(self, hosts: set[str]) -> dict[str, str]:
        return {host: "DOWN" if host in self.down else "UP" for host in hosts}


@pytest.fixture
def others() -> Others:
    return Others()


@pytest.fixture
def start(databases: Databases, others: Others, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Asks for an action of an active server's owner, on ``host1``, whose process is at ``e1``."""
    databases.stop_clocks(monkeypatch)
    databases.host("host1", endpoint="e1")
    parts: Any = others
    starter = OperationStarter(databases.conf, databases.cells, Dispatch(parts, parts), parts)

    def ask(server: str, action: str, *, ctx: RequestContext | None = None, override_lock: bool = False) -> str:
        return starter.start(ctx or context(), server, action, action, lambda _server: {}, override_lock=override_lock)

    return ask


def _open(databases: Databases, server: str) -> list[dict[str, Any]]:
    return [row for row in databases.rows(t.operations, server) if row["state"] in ("pending", "running")]


def test_a_host_that_lives_is_told_and_what_was_being_done_is_given_up(
    databases: Databases, others: Others, start: Any
) -> None:
    server = databases.server(node="node1")
    earlier = databases.operation(server, "stop", epoch=5)
    before = databases.row(t.instances, server)
    made = start(server, "reboot_hard")
    assert (others.hints, others.submitted) == ([("e1", "host1", [made])], [])
    (row,) = _open(databases, server)
    assert {name: row[name] for name in ("uuid", "action", "state", "host", "endpoint", "epoch", "holder", "at")} == {
        "uuid": made, "action": "reboot_hard", "state": "pending", "host": "host1", "endpoint": "e1", "epoch": 6,
        "holder": None, "at": 0,
    }  # fmt: skip
    assert row["route"] == (Stop(leg="reboot", host="host1", node="node1", epoch=6),)
    assert changed(before, databases.row(t.instances, server)) == {
        "task_state": "rebooting_hard", "updated_at": LATER,
    }  # fmt: skip
    ended = databases.row(t.operations, earlier.uuid)
    assert (ended["state"], ended["message"]) == ("superseded", "Superseded by reboot_hard")


def test_what_a_host_that_is_down_would_have_to_do_is_refused(
    databases: Databases, others: Others, start: Any
) -> None:
    server = databases.server()
    before = databases.row(t.instances, server)
    others.down = {"host1"}
    with pytest.raises(errors.HostDown):
        start(server, "stop")
    assert (_open(databases, server), databases.row(t.instances, server)) == ([], before)
    assert (others.hints, others.submitted) == ([], [])


@pytest.mark.parametrize("how", ["down", "without a service", "nowhere"])
def test_a_server_whose_host_cannot_be_asked_is_deleted_by_a_conductor(
    databases: Databases, others: Others, start: Any, how: str
) -> None:
    host = None if how == "nowhere" else "host1"
    server = databases.server(host=host, node=host)
    if how == "down":
        others.down = {"host1"}
    elif how == "without a service":
        databases.execute(sa.delete(t.services))
    made = start(server, "delete")
    assert (others.hints, others.submitted) == ([], [("delete", "settle", [made])])
    (row,) = _open(databases, server)
    assert (row["state"], row["holder"], row["host"], row["endpoint"]) == ("running", "me", None, None)
    assert row["due_at"] == LATER + datetime.timedelta(seconds=30)
    assert databases.row(t.instances, server)["task_state"] == "deleting"


def test_a_request_that_is_asked_again_has_begun_already(databases: Databases, others: Others, start: Any) -> None:
    server, ctx = databases.server(), context()
    made = start(server, "stop", ctx=ctx)
    assert start(server, "stop", ctx=ctx) == made
    assert len(databases.rows(t.operations, server)) == len(others.hints) == 1


def test_who_may_not_is_told_so(databases: Databases, start: Any) -> None:
    server = databases.server(locked_by="owner")
    stranger = context(project_id="other")
    for ctx, error in ((context(), errors.InstanceIsLocked), (stranger, errors.InstanceNotFound)):
        with pytest.raises(error):
            start(server, "stop", ctx=ctx)
    assert databases.rows(t.operations, server) == []
    start(server, "stop", ctx=context(project_id="other", is_admin=True), override_lock=True)
    assert len(databases.rows(t.operations, server)) == 1
