"""Actions that several hosts take part in: which of them must be up, and in what order a request is judged."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.start import OperationStarter
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.operation import Stop
from novalike.objects.operations.resize import MoveParams
from novalike.objects.server import Server
from tests.fakes.records import context
from tests.unit.conductor.databases import LATER, Databases, changed
from tests.unit.conductor.moves import NEW_FLAVOR, moved
from tests.unit.conductor.test_start import Others

Start = Callable[..., str]
Row = dict[str, Any]
WANTED = {"new_flavor": msgspec.to_builtins(NEW_FLAVOR), "confirm_after": 0}


@pytest.fixture
def others() -> Others:
    return Others()


@pytest.fixture
def start(databases: Databases, others: Others, monkeypatch: pytest.MonkeyPatch) -> Start:
    """Asks for an action on a server; its hosts are host1 and host2."""
    databases.stop_clocks(monkeypatch)
    for host in ("host1", "host2"):
        databases.host(host)
    parts: Any = others
    starter = OperationStarter(databases.conf, databases.cells, Dispatch(parts, parts), parts)

    def ask(server: str, workflow: str, wanted: Any = None, **more: Any) -> str:
        asked = wanted or (lambda _server: WANTED if workflow == "resize" else {"confirm_after": 0})
        if workflow in ("resize_confirm", "resize_revert", "delete"):
            asked = lambda _server: {}  # noqa: E731
        action = {"resize_confirm": "confirmResize", "resize_revert": "revertResize"}.get(workflow, workflow)
        return starter.start(more.pop("ctx", context()), server, action, workflow, asked,
                             **{"override_lock": False, **more})  # fmt: skip

    return ask


def resized(databases: Databases, **facts: Any) -> str:
    """A server that was moved from host1 to host2."""
    server = databases.server(**({"host": "host2", "node": "node2", "vm_state": "resized"} | facts))
    moved(databases, server, source_node="node1")
    return server


def begun(databases: Databases, server: str) -> list[Row]:
    return [row for row in databases.rows(t.operations, server) if row["state"] in ("pending", "running")]


@pytest.mark.parametrize("workflow", ["resize", "migrate"])
def test_a_conductor_looks_for_a_host_first(
    databases: Databases, others: Others, start: Start, workflow: str
) -> None:
    server = databases.server(node="node1")
    made = start(server, workflow)
    assert (others.hints, others.submitted) == ([], [(workflow, "place", [made])])
    (row,) = begun(databases, server)
    assert (row["state"], row["holder"], row["host"], row["at"], row["endpoint"]) == ("running", "me", None, 0, None)
    assert row["route"] == (
        Stop(leg="place", epoch=1), Stop(leg="prepare"), Stop(leg="depart", host="host1", node="node1"),
        Stop(leg="arrive"),
    )  # fmt: skip
    assert databases.row(t.instances, server)["task_state"] == "resize_prep"
    (migration,) = databases.rows(t.migrations, server)
    assert (migration["uuid"], migration["status"], migration["created_at"]) == (made, "pre-migrating", LATER)


@pytest.mark.parametrize(
    ("workflow", "down", "refused"),
    [
        ("resize", {"host1"}, "host1"), ("migrate", {"host1"}, "host1"), ("resize", {"host2"}, None),
        ("resize_confirm", {"host1"}, None), ("resize_confirm", {"host2"}, None),
        ("resize_confirm", {"host1", "host2"}, None), ("resize_revert", {"host1"}, "host1"),
        ("resize_revert", {"host2"}, "host2"), ("delete", {"host1", "host2"}, None),
    ],
)  # fmt: skip
def test_only_hosts_without_which_nobody_can_go_on_must_be_up(
    databases: Databases, others: Others, start: Start, workflow: str, down: set[str], refused: str | None
) -> None:
    server = databases.server() if workflow in ("resize", "migrate") else resized(databases)
    before = databases.row(t.instances, server), databases.rows(t.migrations, server)
    others.down = down
    if refused is None:
        start(server, workflow)
        assert len(begun(databases, server)) == 1
        return
    with pytest.raises(errors.HostDown, match=refused):
        start(server, workflow)
    assert begun(databases, server) == []
    assert (databases.row(t.instances, server), databases.rows(t.migrations, server)) == before
    assert (others.hints, others.submitted) == ([], [])


@pytest.mark.parametrize(
    ("workflow", "down", "route", "at"),
    [
        ("resize_confirm", set(), [("clean", "host1", False), ("release", None, False)], 0),
        ("resize_confirm", {"host1"}, [("clean", "host1", True), ("release", None, False)], 1),
        (
            "resize_revert", set(), [("leave", "host2", False), ("return", None, False), ("resume", "host1", False)],
            0,
        ),
        ("delete", set(), [("clean", "host1", False), ("remove", "host2", False), ("settle", None, False)], 0),
        ("delete", {"host1"}, [("clean", "host1", True), ("remove", "host2", False), ("settle", None, False)], 1),
        ("delete", {"host2"}, [("clean", "host1", False), ("remove", "host2", True), ("settle", None, False)], 0),
        ("delete", {"host1", "host2"}, [("clean", "host1", True), ("remove", "host2", True), ("settle", None, False)],
         2),
    ],
)  # fmt: skip
def test_what_a_host_that_is_down_does_when_it_comes_back_is_left_out(
    databases: Databases, others: Others, start: Start, workflow: str, down: set[str],
    route: list[tuple[str, str | None, bool]], at: int,
) -> None:  # fmt: skip
    server = resized(databases)
    others.down = down
    made = start(server, workflow)
    (row,) = begun(databases, server)
    assert ([(stop.leg, stop.host, stop.skipped) for stop in row["route"]], row["at"]) == (route, at)
    leg, host, _skipped = route[at]
    if host is None:
        assert (others.hints, others.submitted) == ([], [(workflow, leg, [made])])
    else:
        assert (others.hints, others.submitted) == ([(f"at {host}", host, [made])], [])
        # Of the server's own host it was read with the rest.
        assert row["endpoint"] == (f"at {host}" if host == "host2" else None)


def test_a_confirm_leaves_a_server_without_task_state(databases: Databases, start: Start) -> None:
    server = resized(databases)
    before = databases.row(t.instances, server)
    start(server, "resize_confirm")
    assert changed(before, databases.row(t.instances, server)) == {"updated_at": LATER}
    assert [row["status"] for row in databases.rows(t.migrations, server)] == ["confirming"]


@pytest.mark.parametrize("workflow", ["resize_revert", "resize"])
def test_a_host_without_a_service_is_down(databases: Databases, start: Start, workflow: str) -> None:
    server = resized(databases) if workflow == "resize_revert" else databases.server(host="host2")
    databases.execute(sa.delete(t.services).where(t.services.c.host == "host2"))
    with pytest.raises(errors.HostDown):
        start(server, workflow)


class Asked(Exception):
    """The action's parameters were asked for."""


