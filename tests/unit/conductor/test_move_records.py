"""What moving a server writes beside its operation: its migration, and its host and flavor as they change."""

import datetime
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.conductor.operations.records import records_of
from novalike.conductor.operations.records.base import Beginning, Columns, End, Records
from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.image import Image
from novalike.objects.operation import Operation, Outcome
from novalike.objects.operations.action import Direction, Seat
from novalike.objects.operations.delete import DeleteParams
from novalike.objects.operations.resize import MoveParams, SettleMoveParams
from novalike.objects.operations.route import Site
from tests.fakes.records import USER
from tests.unit.conductor.databases import FLAVOR, LATER, Databases, changed
from tests.unit.conductor.moves import MOVE, NEW_FLAVOR, at, migrate, moved

DUE = LATER + datetime.timedelta(seconds=60)
AT_SOURCE = {
    "host": "host1", "node": "node1", "availability_zone": "west", "flavorid": "1", "memory_mb": 512, "vcpus": 1,
    "root_gb": 1, "ephemeral_gb": 0, "flavor": FLAVOR,
}  # fmt: skip
AT_DESTINATION = {
    "host": "host2", "node": "node2", "availability_zone": "east", "flavorid": "2", "memory_mb": 1024, "vcpus": 2,
    "root_gb": 4, "ephemeral_gb": 3, "flavor": NEW_FLAVOR,
}  # fmt: skip
Row = dict[str, Any]


def begins(databases: Databases, workflow: str, server: str, *, migrations: int = 0, **params: Any) -> Beginning:
    """What an operation on a server begins with."""
    database = databases.cell().database
    found = database.query(lambda c: servers_db.get(c, server))
    assert found is not None
    return database.write(lambda c: records_of(workflow).begins(c, found, params, migrations=migrations))


def write(databases: Databases, operation: Operation, what: Callable[[Records, Any], Any]) -> Any:
    return databases.cell().database.write(lambda c: what(records_of(operation.workflow), c))


def handed_over(databases: Databases, operation: Operation, direction: Direction = Direction.ON) -> Columns:
    """Write that an operation goes to the leg that it is at."""
    assert operation.route is not None
    stop = operation.route[operation.at]
    found: Columns = write(databases, operation, lambda r, c: r.handed_over(c, operation, stop, direction, LATER))
    return found


def done(databases: Databases, operation: Operation) -> End:
    outcome = Outcome(operation_id=operation.uuid, epoch=3)
    found: End = write(databases, operation, lambda r, c: r.done(c, operation, outcome, LATER))
    return found


def failed(databases: Databases, operation: Operation) -> Columns:
    outcome = Outcome(operation_id=operation.uuid, epoch=3, error="no")
    found: Columns = write(databases, operation, lambda r, c: r.failed(c, operation, outcome, LATER))
    return found


def migration(databases: Databases, uuid: str) -> Row:
    return databases.row(t.migrations, uuid)


def status(databases: Databases, uuid: str) -> str:
    found: str = migration(databases, uuid)["status"]
    return found


# -- a move begins


@pytest.mark.parametrize("workflow", ["resize", "migrate"])
def test_a_move_begins_with_all_that_is_needed_to_go_back(databases: Databases, workflow: str) -> None:
    server = databases.server(vm_state="stopped", node="node1", availability_zone="west")
    params: Row = {"confirm_after": 60}
    if workflow == "resize":
        params |= {"new_flavor": msgspec.to_builtins(NEW_FLAVOR), "auto_disk_config": True}
    else:
        params |= {"host": "host2"}
    begun = begins(databases, workflow, server, **params)
    expected = msgspec.structs.replace(MOVE, old_vm_state="stopped")
    if workflow == "migrate":
        expected = msgspec.structs.replace(expected, new_flavor=FLAVOR, auto_disk_config=None, host="host2")
    assert msgspec.convert(begun.params, MoveParams) == expected
    here = (Site("host1", "node1"),)
    assert begun.sites == {Seat.HOME: here, Seat.SOURCE: here}


