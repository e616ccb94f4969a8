"""What is asked for when a server is resized or migrated: which flavors, which quotas, which hosts."""

import functools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.bus.server_resize import ServerResize
from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.start import OperationStarter
from novalike.conductor.servers.requested_destination import Destinations, UnknownHost
from novalike.conductor.servers.resize import ServerResizeHandler
from novalike.db.api import flavors, quotas
from novalike.db.api import tables as api_tables
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.operations.resize import MoveParams, SettleMoveParams
from tests.fakes.records import PROJECT, context
from tests.unit.conductor.databases import FLAVOR, Databases
from tests.unit.conductor.moves import MOVE, NEW_FLAVOR, moved
from tests.unit.conductor.test_start import Others

Row = dict[str, Any]
ACTIONS = {
    "resize": ("resize", "resize"), "migrate": ("migrate", "migrate"),
    "confirm_resize": ("confirmResize", "resize_confirm"), "revert_resize": ("revertResize", "resize_revert"),
}  # fmt: skip


@pytest.fixture
def others() -> Others:
    return Others()


@pytest.fixture
def handler(databases: Databases, others: Others, monkeypatch: pytest.MonkeyPatch) -> ServerResizeHandler:
    databases.stop_clocks(monkeypatch)
    for host in ("host1", "host2"):
        databases.host(host)
    parts: Any = others
    starter = OperationStarter(databases.conf, databases.cells, Dispatch(parts, parts), parts)
    destinations = Destinations(databases.cells, set)
    databases.conf.set_override("resize_confirm_window", 77)
    return ServerResizeHandler(databases.conf, databases.cells, starter, destinations)


def add_flavor(databases: Databases, flavor_id: str = "2", **facts: Any) -> Flavor:
    made = msgspec.structs.replace(NEW_FLAVOR, flavor_id=flavor_id, name=f"m{flavor_id}", **facts)
    return databases.cells.api.write(lambda c: flavors.insert(c, made))


def limit(databases: Databases, **limits: int) -> None:
    for resource, most in limits.items():
        databases.cells.api.write(functools.partial(
            quotas.set_limit, project_id=PROJECT, user_id="", resource=resource, limit=most
        ))  # fmt: skip


def resized(databases: Databases, old: Flavor = FLAVOR, new: Flavor = NEW_FLAVOR) -> str:
    """A server that was resized from host1 to host2."""
    server = databases.server(
        host="host2", vm_state="resized", flavor=new, flavorid=new.flavor_id, vcpus=new.vcpus, memory_mb=new.memory_mb
    )
    moved(databases, server, params=msgspec.structs.replace(MOVE, old_flavor=old, new_flavor=new))
    return server


def begun(databases: Databases, server: str) -> list[Row]:
    return [row for row in databases.rows(t.operations, server) if row["state"] in ("pending", "running")]


def params(databases: Databases, server: str) -> MoveParams:
    (row,) = begun(databases, server)
    return msgspec.convert(row["params"], MoveParams)


@pytest.mark.parametrize("method", list(ACTIONS))
def test_each_is_an_action_of_its_own(databases: Databases, handler: ServerResizeHandler, method: str) -> None:
    add_flavor(databases)
    server = resized(databases) if method.endswith("_resize") else databases.server()
    more = {"flavor_id": "2"} if method == "resize" else {}
    ask: Callable[..., None] = getattr(handler, method)
    ctx = context()
    for _ in range(2):
        ask(ctx, server_id=server, **more)
    (row,) = begun(databases, server)
    assert (row["action"], row["workflow"], row["request_id"]) == (*ACTIONS[method], ctx.request_id)
    for name in ACTIONS:
        assert callable(getattr(ServerResize, name))


@pytest.mark.parametrize("method", list(ACTIONS))
@pytest.mark.parametrize("override", [False, True])
def test_a_lock_holds_unless_the_caller_may_override_it(
    databases: Databases, handler: ServerResizeHandler, method: str, override: bool
) -> None:
    add_flavor(databases)
    server = resized(databases) if method.endswith("_resize") else databases.server()
    databases.execute(sa.update(t.instances).values(locked_by="admin"))
    more = {"flavor_id": "2"} if method == "resize" else {}
    ask: Callable[..., None] = getattr(handler, method)
    if override:
        ask(context(), server_id=server, override_lock=True, **more)
        assert len(begun(databases, server)) == 1
        return
    with pytest.raises(errors.InstanceIsLocked):
        ask(context(), server_id=server, **more)
    assert begun(databases, server) == []


