"""Servers and migrations as far as their claims in Placement go."""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.migration import MigrationStatus
from novalike.objects.operation import OperationState

I, O, N, R = t.instances.c, t.operations.c, t.compute_nodes.c, t.instance_requests.c  # noqa: E741
M = t.migrations.c

# Below what every database takes in one statement.
_CHUNK = 500


def servers(connection: sa.Connection, *where: Any) -> Iterator[Any]:
    """uuid, deleted, host, node, project_id, user_id, flavor, image of the servers that meet some conditions, in
    the order of their rows."""
    query = (
        sa.select(I.uuid, I.deleted, I.host, I.node, I.project_id, I.user_id, I.flavor, R.image)
        .join_from(t.instances, t.instance_requests, isouter=True)
        .where(*where)
        .order_by(I.id)
    )
    yield from connection.execute(query)


def among(connection: sa.Connection, uuids: Sequence[str]) -> Iterator[Any]:
    """The same of some servers, deleted ones included."""
    for start in range(0, len(uuids), _CHUNK):
        yield from servers(connection, I.uuid.in_(uuids[start : start + _CHUNK]))


def migrations(connection: sa.Connection, uuids: Sequence[str] | None = None) -> Iterator[Any]:
    """Return uuid, instance_uuid, source_compute, source_node and status of migrations.

    :param uuids: of those wanted; None is all that are not over.
    """
    query = sa.select(M.uuid, M.instance_uuid, M.source_compute, M.source_node, M.status)
    if uuids is None:
        yield from connection.execute(query.where(M.status.in_(MigrationStatus.OPEN)))
        return
    for start in range(0, len(uuids), _CHUNK):
        yield from connection.execute(query.where(M.uuid.in_(uuids[start : start + _CHUNK])))


def nodes(connection: sa.Connection) -> dict[tuple[str, str], str]:
    """(host, node) → uuid, which is the resource provider's."""
    return {(row[0], row[1]): row[2] for row in connection.execute(sa.select(N.host, N.hypervisor_hostname, N.uuid))}


def busy(connection: sa.Connection, since: int | None = None) -> set[str]:
    """The servers with an open operation.

    :param since: row number of an operation: also those with a newer one, though it may have ended.
    """
    condition: Any = O.state.in_(OperationState.OPEN)
    if since is not None:
        condition |= O.id > since
    return set(connection.execute(sa.select(O.instance_uuid).where(condition)).scalars())


def newest_operation(connection: sa.Connection) -> int:
    """The highest row number of an operation; 0 when there is none."""
    return connection.execute(sa.select(sa.func.max(O.id))).scalar() or 0
