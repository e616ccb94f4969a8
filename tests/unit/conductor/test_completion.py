"""How operations end: what is recorded of them, and what their servers are then."""

import datetime
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.conductor.operations import completion
from novalike.db.cell import tables as t
from novalike.objects.network import RequestedNetwork, Vif
from novalike.objects.operation import JournalEntry, Operation, Outcome
from novalike.objects.server import Fault
from tests.unit.conductor.databases import LATER, NOW, Databases, changed

ENTRY = JournalEntry(event="compute_start", start_time=NOW, finish_time=LATER, result="Success", host="host1")
VIF = Vif(port_id="port", network_id="net", network_name="private", mac="fa:16:3e:00:00:01")
ASKED = {
    "user_data": "YQ==", "admin_password": "secret", "guest_password": "sealed",
    "networks": (RequestedNetwork(network_id="net"),),
}  # fmt: skip
LEASE = datetime.timedelta(seconds=30)


def end(databases: Databases, operation: Operation, **facts: Any) -> bool:
    outcome = Outcome(operation_id=operation.uuid, epoch=operation.epoch, **facts)
    return databases.cell().database.write(
        lambda c: completion.end(c, databases.conf, operation, outcome, LATER)
    )


def test_what_was_done_is_recorded_with_what_the_server_is_now(databases: Databases) -> None:
    fault = Fault(code=500, message="it was ill", created_at=NOW)
    server = databases.server(
        asked=ASKED, vm_state="stopped", task_state="powering-on", power_state=4, fault=fault, progress=50
    )
    operation = databases.operation(server, "start")
    tables = ((t.operations, operation.uuid), (t.instances, server), (t.instance_requests, server))
    before = [databases.row(table, key) for table, key in tables]
    assert end(databases, operation, entries=(ENTRY,), power_state=1, vifs=(VIF,), root_device_name="/dev/sda")
    of_operation, of_server, of_request = (
        changed(was, databases.row(table, key)) for was, (table, key) in zip(before, tables, strict=True)
    )
    assert of_operation == {
        "state": "done", "finish_time": LATER, "updated_at": LATER, "due_at": None, "holder": None,
        "journal": (ENTRY,),
    }  # fmt: skip
    assert of_server == {
        "vm_state": "active", "task_state": None, "power_state": 1, "vifs": (VIF,), "vifs_version": 1,
        "root_device_name": "/dev/sda", "fault": None, "progress": 0, "updated_at": LATER,
    }  # fmt: skip
    assert of_request == {}


@pytest.mark.parametrize("keeps", [False, True])
def test_what_has_failed_is_recorded_with_the_reason(databases: Databases, keeps: bool) -> None:
    server = databases.server(task_state="rebooting_hard", progress=50, root_device_name="/dev/vda")
    operation = databases.operation(server, "reboot_hard")
    before = databases.row(t.operations, operation.uuid), databases.row(t.instances, server)
    assert end(
        databases, operation, entries=(ENTRY,), error="no" * 200, error_code=507, details="trace", keep_vm_state=keeps
    )
    assert changed(before[0], databases.row(t.operations, operation.uuid)) == {
        "state": "failed", "finish_time": LATER, "updated_at": LATER, "due_at": None, "holder": None,
        "message": "Error", "journal": (ENTRY,),
    }  # fmt: skip
    fault = Fault(code=507, message=("no" * 200)[:255], created_at=LATER, details="trace")
    state = {"task_state": None} if keeps else {"task_state": None, "vm_state": "error"}
    assert changed(before[1], databases.row(t.instances, server)) == {**state, "fault": fault, "updated_at": LATER}


@pytest.mark.parametrize(
    ("workflow", "host", "outcome", "due"),
    [
        ("create", None, {"error": "no"}, LEASE),
        ("create", None, {"error": "no", "left_host": True}, datetime.timedelta(0)),
        ("create", "host1", {"error": "no", "left_host": True}, datetime.timedelta(0)),
        ("create", "host1", {"error": "no"}, None), ("create", "host1", {}, None),
        ("delete", None, {}, LEASE), ("delete", "host1", {}, None),
        ("reboot_hard", None, {"error": "no"}, None), ("reboot_hard", "host1", {"error": "no"}, None),
    ],
)  # fmt: skip
def test_what_a_server_on_no_host_still_has_is_looked_for_once_nothing_can_come_late(
    databases: Databases, workflow: str, host: str | None, outcome: dict[str, Any], due: datetime.timedelta | None
) -> None:
    states = {"create": ("building", "spawning"), "delete": ("active", "deleting")}
    vm_state, task_state = states.get(workflow, ("active", "rebooting_hard"))
    server = databases.server(vm_state=vm_state, task_state=task_state, host=host, node=host)
    operation = databases.operation(server, workflow, host=host)
    assert end(databases, operation, **outcome)
    due_at = databases.row(t.operations, operation.uuid)["due_at"]
    assert due_at == (None if due is None else LATER + due)


