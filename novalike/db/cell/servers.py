"""Queries about servers."""

import enum
import functools
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from novalike.db.cell import operations as operations_db
from novalike.db.cell import tables as t
from novalike.db.cell import vifs as vifs_db
from novalike.db.cell.services import endpoint_of
from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import ANY, Change
from novalike.objects.operation import Operation, OperationState
from novalike.objects.server import Server, ServerSpec

I = t.instances.c  # noqa: E741

# The columns of a Server record, in its order. Tags and user data are in other tables; see _SHOWN_COLUMNS.
_SERVER_COLUMNS = [
    I[field] for field in Server.__struct_fields__ if field in t.instances.c and field not in ("tags", "user_data")
]
_SERVER_FIELDS = [column.name for column in _SERVER_COLUMNS]


def _server(row: Any) -> Server:
    return Server(**dict(zip(_SERVER_FIELDS, row, strict=True)))


# A server with all that the API shows of it, in one statement. No tag has a comma in it.
_TAG_SEPARATOR = ","
_SHOWN_COLUMNS = [
    *_SERVER_COLUMNS,
    sa.select(sa.func.aggregate_strings(t.instance_tags.c.tag, _TAG_SEPARATOR))
    .where(t.instance_tags.c.instance_uuid == I.uuid)
    .correlate(t.instances)
    .scalar_subquery()
    .label("tags"),
]
_USER_DATA = (
    sa.select(t.instance_requests.c.user_data)
    .where(t.instance_requests.c.instance_uuid == I.uuid)
    .correlate(t.instances)
    .scalar_subquery()
    .label("user_data")
)


def _shown(row: Any) -> Server:
    *fields, tags, user_data = row
    return Server(
        tags=tuple(sorted(tags.split(_TAG_SEPARATOR))) if tags else (),
        user_data=user_data,
        **dict(zip(_SERVER_FIELDS, fields, strict=True)),
    )


def flavor_columns(flavor: Flavor) -> dict[str, Any]:
    """Return the columns of a server that follow from its flavor."""
    return {
        "flavorid": flavor.flavor_id,
        "memory_mb": flavor.memory_mb,
        "vcpus": flavor.vcpus,
        "root_gb": flavor.root_gb,
        "ephemeral_gb": flavor.ephemeral_gb,
        "flavor": flavor,
    }


def insert(connection: sa.Connection, rows: Sequence[dict[str, Any]], requests: Sequence[dict[str, Any]]) -> None:
    """Insert servers with what was asked for."""
    connection.execute(sa.insert(t.instances), rows)
    connection.execute(sa.insert(t.instance_requests), requests)


def insert_tags(connection: sa.Connection, uuids: Iterable[str], tags: Iterable[str]) -> None:
    """Give all of some servers some tags."""
    rows = [{"instance_uuid": uuid, "tag": tag} for uuid in uuids for tag in tags]
    if rows:
        connection.execute(sa.insert(t.instance_tags), rows)


def delete_tags(connection: sa.Connection, uuid: str, tags: Iterable[str]) -> None:
    """Take some tags from a server."""
    g = t.instance_tags.c
    connection.execute(sa.delete(t.instance_tags).where(g.instance_uuid == uuid, g.tag.in_(list(tags))))


def get(
    connection: sa.Connection, uuid: str, *, project_id: str | None = None, deleted: bool = False, lock: bool = False
) -> Server | None:
    """A server, or None.

    :param project_id: only when it belongs to this project.
    :param deleted: a deleted one as well.
    :param lock: hold its row until the transaction ends.
    """
    query = _one(of_project=project_id is not None, deleted=deleted, lock=lock)
    row = connection.execute(query, {"wanted": uuid, "project": project_id}).first()
    return None if row is None else _server(row)


@functools.cache
def _one(*, of_project: bool, deleted: bool, lock: bool) -> sa.Select[Any]:
    """Made once: putting a statement of fifty columns together takes longer than running it."""
    query = sa.select(*_SERVER_COLUMNS).where(I.uuid == sa.bindparam("wanted"))
    if of_project:
        query = query.where(I.project_id == sa.bindparam("project"))
    if not deleted:
        query = query.where(I.deleted == sa.false())
    return query.with_for_update() if lock else query


