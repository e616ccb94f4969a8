"""An operation changes hands: what is recorded of it and of its server, and that whoever had it before is fenced."""

import datetime
from typing import Any

import msgspec
import pytest

from novalike.conductor.operations import hand_over as module
from novalike.conductor.operations.hand_over import hand_over, take_away, take_up
from novalike.db.cell import tables as t
from novalike.objects.operation import JournalEntry, Operation, Stop
from tests.unit.conductor.databases import LATER, NOW, Databases, changed

ENTRY = JournalEntry(event="conductor_place", start_time=NOW, finish_time=LATER, result="Success", host="ctl")
PLACE, BUILD = Stop(leg="place", epoch=3), Stop(leg="build")
SOON = LATER + datetime.timedelta(seconds=10)
LEASE = LATER + datetime.timedelta(seconds=30)


@pytest.fixture
def placed(databases: Databases) -> Operation:
    """A build whose server has been placed by this conductor, which holds it."""
    server = databases.server(vm_state="building", task_state="scheduling", host=None, node=None)
    return databases.operation(server, "create", host=None, holder="me", route=(PLACE, BUILD), at=0)


def _give_to_host(databases: Databases, operation: Operation, **more: Any) -> Operation | None:
    def write(connection: Any) -> Operation | None:
        return hand_over(
            connection, databases.conf, operation, 1, LATER, route=(PLACE, BUILD), journal=(ENTRY,), host="host1",
            node="node1", of_row={"endpoint": "e1"}, of_server={"host": "host1", "node": "node1"}, **more,
        )  # fmt: skip

    return databases.cell().database.write(write)


@pytest.mark.parametrize(("task_state", "recorded"), [(None, "networking"), ("spawning", "spawning")])
def test_a_host_that_is_given_an_operation_is_to_take_it_up_soon(
    databases: Databases, placed: Operation, task_state: str | None, recorded: str
) -> None:
    before = databases.row(t.operations, placed.uuid), databases.row(t.instances, placed.instance_uuid)
    handed = _give_to_host(databases, placed, task_state=task_state)
    route = (PLACE, Stop(leg="build", host="host1", node="node1", epoch=4))
    assert changed(before[0], databases.row(t.operations, placed.uuid)) == {
        "state": "pending", "epoch": 4, "holder": None, "host": "host1", "endpoint": "e1", "route": route, "at": 1,
        "journal": (ENTRY,), "updated_at": LATER, "due_at": SOON,
    }  # fmt: skip
    assert changed(before[1], databases.row(t.instances, placed.instance_uuid)) == {
        "task_state": recorded, "host": "host1", "node": "node1", "updated_at": LATER,
    }  # fmt: skip
    assert handed is not None
    assert (handed.epoch, handed.holder, handed.host, handed.at, handed.route) == (4, None, "host1", 1, route)


def test_a_conductor_that_is_given_an_operation_has_it_for_as_long_as_a_lease(databases: Databases) -> None:
    server = databases.server(task_state="deleting")
    left = Stop(leg="remove", host="host1", node="node1", epoch=3, skipped=True)
    operation = databases.operation(server, "delete", state="pending", holder=None, route=(left, Stop(leg="settle")))
    before = databases.row(t.operations, operation.uuid), databases.row(t.instances, server)
    handed = databases.cell().database.write(
        lambda c: hand_over(
            c, databases.conf, operation, 1, LATER, route=(left, Stop(leg="settle")), journal=[ENTRY], holder="me"
        )
    )
    route = (left, Stop(leg="settle", epoch=4))
    assert changed(before[0], databases.row(t.operations, operation.uuid)) == {
        "state": "running", "epoch": 4, "holder": "me", "host": None, "route": route, "at": 1, "journal": (ENTRY,),
        "updated_at": LATER, "due_at": LEASE,
    }  # fmt: skip
    assert changed(before[1], databases.row(t.instances, server)) == {"updated_at": LATER}
    assert handed is not None
    assert (handed.epoch, handed.holder, handed.host, handed.at, handed.route) == (4, "me", None, 1, route)


def test_who_has_been_overtaken_hands_nothing_over(databases: Databases, placed: Operation) -> None:
    before = databases.row(t.operations, placed.uuid), databases.row(t.instances, placed.instance_uuid)
    assert _give_to_host(databases, msgspec.structs.replace(placed, epoch=2)) is None
    assert (databases.row(t.operations, placed.uuid), databases.row(t.instances, placed.instance_uuid)) == before


@pytest.mark.parametrize(
    ("holder", "epoch", "sequence"), [("worker", 3, 5), ("its successor", 4, 0)], ids=["again", "anew"]
)
def test_a_process_that_takes_up_what_it_has_already_keeps_it_as_it_is(
    databases: Databases, holder: str, epoch: int, sequence: int
) -> None:
    """What the first answer led to must not be fenced by the second; another process is another worker."""
    operation = databases.operation(databases.server(task_state="rebooting_hard"), "reboot_hard", sequence=5)
    held = databases.cell().database.write(lambda c: take_up(c, operation, holder, LATER, SOON))
    assert held is not None
    assert held == msgspec.structs.replace(operation, holder=holder, epoch=epoch, sequence=sequence)
    row = databases.row(t.operations, operation.uuid)
    facts = {"state": "running", "holder": holder, "epoch": epoch, "sequence": sequence, "updated_at": LATER,
             "due_at": SOON}  # fmt: skip
    assert {name: row[name] for name in facts} == facts


def test_what_is_taken_up_is_running(databases: Databases) -> None:
    server = databases.server(task_state="rebooting_hard")
    operation = databases.operation(server, "reboot_hard", state="pending", holder=None)
    held = databases.cell().database.write(lambda c: take_up(c, operation, "worker", LATER, SOON))
    assert held is not None
    assert (held.state, held.holder) == ("running", "worker")
    assert databases.row(t.operations, operation.uuid)["state"] == "running"
    gone = msgspec.structs.replace(held, epoch=2)
    assert databases.cell().database.write(lambda c: take_up(c, gone, "other", LATER, SOON)) is None
    assert databases.row(t.operations, operation.uuid)["holder"] == "worker"


def test_what_is_taken_away_is_nobodys(databases: Databases) -> None:
    operation = databases.operation(databases.server(task_state="rebooting_hard"), "reboot_hard")
    before = databases.row(t.operations, operation.uuid)
    database = databases.cell().database
    assert not database.write(lambda c: take_away(c, msgspec.structs.replace(operation, epoch=2), LATER))
    assert databases.row(t.operations, operation.uuid) == before
    assert database.write(lambda c: take_away(c, operation, LATER, due_at=SOON))
    assert changed(before, databases.row(t.operations, operation.uuid)) == {
        "epoch": 4, "holder": None, "updated_at": LATER, "due_at": SOON,
    }  # fmt: skip


def test_a_conductor_is_given_a_lease_and_a_host_the_time_to_hear_of_it(databases: Databases) -> None:
    databases.conf.set_override("operation_lease", 70, "conductor")
    databases.conf.set_override("operation_resend_after", 7, "conductor")
    assert module.due_at(databases.conf, LATER, "me") == LATER + datetime.timedelta(seconds=70)
    assert module.due_at(databases.conf, LATER, None) == LATER + datetime.timedelta(seconds=7)
