"""Moving servers that were deleted, with all that hangs on them, into shadow tables.

A server is archived when nobody needs its rows any more: nothing is due or under way for it, and all hosts it was
on have been heard of since it was deleted. Such a host has been told what it has to remove; one that has been away
ever since asks when it comes back, and is told by these rows.
"""

import datetime
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.operation import OperationState

I, O, M, S = t.instances.c, t.operations.c, t.migrations.c, t.services.c  # noqa: E741

SHADOWS = (
    (t.shadow_operations, t.operations),
    (t.shadow_migrations, t.migrations),
    (t.shadow_instance_requests, t.instance_requests),
    (t.shadow_instances, t.instances),
)
# Below what every database takes in one statement.
_CHUNK = 500

# Where a list of deleted servers goes on: time of deletion and row number of the last one that was looked at.
Cursor = tuple[datetime.datetime, int]


class Candidate(NamedTuple):
    """A server that was deleted.

    :param rows: how many rows would be archived with it, its own among them.
    :param is_needed: whether it must stay for now.
    """

    id: int
    uuid: str
    rows: int
    is_needed: bool


def check_schema(connection: sa.Connection) -> None:
    """
    :raises Unavailable: this database has no shadow tables yet.
    """
    for shadow, _ in SHADOWS:
        connection.execute(sa.select(*shadow.primary_key).limit(0))


def candidates(
    connection: sa.Connection, before: datetime.datetime, after: Cursor | None, limit: int
) -> tuple[list[Candidate], Cursor | None]:
    """The servers that were deleted before some time, in the order of their deletion, and the cursor for more of them;
    None when there are no more.

    :param after: the cursor that came with the servers before these.
    """
    query = sa.select(I.id, I.uuid, I.deleted_at, I.host).where(I.deleted_at < before)
    if after is not None:
        moment, row_id = after
        query = query.where(I.deleted_at >= moment, sa.or_(I.deleted_at > moment, I.id > row_id))
    rows = connection.execute(query.order_by(I.deleted_at, I.id).limit(limit)).all()
    if not rows:
        return [], None
    uuids = [row.uuid for row in rows]
    operations = _operations(connection, uuids)
    migrations = _count_migrations(connection, uuids)
    hosts = _silent_hosts(connection, rows[-1].deleted_at)
    places = _places(connection, uuids) if hosts else {}
    found = []
    for row in rows:
        count, open_or_due = operations.get(row.uuid, (0, 0))
        was_on = places.get(row.uuid, set()) | {row.host}
        is_awaited = any(hosts[host] < row.deleted_at for host in was_on & hosts.keys())
        own = count + migrations.get(row.uuid, 0) + 2
        found.append(Candidate(row.id, row.uuid, own, bool(open_or_due) or is_awaited))
    return found, (rows[-1].deleted_at, rows[-1].id) if len(rows) == limit else None


def _operations(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, tuple[int, int]]:
    """How many operations each server has, and how many of them somebody must still look after."""
    looked_after = sa.case((sa.or_(O.due_at.is_not(None), O.state.in_(OperationState.OPEN)), 1), else_=0)
    query = sa.select(O.instance_uuid, sa.func.count(), sa.func.sum(looked_after))
    rows = connection.execute(query.where(O.instance_uuid.in_(uuids)).group_by(O.instance_uuid))
    return {uuid: (count, int(needed)) for uuid, count, needed in rows}


def _count_migrations(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, int]:
    """How many migrations each server has; without those that have none."""
    query = sa.select(M.instance_uuid, sa.func.count()).where(M.instance_uuid.in_(uuids)).group_by(M.instance_uuid)
    return dict(connection.execute(query).all())


def _silent_hosts(connection: sa.Connection, since: datetime.datetime) -> dict[str, datetime.datetime]:
    """When hosts were heard of last that have been silent since some time."""
    query = sa.select(S.host, S.last_seen_at).where(S.binary == "novalike-compute", S.last_seen_at < since)
    return dict(connection.execute(query).all())


def _places(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, set[str]]:
    """The hosts on which something was done to each of some servers, and those between which it was moved."""
    found: dict[str, set[str]] = {}
    query = sa.select(O.instance_uuid, O.host).where(O.instance_uuid.in_(uuids), O.host.is_not(None)).distinct()
    for uuid, host in connection.execute(query):
        found.setdefault(uuid, set()).add(host)
    builds = sa.select(O.instance_uuid, O.params).where(O.instance_uuid.in_(uuids), O.workflow == "create")
    for uuid, params in connection.execute(builds):
        found.setdefault(uuid, set()).update(params.get("excluded_hosts", ()))
    moves = sa.select(M.instance_uuid, M.source_compute, M.dest_compute).where(M.instance_uuid.in_(uuids)).distinct()
    for uuid, *hosts in connection.execute(moves):
        found.setdefault(uuid, set()).update(host for host in hosts if host is not None)
    return found


def move(connection: sa.Connection, ids: Sequence[int]) -> dict[str, int]:
    """Move deleted servers into the shadow tables. Gives how many rows of each table were moved.

    Rows are picked by their primary keys: then MariaDB locks no gaps between them, where others insert. Console
    tokens and tags go without a copy, as they do when a server is deleted.
    """
    # Somebody else may have archived them just now.
    query = sa.select(I.id, I.uuid).where(I.id.in_(ids), I.deleted == sa.true()).with_for_update()
    servers = {row.uuid: row.id for row in connection.execute(query)}
    uuids = list(servers)
    if not uuids:
        return {}
    operations, migrations = (_ids(connection, table, uuids) for table in (t.operations, t.migrations))
    keys = {t.operations: (O.id, operations), t.migrations: (M.id, migrations),
            t.instance_requests: (t.instance_requests.c.instance_uuid, uuids),
            t.instances: (I.id, list(servers.values()))}  # fmt: skip
    for table in (t.console_auth_tokens, t.instance_tags):
        _delete_leftovers(connection, table, uuids)
    moved = {}
    for shadow, table in SHADOWS:
        moved[table.name] = sum(_copy_and_delete(connection, shadow, table, *part) for part in _parts(*keys[table]))
    return {name: rows for name, rows in moved.items() if rows}


def _ids(connection: sa.Connection, table: sa.Table, uuids: Sequence[str]) -> Sequence[int]:
    return connection.execute(sa.select(table.c.id).where(table.c.instance_uuid.in_(uuids))).scalars().all()


def _delete_leftovers(connection: sa.Connection, table: sa.Table, uuids: Sequence[str]) -> None:
    key = table.c.instance_uuid
    found = connection.execute(sa.select(key).where(key.in_(uuids)).distinct()).scalars().all()
    if found:
        connection.execute(sa.delete(table).where(key.in_(found)))


def _parts(column: Any, values: Sequence[Any]) -> Iterator[tuple[Any, Sequence[Any]]]:
    for start in range(0, len(values), _CHUNK):
        yield column, values[start : start + _CHUNK]


def _copy_and_delete(
    connection: sa.Connection, shadow: sa.Table, table: sa.Table, column: Any, values: Sequence[Any]
) -> int:
    kept = [table.c[name] for name in shadow.c.keys()]  # noqa: SIM118
    connection.execute(sa.insert(shadow).from_select(shadow.c.keys(), sa.select(*kept).where(column.in_(values))))
    return connection.execute(sa.delete(table).where(column.in_(values))).rowcount
