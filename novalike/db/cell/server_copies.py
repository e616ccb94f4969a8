"""Servers with all that hangs on them, copied from one cell's database to another's."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.operation import OperationState

Copied = list[tuple[sa.Table, list[dict[str, Any]]]]

_CHILDREN = (
    (t.instance_requests, t.instance_requests.c.instance_uuid),
    (t.instance_tags, t.instance_tags.c.instance_uuid),
    (t.operations, t.operations.c.instance_uuid),
)


def held(connection: sa.Connection, epochs: dict[str, int], *, equal: bool, lock: bool = False) -> list[str]:
    """Return the servers whose operations are here, open and at these epochs; or, not ``equal``, at later ones."""
    o = t.operations.c
    query = sa.select(o.uuid, o.instance_uuid, o.epoch, o.state).where(o.uuid.in_(epochs))
    rows = connection.execute(query.with_for_update() if lock else query).all()
    if equal:
        return [r.instance_uuid for r in rows if r.epoch == epochs[r.uuid] and r.state in OperationState.OPEN]
    return [r.instance_uuid for r in rows if r.epoch > epochs[r.uuid]]


def read(connection: sa.Connection, uuids: Sequence[str]) -> Copied:
    """Return all rows of some servers, without row numbers."""
    found = []
    for table, key in ((t.instances, t.instances.c.uuid), *_CHILDREN):
        rows = [dict(row._mapping) for row in connection.execute(sa.select(table).where(key.in_(uuids)))]
        for row in rows:
            row.pop("id", None)
        found.append((table, rows))
    return found


def write(connection: sa.Connection, copied: Copied, epochs: dict[str, int], uuids: Sequence[str]) -> list[str]:
    """Write copies, but not those of servers that somebody else has brought here meanwhile. Return what was written."""
    overtaken = held(connection, epochs, equal=False)
    wanted = [uuid for uuid in uuids if uuid not in overtaken]
    delete(connection, wanted)
    for table, rows in copied:
        key = "uuid" if table is t.instances else "instance_uuid"
        chosen = [row for row in rows if row[key] in wanted]
        if chosen:
            connection.execute(sa.insert(table), chosen)
    return wanted


def delete(connection: sa.Connection, uuids: Sequence[str]) -> None:
    """Delete some servers. What hangs on them goes with them: each foreign key says so."""
    connection.execute(sa.delete(t.instances).where(t.instances.c.uuid.in_(uuids)))
