"""Locks and states that an administrator sets: whose servers, and what is recorded."""

from collections.abc import Callable
from typing import Any

import pytest

from novalike.conductor.servers.marks import ServerMarksHandler
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import JournalEntry
from tests.fakes.records import context
from tests.unit.conductor.databases import LATER, Databases, changed

Mark = Callable[..., None]


@pytest.fixture
def marks(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> ServerMarksHandler:
    databases.stop_clocks(monkeypatch)
    return ServerMarksHandler(databases.conf, databases.cells)


def _marking(marks: ServerMarksHandler, name: str) -> Mark:
    more = {"vm_state": "error"} if name == "reset_state" else {}
    return lambda ctx, server: getattr(marks, name)(ctx, server_id=server, **more)


@pytest.mark.parametrize("name", ["lock", "unlock", "reset_state"])
def test_somebody_elses_server_is_not_there(databases: Databases, marks: ServerMarksHandler, name: str) -> None:
    server = databases.server(locked_by="owner", locked_reason="mine")
    before = databases.row(t.instances, server)
    with pytest.raises(errors.InstanceNotFound):
        _marking(marks, name)(context(project_id="another"), server)
    assert databases.row(t.instances, server) == before
    assert databases.rows(t.operations, server) == []
    _marking(marks, name)(context(project_id="another", is_admin=True), server)
    assert databases.rows(t.operations, server)


@pytest.mark.parametrize("name", ["lock", "unlock", "reset_state"])
def test_a_server_that_is_no_more_is_not_there(databases: Databases, marks: ServerMarksHandler, name: str) -> None:
    server = databases.server(deleted=True, vm_state="deleted")
    for uuid in (server, "00000000-0000-4000-8000-000000000000"):
        with pytest.raises(errors.InstanceNotFound):
            _marking(marks, name)(context(is_admin=True), uuid)


def _owner() -> RequestContext:
    return context()


def _admin() -> RequestContext:
    return context(project_id="admins", user_id="admin", is_admin=True)


@pytest.mark.parametrize(
    ("who", "name", "before", "after", "events"),
    [
        (_owner, "lock", {}, {"locked_by": "owner"}, ["api_lock"]),
        (_admin, "lock", {}, {"locked_by": "admin"}, ["api_lock"]),
        (_owner, "lock", {"locked_by": "owner"}, {}, None), (_owner, "lock", {"locked_by": "admin"}, {}, None),
        (_admin, "lock", {"locked_by": "owner", "locked_reason": "his"}, {"locked_by": "admin"}, ["api_lock"]),
        (_owner, "unlock", {"locked_by": "owner", "locked_reason": "mine"},
         {"locked_by": None, "locked_reason": None}, ["api_unlock"]),
        (_admin, "reset_state", {"task_state": "rebooting"},
         {"vm_state": "error", "task_state": None, "updated_at": LATER}, []),
    ],
)  # fmt: skip
def test_what_is_recorded(
    databases: Databases, marks: ServerMarksHandler, who: Callable[[], RequestContext], name: str,
    before: dict[str, Any], after: dict[str, Any], events: list[str] | None,
) -> None:  # fmt: skip
    server, ctx = databases.server(**before), who()
    row = databases.row(t.instances, server)
    _marking(marks, name)(ctx, server)
    assert changed(row, databases.row(t.instances, server)) == after
    if events is None:
        assert databases.rows(t.operations, server) == []
        return
    recorded = databases.row(t.operations, server)
    entry = {"start_time": LATER, "finish_time": LATER, "result": "Success", "host": "ctl"}
    action = "resetState" if name == "reset_state" else name
    facts = {
        "instance_uuid": server, "action": action, "state": "done", "request_id": ctx.request_id,
        "user_id": ctx.user_id, "project_id": ctx.project_id, "start_time": LATER, "finish_time": LATER,
        "updated_at": LATER, "due_at": None, "holder": None, "message": None,
        "journal": tuple(JournalEntry(event=event, **entry) for event in events),
    }  # fmt: skip
    assert {name: recorded[name] for name in facts} == facts
