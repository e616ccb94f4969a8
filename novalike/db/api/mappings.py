"""Queries about which cell things are in."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from novalike.db.api import tables as t
from novalike.objects.record import utcnow


def cells(connection: sa.Connection) -> list[Any]:
    """All cell mappings."""
    return list(connection.execute(sa.select(t.cell_mappings).order_by(t.cell_mappings.c.id)))


def insert_cell(connection: sa.Connection, **values: Any) -> None:
    """Record a cell."""
    connection.execute(sa.insert(t.cell_mappings).values(created_at=utcnow(), **values))


def cell_of_instance(connection: sa.Connection, uuid: str) -> int | None:
    """The cell's row number."""
    m = t.instance_mappings.c
    return connection.execute(sa.select(m.cell_id).where(m.instance_uuid == uuid)).scalar()


def cells_of_instances(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, int]:
    """The cells' row numbers, for those of the servers that have one."""
    m = t.instance_mappings.c
    query = sa.select(m.instance_uuid, m.cell_id).where(m.instance_uuid.in_(uuids))
    return dict(connection.execute(query).all())


def map_instances(
    connection: sa.Connection, uuids: Sequence[str], cell_id: int, project_id: str, user_id: str
) -> None:
    """Record which cell new servers are in."""
    now = utcnow()
    connection.execute(
        sa.insert(t.instance_mappings),
        [
            {
                "instance_uuid": uuid, "cell_id": cell_id, "project_id": project_id, "user_id": user_id,
                "created_at": now,
            }
            for uuid in uuids
        ],
    )  # fmt: skip


def move_instances(connection: sa.Connection, uuids: Sequence[str], cell_id: int) -> None:
    """Record that servers are in another cell now."""
    m = t.instance_mappings.c
    connection.execute(
        sa.update(t.instance_mappings).where(m.instance_uuid.in_(uuids)).values(cell_id=cell_id, updated_at=utcnow())
    )


def unmap_instances(connection: sa.Connection, uuids: Sequence[str], cell_id: int) -> int:
    """Forget servers that are in this cell. Gives how many there were; others are left alone."""
    m = t.instance_mappings.c
    unmap = sa.delete(t.instance_mappings).where(m.instance_uuid.in_(uuids), m.cell_id == cell_id)
    return connection.execute(unmap).rowcount


def hosts(connection: sa.Connection, names: Sequence[str] | None = None) -> dict[str, int]:
    """host → cell row number.

    :param names: of these hosts only.
    """
    query = sa.select(t.host_mappings.c.host, t.host_mappings.c.cell_id)
    if names is not None:
        query = query.where(t.host_mappings.c.host.in_(names))
    return dict(connection.execute(query).all())


def map_host(connection: sa.Connection, host: str, cell_id: int) -> None:
    """Record which cell a host is in."""
    connection.execute(sa.insert(t.host_mappings).values(host=host, cell_id=cell_id, created_at=utcnow()))


def map_hosts(connection: sa.Connection, names: Sequence[str], cell_id: int) -> None:
    """Record which cell some hosts are in, of those of which it isn't recorded."""
    known = hosts(connection, names)
    now = utcnow()
    rows = [{"host": host, "cell_id": cell_id, "created_at": now} for host in names if host not in known]
    if rows:
        connection.execute(sa.insert(t.host_mappings), rows)


def unmap_host(connection: sa.Connection, host: str) -> None:
    """Forget a host."""
    connection.execute(sa.delete(t.host_mappings).where(t.host_mappings.c.host == host))
