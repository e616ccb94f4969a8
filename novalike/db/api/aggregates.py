"""Queries about aggregates."""

import uuid

import sqlalchemy as sa

from novalike.db.api import tables as t
from novalike.objects import errors
from novalike.objects.aggregate import ZONE_KEY, Aggregate
from novalike.objects.host import AggregateFacts
from novalike.objects.record import utcnow

A, H, M = t.aggregates.c, t.aggregate_hosts.c, t.aggregate_metadata.c


def remove_host(connection: sa.Connection, host: str) -> None:
    """Take a host out of all aggregates."""
    connection.execute(sa.delete(t.aggregate_hosts).where(t.aggregate_hosts.c.host == host))


def by_host(connection: sa.Connection) -> dict[str, tuple[AggregateFacts, ...]]:
    """host → the aggregates it is in."""
    a, h, m = t.aggregates.c, t.aggregate_hosts.c, t.aggregate_metadata.c
    items: dict[int, dict[str, str]] = {}
    for aggregate_id, key, value in connection.execute(sa.select(m.aggregate_id, m.key, m.value)):
        items.setdefault(aggregate_id, {})[key] = value
    query = sa.select(h.host, a.id, a.uuid, a.name).join_from(t.aggregates, t.aggregate_hosts).order_by(a.id)
    found: dict[str, tuple[AggregateFacts, ...]] = {}
    for row in connection.execute(query):
        facts = AggregateFacts(id=row.id, uuid=row.uuid, name=row.name, metadata=items.get(row.id, {}))
        found[row.host] = (*found.get(row.host, ()), facts)
    return found


def search(connection: sa.Connection, aggregate_id: int | None = None) -> list[Aggregate]:
    """All aggregates with hosts and metadata, in the order in which they were made; or the one of this number."""
    aggregates = sa.select(t.aggregates).order_by(A.id)
    hosts, items = sa.select(t.aggregate_hosts), sa.select(t.aggregate_metadata)
    if aggregate_id is not None:
        aggregates = aggregates.where(A.id == aggregate_id)
        hosts, items = hosts.where(H.aggregate_id == aggregate_id), items.where(M.aggregate_id == aggregate_id)
    rows = connection.execute(aggregates).all()
    if not rows:
        return []
    members: dict[int, list[str]] = {}
    for row in connection.execute(hosts.order_by(H.host)):
        members.setdefault(row.aggregate_id, []).append(row.host)
    metadata: dict[int, dict[str, str]] = {}
    for row in connection.execute(items):
        metadata.setdefault(row.aggregate_id, {})[row.key] = row.value
    return [
        Aggregate(
            id=row.id,
            uuid=row.uuid,
            name=row.name,
            hosts=tuple(members.get(row.id, ())),
            metadata=metadata.get(row.id, {}),
            created_at=row.created_at,
            updated_at=row.updated_at,
        )
        for row in rows
    ]


def get(connection: sa.Connection, aggregate_id: int) -> Aggregate:
    """One aggregate.

    :raises AggregateNotFound: none such.
    """
    found = search(connection, aggregate_id)
    if not found:
        raise errors.AggregateNotFound(aggregate_id=aggregate_id)
    return found[0]


def zones_of_hosts(connection: sa.Connection) -> dict[str, str]:
    """host → its availability zone, for those that an aggregate gives one."""
    query = (
        sa.select(H.host, M.value)
        .join_from(t.aggregate_hosts, t.aggregate_metadata, H.aggregate_id == M.aggregate_id)
        .where(M.key == ZONE_KEY)
        .order_by(H.aggregate_id.desc())
    )
    return {row.host: row.value for row in connection.execute(query)}


def lock(connection: sa.Connection) -> None:
    """Let nobody else change aggregates until the transaction ends: a host's zone depends on several of them."""
    connection.execute(sa.select(A.id).with_for_update()).all()


def insert(connection: sa.Connection, name: str, zone: str | None) -> int:
    """Record an aggregate. Gives its number.

    :raises AggregateNameExists: there is one of this name.
    """
    values = {"uuid": str(uuid.uuid4()), "name": name, "created_at": utcnow()}
    try:
        with connection.begin_nested():
            key = connection.execute(sa.insert(t.aggregates).values(values)).inserted_primary_key
    except sa.exc.IntegrityError:
        raise errors.AggregateNameExists(name=name) from None
    number = int(key[0]) if key else 0
    if zone is not None:
        connection.execute(sa.insert(t.aggregate_metadata).values(aggregate_id=number, key=ZONE_KEY, value=zone))
    return number


def rename(connection: sa.Connection, aggregate_id: int, name: str) -> None:
    """Change an aggregate's name.

    :raises AggregateNameExists: another one has it.
    """
    try:
        with connection.begin_nested():
            connection.execute(sa.update(t.aggregates).where(A.id == aggregate_id).values(name=name))
    except sa.exc.IntegrityError:
        raise errors.AggregateNameExists(name=name) from None


def touch(connection: sa.Connection, aggregate_id: int) -> None:
    """Note that an aggregate was changed."""
    connection.execute(sa.update(t.aggregates).where(A.id == aggregate_id).values(updated_at=utcnow()))


def change_metadata(connection: sa.Connection, aggregate_id: int, changes: dict[str, str | None]) -> None:
    """Set metadata; a value of None removes a key. The caller holds the lock."""
    if not changes:
        return
    connection.execute(
        sa.delete(t.aggregate_metadata).where(M.aggregate_id == aggregate_id, M.key.in_(list(changes)))
    )
    rows = [
        {"aggregate_id": aggregate_id, "key": key, "value": value}
        for key, value in changes.items()
        if value is not None
    ]
    if rows:
        connection.execute(sa.insert(t.aggregate_metadata), rows)


def delete(connection: sa.Connection, aggregate_id: int) -> None:
    """Delete an aggregate."""
    connection.execute(sa.delete(t.aggregates).where(A.id == aggregate_id))


def add_member(connection: sa.Connection, aggregate_id: int, host: str) -> bool:
    """Put a host in. Gives whether it wasn't in there."""
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(t.aggregate_hosts).values(aggregate_id=aggregate_id, host=host))
    except sa.exc.IntegrityError:
        return False
    return True


def remove_member(connection: sa.Connection, aggregate_id: int, host: str) -> bool:
    """Take a host out. Gives whether it was in there."""
    statement = sa.delete(t.aggregate_hosts).where(H.aggregate_id == aggregate_id, H.host == host)
    return bool(connection.execute(statement).rowcount)
