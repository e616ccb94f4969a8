"""Facts, metadata and tags of servers: what may be changed, in which states, by whom, and how many there may be."""

from typing import Any

import pytest

from novalike.conductor.hosts import HostStatus
from novalike.conductor.servers.commands import ServerCommandsHandler
from novalike.db.api import quotas
from novalike.db.cell import tables as t
from novalike.objects import errors
from tests.fakes.records import PROJECT, context
from tests.unit.conductor.databases import LATER, Databases, changed


@pytest.fixture
def commands(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> ServerCommandsHandler:
    databases.stop_clocks(monkeypatch)
    none: Any = None
    status: Any = HostStatus(databases.conf, databases.cells)
    return ServerCommandsHandler(databases.conf, databases.cells, none, none, none, status, none)


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "n", "hostname": "h", "description": "d", "access_ip_v4": "1.2.3.4", "access_ip_v6": "fe80::1",
         "auto_disk_config": False, "pinned_availability_zone": "east"},
        {"pinned_availability_zone": None, "description": None}, {"name": "only"},
    ],
    ids=["all", "taken away", "one"],
)  # fmt: skip
def test_what_may_be_changed_is_changed_and_shown(
    databases: Databases, commands: ServerCommandsHandler, changes: dict[str, Any]
) -> None:
    databases.host("host1")
    before = {"availability_zone": "east", "description": "old"}
    if changes.get("pinned_availability_zone", "") is None:
        before["pinned_availability_zone"] = "east"
    server = databases.server(**before)
    row = databases.row(t.instances, server)
    shown = commands.update_server(context(), server_id=server, changes=changes)
    assert changed(row, databases.row(t.instances, server)) == {**changes, "updated_at": LATER}
    assert {name: getattr(shown, name) for name in changes} == changes
    assert (shown.uuid, shown.host_status) == (server, "UP")


@pytest.mark.parametrize("changes", [{"host": "other"}, {"vm_state": "active", "name": "n"}], ids=str)
def test_what_may_not_be_changed_is_refused_with_all_the_rest(
    databases: Databases, commands: ServerCommandsHandler, changes: dict[str, Any]
) -> None:
    server = databases.server()
    before = databases.row(t.instances, server)
    with pytest.raises(errors.Invalid, match=f"These can't be changed: {next(iter(changes))}"):
        commands.update_server(context(), server_id=server, changes=changes)
    assert databases.row(t.instances, server) == before


def test_a_change_that_is_asked_for_again_undoes_no_newer_one(
    databases: Databases, commands: ServerCommandsHandler
) -> None:
    server, ctx = databases.server(), context()
    for asked, name in ((ctx, "first"), (context(), "newer"), (ctx, "first")):
        shown = commands.update_server(asked, server_id=server, changes={"name": name})
    assert shown.name == "newer"
    with pytest.raises(errors.InstanceNotFound):
        commands.update_server(context(project_id="another"), server_id=server, changes={"name": "his"})


@pytest.mark.parametrize(
    ("state", "fields"),
    [
        ({"vm_state": "building"}, {"attr": "vm_state", "state": "building"}),
        ({"vm_state": "error"}, {"attr": "vm_state", "state": "error"}),
        ({"vm_state": "resized"}, {"attr": "vm_state", "state": "resized"}),
        ({"vm_state": "resized", "task_state": "resize_reverting"}, {"attr": "vm_state", "state": "resized"}),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize(("change", "verb"), [({"metadata": {"k": "v"}}, "update"), ({"remove": ("a",)}, "delete")])
def test_metadata_is_not_changed_while_something_is_done_to_the_server(
    databases: Databases, commands: ServerCommandsHandler, state: dict[str, Any], fields: dict[str, str],
    change: dict[str, Any], verb: str,
) -> None:  # fmt: skip
    server = databases.server(metadata={"a": "b"}, **state)
    with pytest.raises(errors.InstanceInvalidState) as refused:
        commands.update_metadata(context(), server_id=server, **({"metadata": {}, "replace": False} | change))
    assert refused.value.fields == {"action": f"{verb} metadata", "instance_id": server, **fields}
    assert databases.row(t.instances, server)["metadata"] == {"a": "b"}


@pytest.mark.parametrize("vm_state", ["active", "paused", "suspended", "stopped"])
@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"metadata": {"k": "v"}}, {"a": "b", "c": "d", "k": "v"}), ({"metadata": {"a": "x"}}, {"a": "x", "c": "d"}),
        ({"metadata": {"k": "v"}, "replace": True}, {"k": "v"}), ({"remove": ("a",)}, {"c": "d"}),
        ({"metadata": {}, "replace": True}, {}),
    ],
    ids=str,
)  # fmt: skip
def test_metadata_is_added_replaced_and_removed(
    databases: Databases, commands: ServerCommandsHandler, vm_state: str, change: dict[str, Any],
    result: dict[str, str],
) -> None:  # fmt: skip
    server = databases.server(metadata={"a": "b", "c": "d"}, vm_state=vm_state)
    before = databases.row(t.instances, server)
    asked = {"metadata": {}, "replace": False} | change
    assert commands.update_metadata(context(), server_id=server, **asked) == result
    assert changed(before, databases.row(t.instances, server)) == {"metadata": result, "updated_at": LATER}