@pytest.mark.parametrize("workflow", ["create", "delete"])
@pytest.mark.parametrize("outcome", [{}, {"error": "no", "left_host": True}], ids=["done", "failed"])
def test_who_does_not_hold_the_operation_any_more_ends_nothing(
    databases: Databases, workflow: str, outcome: dict[str, Any]
) -> None:
    task_state = "spawning" if workflow == "create" else "deleting"
    server = databases.server(asked=ASKED, vm_state="building", task_state=task_state)
    operation = databases.operation(server, workflow)
    tables = ((t.operations, operation.uuid), (t.instances, server), (t.instance_requests, server))
    before = [databases.row(table, key) for table, key in tables]
    assert end(databases, msgspec.structs.replace(operation, epoch=2), **outcome) is False
    assert [databases.row(table, key) for table, key in tables] == before


def test_a_deleted_server_takes_its_secrets_with_it_and_nobody_elses(databases: Databases) -> None:
    gone, stays = (databases.server(asked=ASKED, task_state="deleting", vifs=(VIF,)) for _ in range(2))
    for server in (gone, stays):
        databases.execute(sa.insert(t.instance_tags).values(instance_uuid=server, tag="web"))
        databases.execute(sa.insert(t.console_auth_tokens).values(
            token_hash=server, instance_uuid=server, console_type="novnc", host="host1", port=5900, expires=LATER
        ))  # fmt: skip
    everything = (t.instances, t.instance_requests, t.instance_tags, t.console_auth_tokens)
    before = {server: [databases.rows(table, server) for table in everything] for server in (gone, stays)}
    assert end(databases, databases.operation(gone, "delete"))
    assert [databases.rows(table, stays) for table in everything] == before[stays]
    ((server,), (request,), tags, tokens) = (databases.rows(table, gone) for table in everything)
    assert changed(before[gone][0][0], server) == {
        "deleted": True, "deleted_at": LATER, "terminated_at": LATER, "updated_at": LATER, "vm_state": "deleted",
        "task_state": None, "power_state": 0, "vifs": (), "vifs_version": 1,
    }  # fmt: skip
    assert changed(before[gone][1][0], request) == {
        "user_data": None, "admin_password": None, "guest_password": None,
    }  # fmt: skip
    assert (tags, tokens) == ([], [])


def test_a_server_that_has_been_built_has_been_launched_and_needs_its_password_no_longer(databases: Databases) -> None:
    built, other = (databases.server(asked=ASKED, vm_state="building", task_state="spawning") for _ in range(2))
    before = databases.row(t.instances, built), databases.row(t.instance_requests, built)
    assert end(databases, databases.operation(built, "create"))
    assert changed(before[0], databases.row(t.instances, built)) == {
        "vm_state": "active", "task_state": None, "launched_at": LATER, "updated_at": LATER,
    }  # fmt: skip
    assert changed(before[1], databases.row(t.instance_requests, built)) == {"admin_password": None}
    assert databases.row(t.instance_requests, other)["admin_password"] == "secret"


@pytest.mark.parametrize(("host", "news"), [("host1", {"host1"}), (None, set())])
def test_a_build_that_has_left_its_host_is_on_none_and_the_scheduler_is_told_of_that_host(
    databases: Databases, host: str | None, news: set[str]
) -> None:
    for name in ("host1", "host2"):
        databases.host(name)
    databases.execute(sa.update(t.compute_nodes).values(updated_at=NOW))
    server = databases.server(vm_state="building", task_state="spawning", host=host, node=host)
    assert end(databases, databases.operation(server, "create", host=host), error="no", left_host=True)
    row = databases.row(t.instances, server)
    assert (row["host"], row["node"], row["vm_state"]) == (None, None, "error")
    nodes = sa.select(t.compute_nodes.c.host).where(t.compute_nodes.c.updated_at != NOW)
    assert databases.cell().database.query(lambda c: set(c.execute(nodes).scalars())) == news


@pytest.mark.parametrize(
    ("outcome", "vm_state"),
    [({"power_state": 1}, "active"), ({"power_state": 4}, "stopped"), ({}, "active"),
     ({"power_state": 4, "error": "no"}, "error")],
    ids=str,
)  # fmt: skip
def test_a_guest_that_has_stopped_again_already_makes_its_server_stopped(
    databases: Databases, outcome: dict[str, Any], vm_state: str
) -> None:
    server = databases.server(task_state="rebooting_hard", power_state=7)
    assert end(databases, databases.operation(server, "reboot_hard"), **outcome)
    row = databases.row(t.instances, server)
    assert (row["vm_state"], row["power_state"]) == (vm_state, outcome.get("power_state", 7))


@pytest.mark.parametrize("outcome", [{}, {"error": "no"}], ids=["done", "failed"])
def test_a_server_that_is_not_in_a_state_that_its_operation_ends_from_stays_what_it_is(
    databases: Databases, outcome: dict[str, Any]
) -> None:
    server = databases.server(vm_state="error")
    operation, before = databases.operation(server, "start"), databases.row(t.instances, server)
    assert end(databases, operation, power_state=1, **outcome)
    assert databases.row(t.instances, server) == before
    assert databases.row(t.operations, operation.uuid)["state"] == ("failed" if outcome else "done")
