"""Queries about services and compute nodes."""

import datetime
import logging
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.host import NodeReport
from novalike.objects.record import utcnow

LOG = logging.getLogger(__name__)

S, N = t.services.c, t.compute_nodes.c


def beat(
    connection: sa.Connection, binary: str, endpoint: str, incarnation: str, hosts: Iterable[str], version: int
) -> set[str]:
    """Note that a process lives. Gives those of its hosts that were known."""
    hosts = list(hosts)
    mine = sa.and_(S.binary == binary, S.host.in_(hosts))
    known = set(connection.execute(sa.select(S.host).where(mine)).scalars())
    if known:
        connection.execute(
            sa.update(t.services)
            .where(mine)
            .values(endpoint=endpoint, incarnation=incarnation, version=version, last_seen_at=utcnow())
        )
    return known


def insert_services(
    connection: sa.Connection, binary: str, endpoint: str, incarnation: str, hosts: Iterable[str], version: int
) -> None:
    """Record services that are new. Another process may record the same ones at the same time."""
    now = utcnow()
    rows = [
        {
            "uuid": str(uuid.uuid4()), "host": host, "binary": binary, "endpoint": endpoint,
            "incarnation": incarnation, "version": version, "last_seen_at": now, "created_at": now,
        }
        for host in hosts
    ]  # fmt: skip
    for row in rows:
        try:
            with connection.begin_nested():
                connection.execute(sa.insert(t.services).values(row))
        except sa.exc.IntegrityError:
            LOG.debug("%s on %s was recorded by another process just now", binary, row["host"])


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


_REPORTED = [
    "hypervisor_type", "hypervisor_version", "host_ip", "vcpus", "vcpus_used", "memory_mb", "memory_mb_used",
    "local_gb", "local_gb_used", "disk_available_least", "running_vms", "cpu_info", "uptime", "supported_instances",
    "traits", "stats", "cpu_allocation_ratio", "ram_allocation_ratio", "disk_allocation_ratio", "reserved_host_cpus",
    "reserved_host_memory_mb", "reserved_host_disk_mb",
]  # fmt: skip


def store_reports(connection: sa.Connection, reports: Sequence[NodeReport]) -> None:
    """Record what hosts said of their nodes. Their services are known."""
    now = utcnow()
    hosts = [report.host for report in reports]
    service_ids = dict(
        connection.execute(
            sa.select(S.host, S.id).where(S.binary == "novalike-compute", S.host.in_(hosts))
        ).all()
    )
    known = set(connection.execute(sa.select(N.uuid).where(N.uuid.in_([r.uuid for r in reports]))).scalars())
    new = []
    for report in reports:
        values = {name: getattr(report, name) for name in _REPORTED}
        values.update(service_id=service_ids[report.host], host=report.host, updated_at=now)
        values["hypervisor_hostname"] = report.hypervisor_hostname
        if report.uuid in known:
            connection.execute(sa.update(t.compute_nodes).where(N.uuid == report.uuid).values(values))
        else:
            new.append({"uuid": report.uuid, "created_at": now, "failed_builds": 0, **values})
    if new:
        connection.execute(sa.insert(t.compute_nodes), new)


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
        .where(i.deleted.is_(False), i.host.is_not(None))
        .group_by(i.host, i.node)
    )
    if hosts is not None:
        query = query.where(i.host.in_(hosts))
    return {(row.host, row.node): row for row in connection.execute(query)}


def last_change(connection: sa.Connection) -> tuple[datetime.datetime | None, ...]:
    """What moves when hosts or their servers change: cheap to compare."""
    i = t.instances.c
    return tuple(
        connection.execute(
            sa.select(
                sa.select(sa.func.max(N.updated_at)).scalar_subquery(),
                sa.select(sa.func.max(S.updated_at)).scalar_subquery(),
                sa.select(sa.func.max(i.updated_at)).scalar_subquery(),
            )
        ).one()
    )