def test_there_is_no_more_metadata_than_the_project_may_have(
    databases: Databases, commands: ServerCommandsHandler
) -> None:
    databases.cells.api.write(lambda c: quotas.set_limit(c, PROJECT, "", "metadata_items", 2))
    server = databases.server()
    two = {"a": "1", "b": "2"}
    assert commands.update_metadata(context(), server_id=server, metadata=two, replace=False) == two
    with pytest.raises(errors.OverQuota, match="exceeds 2"):
        commands.update_metadata(context(), server_id=server, metadata={"c": "3"}, replace=False)
    assert databases.row(t.instances, server)["metadata"] == two
    databases.cells.api.write(lambda c: quotas.set_limit(c, PROJECT, "", "metadata_items", -1))
    assert len(commands.update_metadata(context(), server_id=server, metadata={"c": "3"}, replace=False)) == 3


def test_others_metadata_is_not_there_and_a_locked_servers_stays(
    databases: Databases, commands: ServerCommandsHandler
) -> None:
    server = databases.server(locked_by="owner", metadata={"a": "b"})
    change: dict[str, Any] = {"server_id": server, "metadata": {"k": "v"}, "replace": False}
    for ctx, error in ((context(project_id="another"), errors.InstanceNotFound), (context(), errors.InstanceIsLocked)):
        with pytest.raises(error):
            commands.update_metadata(ctx, **change)
    with pytest.raises(errors.MetadataKeyNotFound):
        commands.update_metadata(context(), **{**change, "remove": ("none",)}, override_lock=True)
    assert databases.row(t.instances, server)["metadata"] == {"a": "b"}
    assert commands.update_metadata(context(), **change, override_lock=True) == {"a": "b", "k": "v"}


@pytest.mark.parametrize(
    ("change", "result"),
    [
        ({"add": ("c", "a")}, ("a", "b", "c")), ({"remove": ("a",)}, ("b",)), ({"replace": ("z", "a")}, ("a", "z")),
        ({"replace": ()}, ()), ({"add": ("a",)}, ("a", "b")),
    ],
    ids=str,
)  # fmt: skip
def test_tags_are_added_replaced_and_removed(
    databases: Databases, commands: ServerCommandsHandler, change: dict[str, Any], result: tuple[str, ...]
) -> None:
    server, other = databases.server(), databases.server()
    for each in (server, other):
        commands.update_tags(context(), server_id=each, replace=("a", "b"))
    assert commands.update_tags(context(), server_id=server, **change) == result
    assert sorted(row["tag"] for row in databases.rows(t.instance_tags, server)) == list(result)
    assert sorted(row["tag"] for row in databases.rows(t.instance_tags, other)) == ["a", "b"]


@pytest.mark.parametrize("vm_state", ["building", "error", "resized"])
@pytest.mark.parametrize(
    ("change", "verb"),
    [
        ({"add": ("c",)}, "update tag"), ({"remove": ("a",)}, "delete tag"), ({"replace": ("c",)}, "update tags"),
        ({"replace": ()}, "delete tags"),
    ],
)  # fmt: skip
def test_tags_of_what_is_no_whole_server_stay(
    databases: Databases, commands: ServerCommandsHandler, change: dict[str, Any], verb: str, vm_state: str
) -> None:
    server = databases.server(vm_state=vm_state)
    with pytest.raises(errors.InstanceInvalidState) as refused:
        commands.update_tags(context(), server_id=server, **change)
    fields = {"action": verb, "instance_id": server, "attr": "vm_state", "state": vm_state}
    assert refused.value.fields == fields
    assert databases.rows(t.instance_tags, server) == []


@pytest.mark.parametrize("task_state", ["resize_prep", "resize_migrating", "resize_finish"])
def test_tags_of_a_server_that_is_being_resized_may_change(
    databases: Databases, commands: ServerCommandsHandler, task_state: str
) -> None:
    for vm_state in ("active", "stopped"):
        server = databases.server(vm_state=vm_state, task_state=task_state)
        assert commands.update_tags(context(), server_id=server, add=("a",)) == ("a",)


@pytest.mark.parametrize("task_state", [None, "resize_reverting"])
def test_a_server_that_waits_to_be_confirmed_may_be_renamed(
    databases: Databases, commands: ServerCommandsHandler, task_state: str | None
) -> None:
    databases.host("host1")
    server = databases.server(vm_state="resized", task_state=task_state)
    assert commands.update_server(context(), server_id=server, changes={"name": "n"}).name == "n"