@pytest.mark.parametrize("wanted", [{}, {"host": None}], ids=str)
def test_where_to_is_left_to_the_scheduler_unless_it_was_said(databases: Databases, wanted: Row) -> None:
    begun = begins(databases, "migrate", databases.server(), confirm_after=0, **wanted)
    move = msgspec.convert(begun.params, MoveParams)
    assert (move.host, move.confirm_after, move.source_zone) == (None, 0, None)


@pytest.mark.parametrize(
    ("facts", "more", "error"),
    [
        ({"flavor_id": "1"}, {}, errors.CannotResizeToSameFlavor), ({"root_gb": 0}, {}, errors.CannotResizeDisk),
        ({"memory_mb": 8}, {}, errors.Invalid), ({"root_gb": 4}, {}, None),
        ({"root_gb": 0}, {"root_gb": 0, "may_use_zero_disk": False}, errors.Forbidden),
        ({"root_gb": 0}, {"root_gb": 0, "may_use_zero_disk": True}, None), ({"root_gb": 0}, {"root_gb": 0}, None),
    ],
    ids=str,
)  # fmt: skip
def test_a_flavor_that_the_server_cannot_have_is_refused(
    databases: Databases, facts: Row, more: Row, error: type[Exception] | None
) -> None:
    image = Image(id="i", name="i", disk_format="raw", min_ram=9)
    old = msgspec.structs.replace(FLAVOR, root_gb=more.pop("root_gb", 1))
    server = databases.server(asked={"image": image}, flavor=old, root_gb=old.root_gb)
    wanted = msgspec.to_builtins(msgspec.structs.replace(NEW_FLAVOR, **facts))
    if error is None:
        begins(databases, "resize", server, new_flavor=wanted, confirm_after=0, **more)
        return
    with pytest.raises(error):
        begins(databases, "resize", server, new_flavor=wanted, confirm_after=0, **more)


def test_nobody_migrates_to_where_the_server_is(databases: Databases) -> None:
    with pytest.raises(errors.CannotMigrateToSameHost):
        begins(databases, "migrate", databases.server(), confirm_after=0, host="host1")


@pytest.mark.parametrize(
    ("workflow", "kind", "auto", "recorded"),
    [("resize", "resize", True, True), ("resize", "resize", False, False), ("migrate", "migration", None, False)],
)
def test_a_move_that_has_begun_is_a_migration(
    databases: Databases, workflow: str, kind: str, auto: bool | None, recorded: bool
) -> None:
    server = databases.server(node="node1")
    params = msgspec.to_builtins(msgspec.structs.replace(MOVE, auto_disk_config=auto))
    row = {"uuid": "o1", "params": params, "project_id": None, "user_id": USER, "workflow": workflow}
    found = databases.cell().database.query(lambda c: servers_db.get(c, server))
    assert found is not None
    changes = databases.cell().database.write(lambda c: records_of(workflow).begun(c, row, found, LATER))
    made = migration(databases, "o1")
    assert {name: value for name, value in made.items() if value is not None} == {
        "id": 1, "uuid": "o1", "instance_uuid": server, "operation_uuid": "o1", "project_id": "", "user_id": USER,
        "status": "pre-migrating", "migration_type": kind, "source_compute": "host1", "source_node": "node1",
        "old_flavor": FLAVOR, "new_flavor": NEW_FLAVOR, "old_vm_state": "active", "created_at": LATER,
        "updated_at": LATER, "hidden": False,
    }  # fmt: skip
    assert changes == {"auto_disk_config": recorded, "wake_at": None, "wake_action": None}


# -- from leg to leg


