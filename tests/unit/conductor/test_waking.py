"""What is done to servers by itself when its time has come."""

import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.start import OperationStarter
from novalike.conductor.operations.waking import WORKFLOWS, Waker
from novalike.db.cell import tables as t
from novalike.db.cell import wakes as wakes_db
from novalike.db.cell.wakes import Wake
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operations import ACTIONS
from tests.unit.conductor.databases import LATER, NOW, Databases, changed
from tests.unit.conductor.moves import moved

AGAIN = LATER + datetime.timedelta(seconds=60)
SECOND = datetime.timedelta(seconds=1)


class Starter:
    """Starts what it is told to, or raises."""

    def __init__(self) -> None:
        self.started: list[tuple[str, str, str]] = []
        self.fails: dict[str, Exception] = {}

    def start(
        self, ctx: RequestContext, server_id: str, action: str, workflow: str, params: Any, *, override_lock: bool
    ) -> str:
        assert ctx.is_admin
        assert override_lock
        assert params(None) == {}
        if server_id in self.fails:
            raise self.fails[server_id]
        self.started.append((server_id, action, workflow))
        return "operation"


@pytest.fixture
def starter() -> Starter:
    return Starter()


@pytest.fixture
def waker(databases: Databases, starter: Starter, monkeypatch: pytest.MonkeyPatch) -> Waker:
    databases.stop_clocks(monkeypatch)
    parts: Any = starter
    return Waker(parts)


def sleeping(databases: Databases, at: datetime.datetime | None = LATER, **facts: Any) -> str:
    state = {"vm_state": "resized", "wake_at": at, "wake_action": "confirm_resize"}
    return databases.server(**(state | facts))


def wake_at(databases: Databases, server: str) -> datetime.datetime:
    found: datetime.datetime = databases.row(t.instances, server)["wake_at"]
    return found


def due(databases: Databases, limit: int = 9) -> list[Wake]:
    return databases.cell().database.query(lambda c: wakes_db.due(c, LATER, limit))


def test_those_whose_time_has_come_are_woken(databases: Databases, starter: Starter, waker: Waker) -> None:
    now, earlier = sleeping(databases), sleeping(databases, NOW)
    sleeping(databases, LATER + SECOND)
    sleeping(databases, None, wake_action=None)
    sleeping(databases, deleted=True, vm_state="deleted")
    assert waker.look_into(databases.cell()) == 2
    assert starter.started == [(each, "confirmResize", "resize_confirm") for each in (earlier, now)]
    assert waker.look_into(databases.cell()) == 0


def test_who_has_waited_longest_comes_first(databases: Databases) -> None:
    servers = [sleeping(databases, LATER - number * SECOND) for number in (1, 3, 2)]
    assert [wake.instance_uuid for wake in due(databases, 2)] == [servers[1], servers[2]]
    assert due(databases)[0] == Wake(servers[1], "confirm_resize", LATER - 3 * SECOND)


def test_of_two_conductors_one_wakes_a_server(databases: Databases, starter: Starter, waker: Waker) -> None:
    server = sleeping(databases)
    (wake,) = due(databases)
    cell = databases.cell()
    before = databases.row(t.instances, server)
    assert cell.database.write(lambda c: wakes_db.put_off(c, wake, AGAIN))
    assert changed(before, databases.row(t.instances, server)) == {"wake_at": AGAIN}
    assert not cell.database.write(lambda c: wakes_db.put_off(c, wake, AGAIN + SECOND))
    assert wake_at(databases, server) == AGAIN
    # As one that has seen it as well, before.
    assert waker._wake(cell, wake, LATER) is False
    assert starter.started == []


def test_who_is_put_off_is_not_anybody_else(databases: Databases) -> None:
    server, other = sleeping(databases), sleeping(databases)
    cell = databases.cell()
    cell.database.write(lambda c: wakes_db.put_off(c, Wake(server, "confirm_resize", LATER), AGAIN))
    assert (wake_at(databases, server), wake_at(databases, other)) == (AGAIN, LATER)


