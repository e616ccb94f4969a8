"""Queries about services and compute nodes."""

import datetime
import logging
import math
import uuid
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.host import NodeReport
from novalike.objects.record import utcnow

LOG = logging.getLogger(__name__)

S, N = t.services.c, t.compute_nodes.c


def beat(
    connection: sa.Connection,
    binary: str,
    endpoint: str,
    incarnation: str,
    hosts: Sequence[str],
    version: int,
    now: datetime.datetime,
    down_after: float,
) -> set[str]:
    """Note that a process lives. Gives those of its hosts that were known.

    :param now: by the database's clock, as in all that follows.
    :param down_after: seconds. Who was silent for longer has changed by being heard of: the scheduler wants to know.
    """
    facts = ((S.version, version), (S.endpoint, endpoint), (S.incarnation, incarnation))
    mine = sa.and_(S.binary == binary, S.host.in_(hosts))
    known = set(connection.execute(sa.select(S.host).where(mine)).scalars())
    if known:
        connection.execute(_seen(now, down_after, *facts).where(mine))
    return known


def beat_again(
    connection: sa.Connection, incarnations: Sequence[tuple[str, str]], now: datetime.datetime, down_after: float
) -> int:
    """Note that processes still live, with all hosts that are recorded as theirs. Gives how many these are.

    :param incarnations: (endpoint, incarnation) of each.
    """
    endpoints, own = zip(*incarnations, strict=True)
    again = _seen(now, down_after).where(S.endpoint.in_(endpoints), S.incarnation.in_(own))
    return connection.execute(again).rowcount


def _seen(now: datetime.datetime, down_after: float, *facts: tuple[Any, Any]) -> sa.Update:
    counts_as_down = now - datetime.timedelta(seconds=down_after)
    # Updated_at first: MariaDB computes one value after the other, and from the ones that it has just set.
    return sa.update(t.services).ordered_values(
        (S.updated_at, sa.case((S.last_seen_at < counts_as_down, now), else_=S.updated_at)),
        (S.last_seen_at, now),
        *facts,
    )


def insert_services(
    connection: sa.Connection,
    binary: str,
    endpoint: str,
    incarnation: str,
    hosts: Sequence[str],
    version: int,
    now: datetime.datetime,
) -> None:
    """Record services that are new. Another process may record the same ones at the same time."""
    rows = [
        {
            "uuid": str(uuid.uuid4()), "host": host, "binary": binary, "endpoint": endpoint,
            "incarnation": incarnation, "version": version, "last_seen_at": now, "created_at": now,
        }
        for host in hosts
    ]  # fmt: skip
    insert_new(connection, t.services, rows)


