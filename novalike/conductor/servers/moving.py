"""Moving servers' records to the cell that was chosen for them.

Copy, repoint, remove: whoever dies in between leaves a server that is in both cells or in the new one, and
the mapping says which counts. Doing it again is safe.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from novalike.conductor.cells import Cell, Cells
from novalike.db.api import mappings
from novalike.db.cell import tables as t

Copied = list[tuple[sa.Table, list[dict[str, Any]]]]

_CHILDREN = (
    (t.instance_requests, t.instance_requests.c.instance_uuid),
    (t.instance_tags, t.instance_tags.c.instance_uuid),
    (t.operations, t.operations.c.instance_uuid),
)


def move(cells: Cells, source: Cell, target: Cell, uuids: Sequence[str]) -> None:
    """Move servers with all that hangs on them from one cell's database to another's.

    :raises Unavailable: one of the databases can't be reached.
    """
    copied = source.database.query(lambda c: _read(c, uuids))
    target.database.write(lambda c: _write(c, copied, uuids))
    cells.api.query(lambda c: mappings.move_instances(c, uuids, target.id))
    cells.remember(uuids, target.id)
    source.database.write(lambda c: _remove(c, uuids))


def _read(connection: sa.Connection, uuids: Sequence[str]) -> Copied:
    found = []
    for table, key in ((t.instances, t.instances.c.uuid), *_CHILDREN):
        rows = [dict(row._mapping) for row in connection.execute(sa.select(table).where(key.in_(uuids)))]
        for row in rows:
            row.pop("id", None)
        found.append((table, rows))
    return found


def _write(connection: sa.Connection, copied: Copied, uuids: Sequence[str]) -> None:
    _remove(connection, uuids)
    for table, rows in copied:
        if rows:
            connection.execute(sa.insert(table), rows)


def _remove(connection: sa.Connection, uuids: Sequence[str]) -> None:
    for table, key in reversed(((t.instances, t.instances.c.uuid), *_CHILDREN)):
        connection.execute(sa.delete(table).where(key.in_(uuids)))