@pytest.mark.parametrize("error", [errors.HostDown(host="host1"), RuntimeError("ours")], ids=["refused", "a fault"])
def test_what_is_refused_is_tried_again_a_minute_later_and_holds_up_no_other(
    databases: Databases, starter: Starter, waker: Waker, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    refused, other = sleeping(databases, NOW), sleeping(databases)
    starter.fails[refused] = error
    assert waker.look_into(databases.cell()) == 1
    assert [server for server, *_ in starter.started] == [other]
    assert wake_at(databases, refused) == AGAIN
    starter.fails.clear()
    assert waker.look_into(databases.cell()) == 0
    databases.stop_clocks(monkeypatch, AGAIN)
    assert waker.look_into(databases.cell()) == 2
    assert starter.started[1][0] in (refused, other)


def test_what_a_later_release_has_to_do_is_left_to_that(
    databases: Databases, starter: Starter, waker: Waker
) -> None:
    theirs, ours = sleeping(databases, NOW, wake_action="fly"), sleeping(databases)
    assert waker.look_into(databases.cell()) == 1
    assert [server for server, *_ in starter.started] == [ours]
    assert wake_at(databases, theirs) == NOW


def test_when_a_database_is_away_the_others_are_not_tried(
    databases: Databases, starter: Starter, waker: Waker
) -> None:
    away, other = sleeping(databases, NOW), sleeping(databases)
    starter.fails[away] = errors.Unavailable(reason="away")
    with pytest.raises(errors.Unavailable):
        waker.look_into(databases.cell())
    assert starter.started == []
    assert (wake_at(databases, away), wake_at(databases, other)) == (AGAIN, LATER)


def test_not_all_are_woken_at_once(
    databases: Databases, starter: Starter, waker: Waker, monkeypatch: pytest.MonkeyPatch
) -> None:
    limits = []

    def none(connection: Any, now: Any, limit: int) -> list[Wake]:
        limits.append((now, limit))
        return []

    monkeypatch.setattr(wakes_db, "due", none)
    assert waker.look_into(databases.cell()) == 0
    assert limits == [(LATER, 100)]


def test_all_that_can_be_woken_is_in_the_state_table() -> None:
    for action, workflow in WORKFLOWS.values():
        assert ACTIONS[workflow].verb == action


class Nobody:
    """The legs, the messenger and the hosts' status: all are up."""

    holder = "me"

    def hint(self, *told: Any) -> None:
        pass

    submit = hint

    def of(self, hosts: set[str]) -> dict[str, str]:
        return dict.fromkeys(hosts, "UP")


@pytest.mark.parametrize("facts", [{}, {"locked_by": "owner"}], ids=str)
def test_a_move_is_confirmed_by_itself(databases: Databases, monkeypatch: pytest.MonkeyPatch, facts: Any) -> None:
    """Locked or not; and afterwards there is nothing to be woken for."""
    databases.stop_clocks(monkeypatch)
    for host in ("host1", "host2"):
        databases.host(host)
    server = sleeping(databases, host="host2", node="host2", **facts)
    moved(databases, server)
    parts: Any = Nobody()
    waker = Waker(OperationStarter(databases.conf, databases.cells, Dispatch(parts, parts), parts))
    assert waker.look_into(databases.cell()) == 1
    begun = sa.select(t.operations.c.action, t.operations.c.host).where(t.operations.c.workflow == "resize_confirm")
    assert databases.cell().database.query(lambda c: c.execute(begun).all()) == [("confirmResize", "host1")]
    row = databases.row(t.instances, server)
    assert (row["wake_at"], row["wake_action"]) == (None, None)
    assert waker.look_into(databases.cell()) == 0


@pytest.mark.parametrize("facts", [{"vm_state": "active"}, {"task_state": "deleting"}], ids=str)
def test_what_is_not_to_be_confirmed_any_more_is_left_alone(
    databases: Databases, monkeypatch: pytest.MonkeyPatch, facts: Any
) -> None:
    databases.stop_clocks(monkeypatch)
    server = sleeping(databases, **facts)
    before = databases.row(t.instances, server)
    parts: Any = Nobody()
    waker = Waker(OperationStarter(databases.conf, databases.cells, Dispatch(parts, parts), parts))
    assert waker.look_into(databases.cell()) == 0
    assert changed(before, databases.row(t.instances, server)) == {"wake_at": AGAIN}
    assert databases.rows(t.operations, server) == []
