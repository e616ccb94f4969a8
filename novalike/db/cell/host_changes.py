"""Which hosts have changed since somebody asked last, without looking at all of them and all servers."""

import datetime
from collections.abc import Sequence

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.record import Row

S, N, I = t.services.c, t.compute_nodes.c, t.instances.c  # noqa: E741

_COMPUTE = S.binary == "novalike-compute"


class Marks(Row, frozen=True):
    """What moves when hosts or their servers change: cheap to compare.

    :param silent: compute services that have not been heard of for a while. Nothing is written when one falls silent.
    """

    nodes: int
    newest_node: int
    node_changed_at: datetime.datetime | None
    service_changed_at: datetime.datetime | None
    server_changed_at: datetime.datetime | None
    silent: int


def marks(connection: sa.Connection, heard_after: datetime.datetime) -> Marks:
    """The marks of a cell.

    :param heard_after: who was heard of last before that is silent.
    """
    newest = sa.select(
        sa.select(sa.func.count(N.id)).scalar_subquery(),
        sa.select(sa.func.coalesce(sa.func.max(N.id), 0)).scalar_subquery(),
        sa.select(sa.func.max(N.updated_at)).scalar_subquery(),
        sa.select(sa.func.max(S.updated_at)).scalar_subquery(),
        sa.select(sa.func.max(I.updated_at)).scalar_subquery(),
        sa.select(sa.func.count(S.id)).where(_COMPUTE, S.last_seen_at < heard_after).scalar_subquery(),
    )
    nodes, newest_node, node_at, service_at, server_at, silent = connection.execute(newest).one()
    return Marks(
        nodes=nodes,
        newest_node=newest_node,
        node_changed_at=node_at,
        service_changed_at=service_at,
        server_changed_at=server_at,
        silent=silent,
    )


def added_since(connection: sa.Connection, newest_node: int) -> int:
    """How many nodes are newer than this one."""
    return connection.execute(sa.select(sa.func.count(N.id)).where(N.id > newest_node)).scalar_one()


def changed_hosts(
    connection: sa.Connection, since: datetime.datetime, silent: tuple[datetime.datetime, datetime.datetime]
) -> Sequence[str]:
    """The hosts of which something has changed since then.

    :param silent: between these two was heard of last who has fallen silent since.
    """
    found = sa.union(
        sa.select(N.host).where(N.updated_at >= since),
        sa.select(S.host).where(_COMPUTE, S.updated_at >= since),
        sa.select(S.host).where(_COMPUTE, S.last_seen_at.between(*silent)),
        sa.select(I.host).where(I.updated_at >= since, I.host.is_not(None)),
    )
    return connection.execute(found).scalars().all()