@pytest.mark.parametrize("workflow", ["resize", "migrate"])
@pytest.mark.parametrize(
    ("leg", "of_migration", "of_server"),
    [
        ("place", {"status": "pre-migrating", "dest_compute": None, "dest_node": None}, {}),
        ("prepare", {"status": "pre-migrating", "dest_compute": "host2", "dest_node": "node2"}, {}),
        ("depart", {"status": "migrating"}, {}),
        ("arrive", {"status": "post-migrating"}, AT_DESTINATION),
    ],
)  # fmt: skip
def test_the_migration_follows_the_operation(
    databases: Databases, workflow: str, leg: str, of_migration: Row, of_server: Columns
) -> None:
    """Where it goes to may have been another host before."""
    operation = at(databases, databases.server(), workflow, leg, found={"place": {"zone": "east"}})
    migrate(databases, operation, "queued", dest_compute="host9", dest_node="node9")
    before = migration(databases, operation.uuid)
    assert handed_over(databases, operation) == of_server
    assert changed(before, migration(databases, operation.uuid)) == {"updated_at": LATER, **of_migration}


@pytest.mark.parametrize(("leg", "of_server"), [("place", {}), ("depart", AT_SOURCE), ("arrive", {})])
def test_on_the_way_back_the_server_is_on_its_source_once_that_has_the_operation(
    databases: Databases, leg: str, of_server: Columns
) -> None:
    operation = at(databases, databases.server(), "resize", leg)
    migrate(databases, operation, "post-migrating")
    before = migration(databases, operation.uuid)
    assert handed_over(databases, operation, Direction.BACK) == of_server
    assert migration(databases, operation.uuid) == before


@pytest.mark.parametrize(
    ("after", "wake"), [(60, {"wake_at": DUE, "wake_action": "confirm_resize"}), (0, {})], ids=["by itself", "never"]
)
def test_a_move_that_is_done_waits_to_be_confirmed(databases: Databases, after: int, wake: Columns) -> None:
    params = msgspec.structs.replace(MOVE, confirm_after=after)
    operation = at(databases, databases.server(), "migrate", "arrive", params)
    migrate(databases, operation, "post-migrating")
    assert done(databases, operation) == End({"launched_at": LATER, **wake})
    row = migration(databases, operation.uuid)
    assert (row["status"], row["updated_at"]) == ("finished", LATER)


@pytest.mark.parametrize(
    ("leg", "recorded"),
    [("place", "error"), ("prepare", "error"), ("depart", "error"), ("arrive", "post-migrating")],
)
def test_a_move_that_has_failed_is_over_unless_both_hosts_have_something(
    databases: Databases, leg: str, recorded: str
) -> None:
    operation = at(databases, databases.server(), "resize", leg)
    migrate(databases, operation, "post-migrating")
    assert failed(databases, operation) == {"progress": 0}
    assert status(databases, operation.uuid) == recorded


# -- confirming and reverting


@pytest.mark.parametrize("workflow", ["resize_confirm", "resize_revert"])
def test_what_settles_a_move_knows_all_of_it(databases: Databases, workflow: str) -> None:
    """Also when an earlier one was never settled."""
    server = databases.server(host="host2", node="node2", vm_state="resized")
    moved(databases, server, "post-migrating")
    moved(databases, server)
    newest = moved(databases, server, source_node="node1", params=msgspec.structs.replace(MOVE, source_zone="north"))
    moved(databases, server, "error")
    begun = begins(databases, workflow, server, migrations=3)
    assert msgspec.convert(begun.params, SettleMoveParams) == SettleMoveParams(
        migration=newest.uuid, move=msgspec.structs.replace(MOVE, source_zone="north")
    )
    assert begun.sites == {
        Seat.SOURCE: (Site("host1", "node1"),), Seat.DESTINATION: (Site("host2", "node2"),),
    }  # fmt: skip