@pytest.mark.parametrize("method", list(ACTIONS))
@pytest.mark.parametrize("which", ["another project's", "deleted", "unknown"])
def test_who_may_not_see_a_server_does_not_move_it(
    databases: Databases, handler: ServerResizeHandler, method: str, which: str
) -> None:
    add_flavor(databases)
    server = resized(databases) if method.endswith("_resize") else databases.server()
    ctx = context(project_id="other") if which.startswith("another") else context()
    if which == "deleted":
        databases.execute(sa.update(t.instances).values(deleted=True))
    more = {"flavor_id": "2"} if method == "resize" else {}
    ask: Callable[..., None] = getattr(handler, method)
    with pytest.raises(errors.InstanceNotFound):
        ask(ctx, server_id="nothing" if which == "unknown" else server, **more)
    assert begun(databases, server) == []


# -- flavors


def test_a_resize_is_to_the_flavor_as_it_is_now(databases: Databases, handler: ServerResizeHandler) -> None:
    made, server = add_flavor(databases), databases.server(node="node1", availability_zone="west")
    handler.resize(context(), server_id=server, flavor_id="2", auto_disk_config=True)
    assert params(databases, server) == msgspec.structs.replace(MOVE, new_flavor=made, confirm_after=77)
    assert databases.row(t.instances, server)["auto_disk_config"] is True


@pytest.mark.parametrize(
    ("facts", "is_admin", "found"),
    [
        ({}, False, True), ({"disabled": True}, False, False), ({"disabled": True}, True, False),
        ({"is_public": False}, False, False), ({"is_public": False}, True, True),
    ],
    ids=str,
)  # fmt: skip
def test_not_every_flavor_is_there_for_everybody(
    databases: Databases, handler: ServerResizeHandler, facts: Row, is_admin: bool, found: bool
) -> None:
    made, server = add_flavor(databases, **facts), databases.server()
    ask = {"server_id": server, "flavor_id": "2"}
    if found:
        handler.resize(context(is_admin=is_admin), **ask)
        assert params(databases, server).new_flavor == made
        return
    with pytest.raises(errors.FlavorNotFound):
        handler.resize(context(is_admin=is_admin), **ask)
    assert begun(databases, server) == []


def test_a_private_flavor_is_there_for_its_projects(databases: Databases, handler: ServerResizeHandler) -> None:
    made, server = add_flavor(databases, is_public=False), databases.server()
    assert made.id is not None
    databases.cells.api.write(lambda c: flavors.add_project(c, made.id, PROJECT))  # type: ignore[arg-type]
    handler.resize(context(), server_id=server, flavor_id="2")
    assert len(begun(databases, server)) == 1


def test_a_flavor_that_is_not_there_matters_only_where_a_resize_may_be(
    databases: Databases, handler: ServerResizeHandler
) -> None:
    for facts, error in (({}, errors.FlavorNotFound), ({"vm_state": "error"}, errors.InstanceInvalidState)):
        with pytest.raises(error):
            handler.resize(context(), server_id=databases.server(**facts), flavor_id="none")


def test_the_servers_own_flavor_is_not_said_to_be_unknown_when_it_is_disabled(
    databases: Databases, handler: ServerResizeHandler
) -> None:
    add_flavor(databases, "1", disabled=True)
    with pytest.raises(errors.CannotResizeToSameFlavor):
        handler.resize(context(), server_id=databases.server(), flavor_id="1")


@pytest.mark.parametrize(("may", "error"), [(True, None), (False, errors.Forbidden)])
def test_a_flavor_without_a_disk_is_for_some(
    databases: Databases, handler: ServerResizeHandler, may: bool, error: type[Exception] | None
) -> None:
    add_flavor(databases, root_gb=0)
    old = msgspec.structs.replace(FLAVOR, root_gb=0)
    image = Image(id="i", name="i", disk_format="raw")
    server = databases.server(flavor=old, root_gb=0, asked={"image": image})
    if error is None:
        handler.resize(context(), server_id=server, flavor_id="2", may_use_zero_disk=may)
        return
    with pytest.raises(error):
        handler.resize(context(), server_id=server, flavor_id="2", may_use_zero_disk=may)


# -- quotas. The new flavor has 2 vCPUs and 1024 MiB, the old one half of that.