def owner(connection: sa.Connection, uuid: str, *, deleted: bool = False) -> tuple[str, str] | None:
    """Project and user of a server, or None.

    :param deleted: of a deleted one as well.
    """
    query = sa.select(I.project_id, I.user_id).where(I.uuid == uuid)
    row = connection.execute(query if deleted else query.where(I.deleted == sa.false())).first()
    return None if row is None else (row.project_id, row.user_id)


def places_of(connection: sa.Connection, uuids: Sequence[str]) -> list[Any]:
    """uuid, endpoint, host, deleted, vifs, vifs_version of some servers, deleted ones included."""
    query = sa.select(I.uuid, endpoint_of(I.host), I.host, I.deleted, I.vifs, I.vifs_version)
    return list(connection.execute(query.where(I.uuid.in_(uuids))))


def tags_of(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The tags of some servers, sorted."""
    found: dict[str, list[str]] = {}
    query = sa.select(t.instance_tags.c.instance_uuid, t.instance_tags.c.tag)
    for uuid, tag in connection.execute(query.where(t.instance_tags.c.instance_uuid.in_(uuids))):
        found.setdefault(uuid, []).append(tag)
    return {uuid: tuple(sorted(tags)) for uuid, tags in found.items()}


class Shape(enum.Enum):
    """How much of each server a list shows."""

    NAMES = enum.auto()
    DETAILS = enum.auto()
    DETAILS_WITH_USER_DATA = enum.auto()


def shaped(query: sa.Select[Any], shape: Shape) -> sa.Select[Any]:
    """A query over ``instances``, for what a list shows. For names that is what it selects already."""
    if shape is Shape.NAMES:
        return query
    user_data = _USER_DATA if shape is Shape.DETAILS_WITH_USER_DATA else sa.null().label("user_data")
    return query.with_only_columns(*_SHOWN_COLUMNS, user_data)


def page(connection: sa.Connection, query: sa.Select[Any], shape: Shape) -> list[Any]:
    """The servers that a query gives that was :func:`shaped`: records, or for names rows."""
    rows = connection.execute(query)
    return list(rows) if shape is Shape.NAMES else [_shown(row) for row in rows]


_BY_UUID = sa.select(*_SHOWN_COLUMNS, _USER_DATA).where(I.uuid == sa.bindparam("wanted"))
_LIVING_BY_UUID = _BY_UUID.where(I.deleted == sa.false())


def shown(connection: sa.Connection, uuid: str, *, deleted: bool = False) -> Server | None:
    """A server with its tags and user data, or None.

    :param deleted: a deleted one as well.
    """
    row = connection.execute(_BY_UUID if deleted else _LIVING_BY_UUID, {"wanted": uuid}).first()
    return None if row is None else _shown(row)


def specs(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, ServerSpec]:
    """What the host needs of some servers, deleted ones included."""
    found = [_spec(row) for row in connection.execute(_SPECS_BY_UUID, {"wanted": list(uuids)})]
    return {spec.server.uuid: spec for spec in found}


def to_accept(
    connection: sa.Connection, ids: Sequence[str], endpoint: str, holder: str
) -> list[tuple[Operation, ServerSpec]]:
    """Those of some operations that a process may begin, or has begun already, or that its predecessor took up as it
    died, with the specs of their servers."""
    asked = {"ids": list(ids), "endpoint": endpoint, "holder": holder}
    return [_with_spec(row) for row in connection.execute(_TO_ACCEPT, asked)]


def to_recover(connection: sa.Connection, hosts: Sequence[str]) -> list[tuple[Operation, ServerSpec]]:
    """The open operations on some hosts, with the specs of their servers."""
    query = _OPERATIONS_WITH_SPECS.where(operations_db.O.host.in_(hosts), operations_db.OPEN)
    return [_with_spec(row) for row in connection.execute(query)]


def _with_spec(row: Sequence[Any]) -> tuple[Operation, ServerSpec]:
    return operations_db.operation_of(row[_SPEC_WIDTH:]), _spec(row[:_SPEC_WIDTH])


def held(connection: sa.Connection, operation_ids: Sequence[str], holder: str) -> list[tuple[Operation, ServerSpec]]:
    """Those of some operations that somebody holds, with the specs of their servers."""
    o = operations_db.O
    query = _OPERATIONS_WITH_SPECS.where(o.uuid.in_(operation_ids), o.holder == holder, operations_db.OPEN)
    return [_with_spec(row) for row in connection.execute(query)]


class Wish(NamedTuple):
    """Where a create request wants its servers."""

    host: str | None
    node: str | None
    force_host: bool


def to_place(
    connection: sa.Connection, operation_ids: Sequence[str], holder: str
) -> tuple[list[Operation], dict[str, ServerSpec], Wish | None]:
    """Those operations of one create request that somebody holds, oldest first, the specs of their servers, by uuid,
    and where the request wants them."""
    r, o = t.instance_requests.c, operations_db.O
    query = _OPERATIONS_WITH_SPECS.add_columns(r.requested_host, r.requested_node, r.force_host).where(
        o.uuid.in_(operation_ids), o.holder == holder
    )
    operations, specs, wish = [], {}, None
    for *row, host, node, force_host in connection.execute(query):
        operation, spec = _with_spec(row)
        operations.append(operation)
        specs[spec.server.uuid] = spec
        wish = Wish(host, node, force_host)
    return operations, specs, wish


_ASKED = ("image", "networks", "keypair", "user_data", "admin_password")
_SPEC_WIDTH = len(_SERVER_COLUMNS) + len(_ASKED)
_SPECS = sa.select(*_SERVER_COLUMNS, *[t.instance_requests.c[name] for name in _ASKED]).join_from(
    t.instances, t.instance_requests
)
_OPERATIONS_WITH_SPECS = (
    _SPECS.add_columns(*operations_db.COLUMNS)
    .join(t.operations, operations_db.O.instance_uuid == I.uuid)
    .order_by(operations_db.O.id)
)
# Running and held by this very process: the answer to its last accept was lost. Running and held by another process,
# while this one is the host's: the other has died, and its last accept overtook its successor's recovery.
_TO_ACCEPT = _OPERATIONS_WITH_SPECS.where(
    operations_db.O.uuid.in_(sa.bindparam("ids", expanding=True)),
    endpoint_of(operations_db.O.host) == sa.bindparam("endpoint"),
    operations_db.OPEN,
    (operations_db.O.state == OperationState.PENDING)
    | (operations_db.O.holder == sa.bindparam("holder"))
    | sa.exists()
    .where(t.services.c.host == operations_db.O.host, t.services.c.incarnation == sa.bindparam("holder"))
    .correlate(t.operations),
)
_SPECS_BY_UUID = _SPECS.where(I.uuid.in_(sa.bindparam("wanted", expanding=True)))


def _spec(row: Sequence[Any]) -> ServerSpec:
    server = _server(row[: len(_SERVER_COLUMNS)])
    image, networks, keypair, user_data, admin_password = row[len(_SERVER_COLUMNS) :]
    return ServerSpec(
        server=server,
        image=image,
        networks=networks,
        keypair=keypair,
        user_data=user_data,
        admin_password=admin_password,
        block_devices=server.block_devices,
        security_groups=server.security_groups,
    )


_STATES = frozenset({"vm_state", "task_state"})


def update(connection: sa.Connection, uuid: str, /, **values: Any) -> int:
    """Change a server's columns, except for its state. Gives how many rows matched.

    :raises TypeError: states are changed by :func:`change_state` only.
    """
    if not _STATES.isdisjoint(values):
        raise TypeError("a server's state changes as the state table says, or not at all")
    return connection.execute(_UPDATE_VIFS if "vifs" in values else _UPDATE, {"wanted": uuid, **values}).rowcount


_UPDATE = sa.update(t.instances).where(I.uuid == sa.bindparam("wanted"))
_UPDATE_VIFS = _UPDATE.values(vifs_version=vifs_db.RAISED)


def change_state(connection: sa.Connection, uuid: str, change: Change, /, **values: Any) -> bool:
    """Make a transition, and change further columns with it; nothing at all unless the server is in a state that
    the transition starts from. Gives whether it was.
    """
    statement = _update_in(frozenset(change.vm_states), frozenset(change.task_states), of_vifs="vifs" in values)
    return connection.execute(statement, {"wanted": uuid, **change.values, **values}).rowcount == 1


@functools.cache
def _update_in(vm_states: frozenset[str], task_states: frozenset[str | None], *, of_vifs: bool) -> sa.Update:
    """Of a server that is in one of some states."""
    statement = (_UPDATE_VIFS if of_vifs else _UPDATE).where(I.deleted == sa.false())
    if ANY not in vm_states:
        statement = statement.where(I.vm_state.in_(sorted(vm_states)))
    if ANY not in task_states:
        named = sorted(state for state in task_states if state is not None)
        idle = I.task_state.is_(None)
        one_of = I.task_state.in_(named)
        statement = statement.where(sa.or_(idle, one_of) if None in task_states else one_of)
    return statement


_USAGE = sa.select(sa.func.count(), sa.func.sum(I.vcpus), sa.func.sum(I.memory_mb)).where(
    I.project_id == sa.bindparam("project_id"), I.deleted == sa.false()
)
_USAGE_OF_USER = _USAGE.where(I.user_id == sa.bindparam("user_id"))


def usage(connection: sa.Connection, project_id: str, user_id: str | None = None) -> tuple[int, int, int]:
    """What a project (or a user in it) has: instances, vCPUs, MiB of memory."""
    query = _USAGE if user_id is None else _USAGE_OF_USER
    count, cores, ram = connection.execute(query, {"project_id": project_id, "user_id": user_id}).one()
    return count, int(cores or 0), int(ram or 0)


def on_hosts(connection: sa.Connection, hosts: Sequence[str]) -> list[Server]:
    """The servers recorded on some hosts."""
    query = sa.select(*_SERVER_COLUMNS).where(I.host.in_(hosts), I.deleted == sa.false())
    return [_server(row) for row in connection.execute(query)]


def idle_among(connection: sa.Connection, uuids: Iterable[str], host: str) -> list[Any]:
    """Return uuid, vm_state, power_state and updated_at of those of some servers that are on a host and that nothing is
    done to."""
    query = sa.select(I.uuid, I.vm_state, I.power_state, I.updated_at).where(I.uuid.in_(list(uuids)), I.host == host)
    return list(connection.execute(query.where(I.task_state.is_(None), I.deleted == sa.false())))


def among(connection: sa.Connection, uuids: Sequence[str]) -> list[Server]:
    """Some servers, deleted ones included."""
    query = sa.select(*_SERVER_COLUMNS).where(I.uuid.in_(uuids))
    return [_server(row) for row in connection.execute(query)]


_ARCHIVED_COLUMNS = [t.shadow_instances.c[name] for name in _SERVER_FIELDS]


def archived_among(connection: sa.Connection, uuids: Sequence[str]) -> list[Server]:
    """Those of some servers that were deleted and archived."""
    query = sa.select(*_ARCHIVED_COLUMNS).where(t.shadow_instances.c.uuid.in_(uuids))
    return [_server(row) for row in connection.execute(query)]


def hosts_of(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, str]:
    """On which hosts some servers are."""
    query = sa.select(I.uuid, I.host).where(I.uuid.in_(uuids), I.host.is_not(None))
    return dict(connection.execute(query).all())


def count_on_hosts(connection: sa.Connection, hosts: Sequence[str]) -> int:
    """How many servers are on some hosts."""
    query = sa.select(sa.func.count()).select_from(t.instances).where(I.host.in_(hosts), I.deleted == sa.false())
    return connection.execute(query).scalar_one()


def names_by_node(connection: sa.Connection, hosts: Sequence[str]) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """(host, node) → (hypervisor's name, uuid) of its servers."""
    query = sa.select(I.host, I.node, I.id, I.uuid).where(I.host.in_(hosts), I.deleted == sa.false()).order_by(I.id)
    found: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for host, node, row_id, uuid in connection.execute(query):
        found.setdefault((host, node), []).append((f"instance-{row_id:08x}", uuid))
    return found