@pytest.mark.parametrize("workflow", ["resize_confirm", "resize_revert"])
@pytest.mark.parametrize("statuses", [(), ("confirmed", "reverted", "error"), ("migrating",)], ids=str)
def test_what_was_not_moved_is_not_settled(
    databases: Databases, workflow: str, statuses: tuple[str, ...]
) -> None:
    server = databases.server(vm_state="resized")
    moved(databases, databases.server(vm_state="resized"))
    for each in statuses:
        moved(databases, server, each)
    with pytest.raises(errors.InstanceHasNotBeenResized):
        begins(databases, workflow, server)


def test_a_move_of_which_nothing_is_on_record_is_not_settled(databases: Databases) -> None:
    server = databases.server(vm_state="resized")
    operation = moved(databases, server)
    databases.execute(sa.delete(t.operations).where(t.operations.c.uuid == operation.uuid))
    with pytest.raises(errors.InstanceHasNotBeenResized):
        begins(databases, "resize_confirm", server)


@pytest.mark.parametrize(("workflow", "begun"), [("resize_confirm", "confirming"), ("resize_revert", "reverting")])
def test_who_settles_it_is_not_woken_any_more(databases: Databases, workflow: str, begun: str) -> None:
    server = databases.server(wake_at=DUE, wake_action="confirm_resize")
    move, another = moved(databases, server), moved(databases, server)
    found = databases.cell().database.query(lambda c: servers_db.get(c, server))
    assert found is not None
    row = {"params": {"migration": move.uuid}}
    changes = databases.cell().database.write(lambda c: records_of(workflow).begun(c, row, found, LATER))
    assert (status(databases, move.uuid), status(databases, another.uuid)) == (begun, "finished")
    assert migration(databases, move.uuid)["updated_at"] == LATER
    assert changes == {"wake_at": None, "wake_action": None}


def settling(databases: Databases, workflow: str, leg: str, **facts: Any) -> tuple[Operation, Operation]:
    """An operation that is at this leg, and the move that it settles."""
    server = databases.server(host="host2", vm_state="resized", **facts)
    move = moved(databases, server, "confirming" if workflow == "resize_confirm" else "reverting")
    return at(databases, server, workflow, leg, SettleMoveParams(migration=move.uuid, move=MOVE)), move


@pytest.mark.parametrize(("power_state", "vm_state"), [(4, "stopped"), (1, "active"), (0, "active")])
def test_a_confirmed_server_is_what_its_guest_is(databases: Databases, power_state: int, vm_state: str) -> None:
    operation, move = settling(databases, "resize_confirm", "release", power_state=power_state)
    assert done(databases, operation) == End({}, vm_state)
    row = migration(databases, move.uuid)
    assert (row["status"], row["updated_at"]) == ("confirmed", LATER)


@pytest.mark.parametrize("vm_state", ["active", "stopped"])
def test_a_reverted_server_is_what_it_was(databases: Databases, vm_state: str) -> None:
    server = databases.server(vm_state="resized")
    move = moved(databases, server, "reverting")
    params = SettleMoveParams(migration=move.uuid, move=msgspec.structs.replace(MOVE, old_vm_state=vm_state))
    operation = at(databases, server, "resize_revert", "resume", params)
    assert done(databases, operation) == End({"launched_at": LATER}, vm_state)
    row = migration(databases, move.uuid)
    assert (row["status"], row["updated_at"]) == ("reverted", LATER)


@pytest.mark.parametrize(
    ("workflow", "leg", "of_server"),
    [
        ("resize_confirm", "clean", {}), ("resize_confirm", "release", {}), ("resize_revert", "leave", {}),
        ("resize_revert", "return", {}), ("resize_revert", "resume", AT_SOURCE),
    ],
)  # fmt: skip
def test_a_server_is_on_its_source_again_when_that_is_to_resume_it(
    databases: Databases, workflow: str, leg: str, of_server: Columns
) -> None:
    operation, _move = settling(databases, workflow, leg)
    assert handed_over(databases, operation) == of_server