@pytest.mark.parametrize(
    ("limits", "overs"),
    [
        ({"cores": 2, "ram": 1024}, None), ({"cores": 1}, "cores"), ({"ram": 1023}, "ram"),
        ({"cores": 1, "ram": 1023}, "cores, ram"), ({"instances": 0}, None), ({"cores": -1, "ram": -1}, None),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("is_admin", [False, True])
def test_a_resize_needs_quota_for_what_the_flavor_has_more(
    databases: Databases, handler: ServerResizeHandler, limits: dict[str, int], overs: str | None, is_admin: bool
) -> None:
    """The owner's, whoever asks."""
    add_flavor(databases)
    server = databases.server()
    limit(databases, **limits)
    ctx = context(is_admin=True, project_id="admin") if is_admin else context()
    if overs is None:
        handler.resize(ctx, server_id=server, flavor_id="2")
        assert len(begun(databases, server)) == 1
        return
    with pytest.raises(errors.OverQuota) as refused:
        handler.resize(ctx, server_id=server, flavor_id="2")
    assert refused.value.fields["overs"] == overs
    assert begun(databases, server) == []
    assert databases.row(t.instances, server)["task_state"] is None


def test_what_other_servers_have_counts_and_what_others_have_does_not(
    databases: Databases, handler: ServerResizeHandler
) -> None:
    add_flavor(databases)
    server = databases.server()
    databases.server(project_id="other", vcpus=50)
    limit(databases, cores=3)
    databases.server()
    handler.resize(context(), server_id=server, flavor_id="2")
    third = databases.server()
    # A server is counted as what it is until it has moved.
    with pytest.raises(errors.OverQuota) as refused:
        handler.resize(context(), server_id=third, flavor_id="2")
    assert refused.value.fields == {"overs": "cores", "requested": "1", "used": "3", "allowed": "3"}


def test_what_needs_no_more_needs_no_quota(databases: Databases, handler: ServerResizeHandler) -> None:
    """Though there is too much already; and nobody waits for the project's lock."""
    add_flavor(databases, vcpus=1, memory_mb=256)
    limit(databases, cores=0, ram=0)
    first, second = databases.server(), databases.server()
    handler.resize(context(), server_id=first, flavor_id="2")
    handler.migrate(context(), server_id=second)
    assert [len(begun(databases, each)) for each in (first, second)] == [1, 1]
    locks = databases.cell().database.query(lambda c: c.execute(sa.select(t.quota_locks.c.project_id)).all())
    assert locks == []


def test_of_two_requests_one_counts_at_a_time(databases: Databases, handler: ServerResizeHandler) -> None:
    add_flavor(databases)
    handler.resize(context(), server_id=databases.server(), flavor_id="2")
    locks = databases.cell().database.query(lambda c: list(c.execute(sa.select(t.quota_locks.c.project_id)).scalars()))
    assert locks == [PROJECT]


@pytest.mark.parametrize(
    ("old", "limits", "overs"),
    [
        ({}, {"cores": 0, "ram": 0}, None), ({"vcpus": 4, "memory_mb": 512}, {"cores": 4, "ram": 0}, None),
        ({"vcpus": 4, "memory_mb": 512}, {"cores": 3}, "cores"),
        ({"vcpus": 2, "memory_mb": 2048}, {"cores": 0, "ram": 2047}, "ram"),
        ({"vcpus": 2, "memory_mb": 2048}, {"cores": 0, "ram": 2048}, None),
    ],
    ids=str,
)  # fmt: skip
def test_who_goes_back_to_more_needs_quota_for_it(
    databases: Databases, handler: ServerResizeHandler, old: dict[str, int], limits: dict[str, int], overs: str | None
) -> None:
    server = resized(databases, msgspec.structs.replace(FLAVOR, **old))
    limit(databases, **limits)
    if overs is None:
        handler.revert_resize(context(), server_id=server)
        (row,) = begun(databases, server)
        assert msgspec.convert(row["params"], SettleMoveParams).move.old_flavor.vcpus == old.get("vcpus", 1)
        return
    with pytest.raises(errors.OverQuota) as refused:
        handler.revert_resize(context(), server_id=server)
    assert refused.value.fields["overs"] == overs
    assert begun(databases, server) == []
    handler.confirm_resize(context(), server_id=server)
    assert [row["workflow"] for row in begun(databases, server)] == ["resize_confirm"]


@pytest.mark.parametrize("method", ["confirm_resize", "revert_resize"])
def test_what_has_not_been_resized_is_not_settled(
    databases: Databases, handler: ServerResizeHandler, method: str
) -> None:
    ask: Callable[..., None] = getattr(handler, method)
    with pytest.raises(errors.InstanceInvalidState):
        ask(context(), server_id=databases.server())
    with pytest.raises(errors.InstanceHasNotBeenResized):
        ask(context(), server_id=databases.server(vm_state="resized"))


# -- hosts


@pytest.mark.parametrize(
    ("host", "error"),
    [(None, None), ("host2", None), ("host1", errors.CannotMigrateToSameHost), ("host9", UnknownHost)],
)
def test_a_migration_goes_to_another_host_that_there_is(
    databases: Databases, handler: ServerResizeHandler, host: str | None, error: type[Exception] | None
) -> None:
    server = databases.server()
    if error is None:
        handler.migrate(context(), server_id=server, host=host)
        move = params(databases, server)
        assert (move.host, move.confirm_after, move.new_flavor) == (host, 77, FLAVOR)
        return
    with pytest.raises(error):
        handler.migrate(context(), server_id=server, host=host)
    assert begun(databases, server) == []


def test_who_is_on_a_host_that_is_gone_is_told_that_he_is_there(
    databases: Databases, handler: ServerResizeHandler
) -> None:
    databases.cells.api.write(lambda c: c.execute(sa.delete(api_tables.host_mappings)))
    with pytest.raises(errors.CannotMigrateToSameHost):
        handler.migrate(context(), server_id=databases.server(), host="host1")
