"""Queries about migrations of servers."""

import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from novalike.bus.migrations import MigrationQuery
from novalike.db.cell import tables as t
from novalike.objects.migration import Migration, MigrationStatus, MigrationType

M, I = t.migrations.c, t.instances.c  # noqa: E741

_COLUMNS = [M[field] for field in Migration.__struct_fields__]


def insert(connection: sa.Connection, **values: Any) -> None:
    """Record a migration."""
    connection.execute(sa.insert(t.migrations), values)


def set_status(
    connection: sa.Connection,
    uuid: str,
    now: datetime.datetime,
    status: str,
    *,
    only_in: Sequence[str] | None = None,
    **values: Any,
) -> None:
    """Record how far a migration is, and further columns with it.

    :param now: by the database's clock.
    :param only_in: only if it has one of these statuses.
    """
    change = sa.update(t.migrations).where(M.uuid == uuid)
    if only_in is not None:
        change = change.where(M.status.in_(only_in))
    connection.execute(change.values(status=status, updated_at=now, **values))


def not_over(connection: sa.Connection, instance_uuid: str) -> list[Migration]:
    """Return a server's migrations that are not over, by row number."""
    query = sa.select(*_COLUMNS).where(M.instance_uuid == instance_uuid, M.status.in_(MigrationStatus.OPEN))
    return [_migration(row) for row in connection.execute(query.order_by(M.id))]


def count_not_over(connection: sa.Connection, host: str) -> int:
    """Return how many migrations from or to a host are not over."""
    query = sa.select(sa.func.count()).select_from(t.migrations).where(
        sa.or_(M.source_compute == host, M.dest_compute == host), M.status.in_(MigrationStatus.OPEN)
    )
    return connection.execute(query).scalar_one()


class Place(NamedTuple):
    """Where a migration is in lists whose newest come first. The uuid tells those of different cells apart."""

    created_at: datetime.datetime
    id: int
    uuid: str


def place_of(connection: sa.Connection, uuid: str) -> Place | None:
    """Return where a migration is in lists, though they may not show it; None when there is no such migration."""
    row = connection.execute(sa.select(M.created_at, M.id, M.uuid).where(M.uuid == uuid)).first()
    return None if row is None else Place(*row)


# A server's migrations go out of sight with it. MariaDB has to be told to look for the server of each migration: or it
# sorts the migrations of all servers. And IS keeps it from first reading from an index all servers that are not
# deleted.
_LISTED = (
    sa.select(*_COLUMNS)
    .join_from(t.migrations, t.instances)
    .where(I.deleted.is_(sa.false()), M.hidden == sa.false())
    .prefix_with("STRAIGHT_JOIN", dialect="mysql")
    .prefix_with("STRAIGHT_JOIN", dialect="mariadb")
)

# Filters that compare a column with a value.
_EXACT = ("project_id", "user_id", "instance_uuid", "status", "migration_type")


def listed(connection: sa.Connection, query: MigrationQuery, after: Place | None) -> list[Migration]:
    """Return the migrations that a query means, in its order.

    :param after: only those that come after this place, newest first.
    """
    statement = _LISTED.where(*_conditions(query))
    if after is not None:
        statement = statement.where(_comes_after(after))
    order = (M.created_at.desc(), M.id.desc()) if query.newest_first else (M.id,)
    rows = connection.execute(statement.order_by(*order).limit(query.limit))
    return [_migration(row) for row in rows]


def _conditions(query: MigrationQuery) -> list[sa.ColumnElement[bool]]:
    wanted = {name: getattr(query, name) for name in _EXACT}
    found = [M[name] == value for name, value in wanted.items() if value is not None]
    if query.host is not None:
        found.append(sa.or_(M.source_compute == query.host, M.dest_compute == query.host))
    elif query.source_compute is not None:
        found.append(M.source_compute == query.source_compute)
    if query.changes_since is not None:
        found.append(M.updated_at >= query.changes_since)
    if query.changes_before is not None:
        found.append(M.updated_at <= query.changes_before)
    return found


def _comes_after(place: Place) -> sa.ColumnElement[bool]:
    # The first condition is what databases find the place in an index by.
    return sa.and_(
        M.created_at <= place.created_at,
        sa.or_(
            M.created_at < place.created_at,
            M.id < place.id,
            sa.and_(M.id == place.id, M.uuid > place.uuid),
        ),
    )


def live_in_progress(connection: sa.Connection, instance_uuid: str) -> list[Migration]:
    """Return the live migrations of a server that are in progress, by row number."""
    query = sa.select(*_COLUMNS).where(
        M.instance_uuid == instance_uuid,
        M.status.in_(MigrationStatus.LIVE_IN_PROGRESS),
        M.migration_type == MigrationType.LIVE,
    )
    return [_migration(row) for row in connection.execute(query.order_by(M.id))]


def of_server(connection: sa.Connection, instance_uuid: str, migration_id: int) -> Migration | None:
    """Return the migration of a server with this row number; None when it has none."""
    query = sa.select(*_COLUMNS).where(M.id == migration_id, M.instance_uuid == instance_uuid)
    row = connection.execute(query).first()
    return None if row is None else _migration(row)


def _migration(row: Any) -> Migration:
    return Migration(**row._mapping)
