"""Queries of operators about cells: who is in them, and how they change."""

from typing import Any

import sqlalchemy as sa

from novalike.db.api import tables as t
from novalike.objects.record import utcnow

C = t.cell_mappings.c


def find(connection: sa.Connection, uuid: str) -> Any | None:
    """A cell's row, or None."""
    return connection.execute(sa.select(t.cell_mappings).where(C.uuid == uuid)).first()


def is_taken(connection: sa.Connection, database_connection: str, but: str | None = None) -> bool:
    """Whether another cell has this database. (All cells may share one message bus.)

    :param but: the uuid of a cell that doesn't count.
    """
    query = sa.select(C.uuid, C.database_connection)
    return any(row.database_connection == database_connection and row.uuid != but for row in connection.execute(query))


def update(connection: sa.Connection, uuid: str, **values: Any) -> None:
    """Change a cell."""
    connection.execute(sa.update(t.cell_mappings).where(C.uuid == uuid).values(updated_at=utcnow(), **values))


def hosts(connection: sa.Connection, cell_id: int | None = None) -> list[Any]:
    """(cell name, cell uuid, host) of mapped hosts."""
    h = t.host_mappings.c
    query = sa.select(C.name, C.uuid, h.host).join_from(t.host_mappings, t.cell_mappings).order_by(C.id, h.host)
    return list(connection.execute(query if cell_id is None else query.where(h.cell_id == cell_id)))


def count_servers(connection: sa.Connection, cell_id: int) -> int:
    """Servers that are mapped to a cell."""
    m = t.instance_mappings.c
    return connection.execute(
        sa.select(sa.func.count()).select_from(t.instance_mappings).where(m.cell_id == cell_id)
    ).scalar_one()


def delete(connection: sa.Connection, cell_id: int) -> None:
    """Forget a cell and its hosts."""
    connection.execute(sa.delete(t.host_mappings).where(t.host_mappings.c.cell_id == cell_id))
    connection.execute(sa.delete(t.cell_mappings).where(C.id == cell_id))
