"""Changes to services."""

import datetime
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.record import utcnow

S, N, I = t.services.c, t.compute_nodes.c, t.instances.c  # noqa: E741
_COMPUTE = "novalike-compute"


def endpoint_of(host: sa.ColumnElement[Any]) -> sa.Label[Any]:
    """Return an expression for the bus address of a compute host's process; NULL when there is no such host.

    :param host: a column with hosts' names.
    """
    mine = sa.select(S.endpoint).where(S.host == host, S.binary == _COMPUTE)
    return mine.correlate(host.table).scalar_subquery().label("endpoint")  # type: ignore[attr-defined]


def endpoint_at(connection: sa.Connection, host: str) -> str | None:
    """Return the bus address of a compute host's process; None when there is no such host."""
    return connection.execute(sa.select(S.endpoint).where(S.host == host, S.binary == _COMPUTE)).scalar()


def listed(connection: sa.Connection, host: str | None = None, binary: str | None = None) -> list[Any]:
    """The rows of services, of a host or of a kind."""
    query = sa.select(t.services).order_by(S.id)
    if host is not None:
        query = query.where(S.host == host)
    if binary is not None:
        query = query.where(S.binary == binary)
    return list(connection.execute(query))


def get(connection: sa.Connection, service_id: str) -> Any:
    """A service by uuid, or by row number when it is a number; or None."""
    column, value = (S.id, int(service_id)) if service_id.lstrip("-").isdecimal() else (S.uuid, service_id)
    return connection.execute(sa.select(t.services).where(column == value)).first()


def update(connection: sa.Connection, uuid: str, /, **values: Any) -> None:
    """Change a service."""
    connection.execute(sa.update(t.services).where(S.uuid == uuid).values(updated_at=utcnow(), **values))


def take_over(
    connection: sa.Connection, hosts: Sequence[str], endpoint: str, incarnation: str, now: datetime.datetime
) -> None:
    """Record that some compute hosts have another process now, as far as they are known and it is another one."""
    other = sa.or_(S.endpoint != endpoint, S.incarnation != incarnation)
    mine = sa.and_(S.binary == _COMPUTE, S.host.in_(hosts), other)
    values = {"endpoint": endpoint, "incarnation": incarnation, "updated_at": now}
    connection.execute(sa.update(t.services).where(mine).values(values))


def nodes_of(connection: sa.Connection, row_id: int) -> list[str]:
    """The uuids of a service's compute nodes."""
    return list(connection.execute(sa.select(N.uuid).where(N.service_id == row_id)).scalars())


def count_servers(connection: sa.Connection, host: str) -> int:
    """How many servers are on a host."""
    query = sa.select(sa.func.count()).select_from(t.instances).where(I.host == host, I.deleted == sa.false())
    return connection.execute(query).scalar_one()


def delete(connection: sa.Connection, row_id: int) -> None:
    """Forget a service and its compute nodes."""
    connection.execute(sa.delete(t.compute_nodes).where(N.service_id == row_id))
    connection.execute(sa.delete(t.services).where(S.id == row_id))


def disabled(connection: sa.Connection) -> list[str]:
    """The compute hosts whose services are disabled."""
    return list(connection.execute(sa.select(S.host).where(S.binary == _COMPUTE, S.disabled)).scalars())


def disabled_among(connection: sa.Connection, hosts: list[str]) -> list[str]:
    """Those of some compute hosts whose services are disabled."""
    query = sa.select(S.host).where(S.binary == _COMPUTE, S.host.in_(hosts), S.disabled)
    return list(connection.execute(query).scalars())