def _ask(_server: Server) -> Any:
    raise Asked


@pytest.mark.parametrize(
    ("facts", "more", "error"),
    [
        ({"locked_by": "owner", "vm_state": "error"}, {}, errors.InstanceIsLocked),
        ({"vm_state": "error", "host": None}, {}, errors.InstanceInvalidState),
        ({"task_state": "rebooting"}, {}, errors.InstanceInvalidState),
        ({"host": None}, {}, errors.InstanceNotReady),
        ({"locked_by": "owner"}, {"override_lock": True}, Asked), ({}, {}, Asked),
        ({"locked_by": "owner"}, {"ctx": context(project_id="other")}, errors.InstanceNotFound),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_looked_at_when_the_server_may_be_moved(
    databases: Databases, start: Start, facts: Row, more: Row, error: type[Exception]
) -> None:
    server = databases.server(**facts)
    with pytest.raises(error):
        start(server, "resize", _ask, **more)
    assert databases.rows(t.operations, server) == []


def test_then_comes_what_the_action_says_then_what_is_checked_besides_then_the_hosts(
    databases: Databases, others: Others, start: Start
) -> None:
    """The state table, the flavor, the quota, and whether the host is up."""
    server, checked = databases.server(), []

    def check(connection: Any, found: Server, params: Row) -> None:
        checked.append((found.uuid, msgspec.convert(params, MoveParams).new_flavor))
        raise errors.Forbidden("quota")

    others.down = {"host1"}
    same = {**WANTED, "new_flavor": msgspec.to_builtins(msgspec.structs.replace(NEW_FLAVOR, flavor_id="1"))}
    with pytest.raises(errors.CannotResizeToSameFlavor):
        # Of a server that boots from a volume, too.
        start(server, "resize", lambda _server: same, check=check)
    assert checked == []
    with pytest.raises(errors.Forbidden):
        start(server, "resize", check=check)
    assert checked == [(server, NEW_FLAVOR)]
    with pytest.raises(errors.HostDown):
        start(server, "resize", check=lambda *_what: None)
    assert databases.rows(t.migrations, server) == []


def test_a_move_that_is_asked_for_again_has_begun_already(databases: Databases, others: Others, start: Start) -> None:
    server, ctx = databases.server(), context()
    made = start(server, "resize", ctx=ctx)
    assert start(server, "resize", _ask, ctx=ctx) == made
    assert len(others.submitted) == len(databases.rows(t.migrations, server)) == 1


def test_the_params_are_those_of_the_server_as_it_is(databases: Databases, start: Start) -> None:
    server, seen = databases.server(vm_state="stopped"), []

    def wanted(found: Server) -> Row:
        seen.append((found.uuid, found.vm_state, found.task_state))
        return WANTED

    start(server, "resize", wanted)
    assert seen == [(server, "stopped", None)]
