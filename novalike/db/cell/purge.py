"""Deleting archived servers for good."""

import datetime

import sqlalchemy as sa

from novalike.db.cell import tables as t

A = t.shadow_instances.c


def purge(connection: sa.Connection, before: datetime.datetime | None, servers: int) -> tuple[int, dict[str, int]]:
    """Delete from the shadow tables the servers that were deleted first, with all that was archived with them.
    Gives how many servers that were, and how many rows of each shadow table.

    :param before: only those that were deleted before this time; None is all.
    :param servers: so many at most.
    """
    query = sa.select(A.uuid).order_by(A.deleted_at).limit(servers)
    if before is not None:
        query = query.where(A.deleted_at < before)
    uuids = list(connection.execute(query).scalars())
    if not uuids:
        return 0, {}
    deleted = {}
    for table, key in (
        (t.shadow_operations, t.shadow_operations.c.instance_uuid),
        (t.shadow_migrations, t.shadow_migrations.c.instance_uuid),
        (t.shadow_instance_requests, t.shadow_instance_requests.c.instance_uuid),
        (t.shadow_instances, A.uuid),
    ):
        rows = connection.execute(sa.delete(table).where(key.in_(uuids))).rowcount
        if rows:
            deleted[table.name] = rows
    return len(uuids), deleted