def insert_new(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows, all at once; one by one when another process has inserted some of them just now."""
    if not rows:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(table), rows)
    except sa.exc.IntegrityError:
        if len(rows) == 1:
            LOG.debug("%s was recorded in %s by another process just now", rows[0].get("host"), table.name)
            return
        for row in rows:
            insert_new(connection, table, [row])


def services(connection: sa.Connection, *where: Any) -> list[Any]:
    """The rows of services."""
    return list(connection.execute(sa.select(t.services).where(*where).order_by(S.id)))


def status_of(connection: sa.Connection, hosts: Sequence[str] | None = None) -> list[Any]:
    """host, endpoint, incarnation, last_seen_at, disabled, forced_down of compute services."""
    query = sa.select(S.host, S.endpoint, S.incarnation, S.last_seen_at, S.disabled, S.forced_down).where(
        S.binary == "novalike-compute"
    )
    if hosts is not None:
        query = query.where(S.host.in_(hosts))
    return list(connection.execute(query))


# What reports say: what the scheduler cares for, and what only people do.
_FACTS = [
    "hypervisor_hostname", "hypervisor_type", "hypervisor_version", "host_ip", "vcpus", "memory_mb", "local_gb",
    "cpu_info", "supported_instances", "traits", "stats", "cpu_allocation_ratio", "ram_allocation_ratio",
    "disk_allocation_ratio", "reserved_host_cpus", "reserved_host_memory_mb", "reserved_host_disk_mb",
    "failed_builds",
]  # fmt: skip
_OTHER = [
    "vcpus_used", "memory_mb_used", "local_gb_used", "disk_available_least", "running_vms", "uptime",
]  # fmt: skip


def store_reports(connection: sa.Connection, reports: Sequence[NodeReport]) -> None:
    """Record what hosts said of their nodes. Their services are known.

    Most reports say what the last one said: nothing is written then. ``updated_at`` moves when something has
    changed that the scheduler cares for.
    """
    now = utcnow()
    hosts = [report.host for report in reports]
    found = connection.execute(
        sa.select(S.host, S.id).where(S.binary == "novalike-compute", S.host.in_(hosts))
    )
    service_ids = dict(found.all())
    known = {
        row.uuid: row
        for row in connection.execute(sa.select(t.compute_nodes).where(N.uuid.in_([r.uuid for r in reports])))
    }
    new = []
    for report in reports:
        facts = {name: getattr(report, name) for name in _FACTS}
        facts.update(service_id=service_ids[report.host], host=report.host)
        other = {name: getattr(report, name) for name in _OTHER}
        row = known.get(report.uuid)
        if row is None:
            new.append(
                {"uuid": report.uuid, "created_at": now, "updated_at": now, **facts, **other}
            )
            continue
        changed = _changed(row, other)
        if news := _changed(row, facts):
            changed |= {**news, "updated_at": now}
        if changed:
            connection.execute(sa.update(t.compute_nodes).where(N.uuid == report.uuid).values(changed))
    if new:
        connection.execute(sa.insert(t.compute_nodes), new)


# Made once: a thousand hosts ask it seventeen times a second.
_NODES = (
    sa.select(t.compute_nodes, S.endpoint, S.incarnation, S.disabled, S.last_seen_at)
    .join_from(t.compute_nodes, t.services)
    .where(N.uuid.in_(sa.bindparam("wanted", expanding=True)))
)


def confirmed(
    connection: sa.Connection,
    endpoint: str,
    incarnation: str,
    reports: Sequence[NodeReport],
    now: datetime.datetime,
    down_after: float,
) -> list[str] | None:
    """Those of the reports' hosts whose services are disabled; None when anything is not recorded as they say, or when
    one of them counts as down, which it isn't. When all that is new is what is used of one node, it is recorded here:
    by one statement, which needs no transaction.

    :param down_after: seconds.
    """
    counts_as_down = now - datetime.timedelta(seconds=down_after)
    known = {row.uuid: row for row in connection.execute(_NODES, {"wanted": [r.uuid for r in reports]})}
    disabled: list[str] = []
    used: list[tuple[str, dict[str, Any]]] = []
    for report in reports:
        row = known.get(report.uuid)
        if row is None or (row.host, row.endpoint, row.incarnation) != (report.host, endpoint, incarnation):
            return None
        if row.last_seen_at is None or row.last_seen_at < counts_as_down:
            return None
        if _changed(row, {name: getattr(report, name) for name in _FACTS}):
            return None
        if other := _changed(row, {name: getattr(report, name) for name in _OTHER}):
            used.append((report.uuid, other))
        if row.disabled:
            disabled.append(report.host)
    if len(used) > 1:
        return None
    for node_uuid, other in used:
        connection.execute(sa.update(t.compute_nodes).where(N.uuid == node_uuid).values(other))
    return disabled


def _changed(row: Any, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if not _same(row._mapping[name], value)}


def _same(had: Any, value: Any) -> bool:
    # A ratio comes back from a database less precisely than it was written.
    return math.isclose(had, value, rel_tol=1e-5) if isinstance(value, float) else bool(had == value)


def touch(connection: sa.Connection, host: str) -> None:
    """Note that a host has changed in something that its servers' rows don't show: one of them has left it."""
    connection.execute(sa.update(t.compute_nodes).where(N.host == host).values(updated_at=utcnow()))


def nodes(connection: sa.Connection, *where: Any, limit: int | None = None) -> list[Any]:
    """Rows of compute nodes joined with their services, prefixed ``service_``."""
    query = (
        sa.select(
            t.compute_nodes,
            S.uuid.label("service_uuid"),
            S.endpoint.label("service_endpoint"),
            S.disabled.label("service_disabled"),
            S.disabled_reason.label("service_disabled_reason"),
            S.forced_down.label("service_forced_down"),
            S.last_seen_at.label("service_last_seen_at"),
        )
        .join_from(t.compute_nodes, t.services)
        .where(*where)
        .order_by(N.id)
        .limit(limit)
    )
    return list(connection.execute(query))


def usage_by_node(connection: sa.Connection, hosts: Sequence[str] | None = None) -> dict[tuple[str, str], Any]:
    """(host, node) → row of count, vcpus, memory_mb, disk, building: what its servers take."""
    i = t.instances.c
    query = (
        sa.select(
            i.host,
            i.node,
            sa.func.count().label("count"),
            sa.func.sum(i.vcpus).label("vcpus"),
            sa.func.sum(i.memory_mb).label("memory_mb"),
            sa.func.sum(i.root_gb + i.ephemeral_gb).label("disk"),
            sa.func.sum(sa.case((i.task_state.is_not(None), 1), else_=0)).label("busy"),
        )
        .where(i.deleted == sa.false(), i.host.is_not(None))
        .group_by(i.host, i.node)
    )
    if hosts is not None:
        query = query.where(i.host.in_(hosts))
    return {(row.host, row.node): row for row in connection.execute(query)}