def test_a_revert_that_fails_on_the_source_is_over(databases: Databases) -> None:
    operation, move = settling(databases, "resize_revert", "resume")
    assert failed(databases, operation) == {}
    assert (status(databases, move.uuid), migration(databases, move.uuid)["updated_at"]) == ("error", LATER)


# -- deletes


def test_a_delete_goes_by_all_hosts_that_its_server_was_moved_between(databases: Databases) -> None:
    server = databases.server(host="host2", node="node2")
    first = moved(databases, server, dest_compute=None, dest_node=None)
    second = moved(databases, server, "migrating", source_compute="host3", source_node="node3")
    moved(databases, server, "confirmed", source_compute="host9")
    moved(databases, databases.server(), source_compute="host8")
    begun = begins(databases, "delete", server, migrations=2)
    assert msgspec.convert(begun.params, DeleteParams).migrations == (first.uuid, second.uuid)
    here = (Site("host2", "node2"),)
    assert begun.sites == {
        Seat.HOME: here, Seat.SOURCE: here, Seat.OTHERS: (Site("host1", "node1"), Site("host3", "node3")),
    }  # fmt: skip


def test_a_server_that_was_never_moved_is_deleted_where_it_is(databases: Databases) -> None:
    begun = begins(databases, "delete", databases.server(host=None, node=None))
    nowhere = (Site(None, None),)
    assert msgspec.convert(begun.params, DeleteParams) == DeleteParams()
    assert begun.sites == {Seat.HOME: nowhere, Seat.SOURCE: nowhere, Seat.OTHERS: ()}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("finished", "confirmed"), ("confirming", "error"), ("reverting", "error"), ("pre-migrating", "error"),
        ("migrating", "error"), ("post-migrating", "error"), ("confirmed", "confirmed"), ("reverted", "reverted"),
    ],
)  # fmt: skip
def test_with_its_server_a_migration_is_over(databases: Databases, before: str, after: str) -> None:
    server = databases.server()
    move, other = moved(databases, server, before), moved(databases, server, "migrating")
    operation = databases.operation(server, "delete", params={"migrations": [move.uuid]})
    end = done(databases, operation)
    assert end == End(
        {"deleted": True, "deleted_at": LATER, "terminated_at": LATER, "power_state": 0, "vifs": ()}, "deleted"
    )
    assert (status(databases, move.uuid), status(databases, other.uuid)) == (after, "migrating")
    assert (migration(databases, move.uuid)["updated_at"] == LATER) is (before != after)


@pytest.mark.parametrize(
    ("workflow", "params", "may"),
    [
        ("delete", {"migrations": ["m"]}, True), ("delete", {"migrations": []}, False), ("delete", {}, False),
        ("resize", {}, False), ("create", {}, False),
    ],
    ids=str,
)  # fmt: skip
def test_who_was_moved_may_have_claims_that_come_late(
    databases: Databases, workflow: str, params: Row, may: bool
) -> None:
    operation = databases.operation(databases.server(), workflow, params=params)
    assert records_of(workflow).may_leave_claims(operation) is may


# -- creates, and the others


def test_a_build_that_is_done_has_launched_its_server(databases: Databases) -> None:
    server, other = (databases.server(asked={"admin_password": "secret"}) for _ in range(2))
    assert done(databases, databases.operation(server, "create")) == End({"launched_at": LATER})
    kept = [databases.row(t.instance_requests, each)["admin_password"] for each in (server, other)]
    assert kept == [None, "secret"]


def test_most_actions_write_nothing_of_their_own(databases: Databases) -> None:
    server = databases.server(node="node1")
    begun = begins(databases, "stop", server, what="was asked")
    here = (Site("host1", "node1"),)
    assert begun == Beginning({"what": "was asked"}, {Seat.HOME: here, Seat.SOURCE: here})
    operation = databases.operation(server, "stop", route=None)
    assert done(databases, operation) == End({})
    assert failed(databases, operation) == {}
    assert not records_of("stop").may_leave_claims(operation)
