"""The schema of a cell database (cell0's is the same).

A server is one wide row; what is only ever read and written whole (flavor, metadata, interfaces …) is a JSON
column of it, so that a page of servers is one query. What is searched by is a column or a table.
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from novalike.db import handled_requests as handled_requests_db
from novalike.db.columns import Json, LongText, Moment, moments, name
from novalike.objects.block_device import BlockDevice
from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.keypair import Keypair
from novalike.objects.network import RequestedNetwork, Vif
from novalike.objects.operation import Failure, JournalEntry, Stop
from novalike.objects.server import Fault

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

services = sa.Table(
    "services",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("host", name(), nullable=False),
    sa.Column("binary", name(64), nullable=False),
    sa.Column("endpoint", name(), nullable=False, index=True),
    sa.Column("incarnation", sa.String(36), nullable=False),
    sa.Column("version", sa.Integer, nullable=False, default=1),
    sa.Column("last_seen_at", Moment),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
    sa.Column("disabled_reason", sa.String(255)),
    sa.Column("forced_down", sa.Boolean, nullable=False, default=False),
    *moments(),
    sa.UniqueConstraint("host", "binary"),
    sa.Index(None, "updated_at"),
)

compute_nodes = sa.Table(
    "compute_nodes",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("service_id", sa.Integer, sa.ForeignKey("services.id", ondelete="CASCADE"), nullable=False, index=True),
    sa.Column("host", name(), nullable=False),
    sa.Column("hypervisor_hostname", name(), nullable=False),
    sa.Column("hypervisor_type", sa.String(64), nullable=False),
    sa.Column("hypervisor_version", sa.Integer, nullable=False),
    sa.Column("host_ip", sa.String(39)),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("vcpus_used", sa.Integer, nullable=False),
    sa.Column("memory_mb", sa.Integer, nullable=False),
    sa.Column("memory_mb_used", sa.Integer, nullable=False),
    sa.Column("local_gb", sa.Integer, nullable=False),
    sa.Column("local_gb_used", sa.Integer, nullable=False),
    sa.Column("disk_available_least", sa.Integer),
    sa.Column("running_vms", sa.Integer, nullable=False),
    sa.Column("cpu_info", Json(dict[str, Any]), nullable=False),
    sa.Column("uptime", sa.String(255)),
    sa.Column("supported_instances", Json(tuple[tuple[str, str, str], ...]), nullable=False),
    sa.Column("traits", Json(tuple[str, ...]), nullable=False),
    sa.Column("stats", Json(dict[str, Any]), nullable=False),
    sa.Column("cpu_allocation_ratio", sa.Float, nullable=False),
    sa.Column("ram_allocation_ratio", sa.Float, nullable=False),
    sa.Column("disk_allocation_ratio", sa.Float, nullable=False),
    sa.Column("reserved_host_cpus", sa.Integer, nullable=False),
    sa.Column("reserved_host_memory_mb", sa.Integer, nullable=False),
    sa.Column("reserved_host_disk_mb", sa.Integer, nullable=False),
    sa.Column("failed_builds", sa.Integer, nullable=False, default=0),
    *moments(),
    sa.UniqueConstraint("host", "hypervisor_hostname"),
    sa.Index(None, "updated_at"),
)

instances = sa.Table(
    "instances",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("project_id", name(), nullable=False),
    sa.Column("user_id", name(), nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False, default=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment),
    sa.Column("deleted_at", Moment),
    sa.Column("name", sa.String(255), nullable=False),
    sa.Column("hostname", sa.String(255)),
    sa.Column("description", sa.Text),
    sa.Column("vm_state", sa.String(32), nullable=False),
    sa.Column("task_state", sa.String(32)),
    sa.Column("power_state", sa.Integer, nullable=False, default=0),
    sa.Column("progress", sa.Integer),
    sa.Column("host", name()),
    sa.Column("node", name()),
    # Of the release before, whose conductors may still run: written for them, read by nobody here.
    sa.Column("endpoint", name()),
    sa.Column("launched_at", Moment),
    sa.Column("terminated_at", Moment),
    sa.Column("image_ref", sa.String(36)),
    sa.Column("kernel_id", sa.String(255)),
    sa.Column("ramdisk_id", sa.String(255)),
    sa.Column("key_name", name()),
    sa.Column("config_drive", sa.String(255), nullable=False, default=""),
    sa.Column("availability_zone", name()),
    sa.Column("pinned_availability_zone", name()),
    sa.Column("access_ip_v4", sa.String(39)),
    sa.Column("access_ip_v6", sa.String(39)),
    sa.Column("locked_by", sa.String(8)),
    sa.Column("locked_reason", sa.String(255)),
    sa.Column("root_device_name", sa.String(255)),
    sa.Column("launch_index", sa.Integer, nullable=False, default=0),
    sa.Column("reservation_id", sa.String(64)),
    sa.Column("auto_disk_config", sa.Boolean, nullable=False, default=True),
    sa.Column("flavorid", name(), nullable=False),
    sa.Column("memory_mb", sa.Integer, nullable=False),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("root_gb", sa.Integer, nullable=False),
    sa.Column("ephemeral_gb", sa.Integer, nullable=False),
    sa.Column("flavor", Json(Flavor), nullable=False),
    sa.Column("metadata", Json(dict[str, str]), nullable=False),
    sa.Column("system_metadata", Json(dict[str, str]), nullable=False),
    sa.Column("scheduler_hints", Json(dict[str, Any]), nullable=False),
    sa.Column("vifs", Json(tuple[Vif, ...]), nullable=False),
    sa.Column("vifs_version", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("trusted_certs", Json(tuple[str, ...])),
    sa.Column("fault", Json(Fault)),
    sa.Column("security_groups", Json(tuple[str, ...]), nullable=False),
    sa.Column("block_devices", Json(tuple[BlockDevice, ...]), nullable=False),
    # When something is to be done to it by itself, and what.
    sa.Column("wake_at", Moment, index=True),
    sa.Column("wake_action", sa.String(64)),
    # Pages of a project's list and of all projects' lists, whole or of one state, in the order of creation; by name.
    sa.Index(None, "project_id", "deleted", "created_at", "id"),
    sa.Index(None, "deleted", "created_at", "id"),
    sa.Index(None, "project_id", "deleted", "vm_state", "created_at", "id"),
    sa.Index(None, "deleted", "vm_state", "created_at", "id"),
    sa.Index(None, "project_id", "deleted", "name", "uuid"),
    # All that a project's usage is summed up from.
    sa.Index("ix_instances_usage", "project_id", "deleted", "user_id", "vcpus", "memory_mb"),
    sa.Index(None, "host", "deleted"),
    sa.Index(None, "updated_at"),
    sa.Index(None, "reservation_id"),
    # Those to be archived, in the order of their deletion.
    sa.Index(None, "deleted_at", "id"),
)

# What a server's host needs beyond the row above, and lists never show.
instance_requests = sa.Table(
    "instance_requests",
    metadata,
    sa.Column(
        "instance_uuid", sa.String(36), sa.ForeignKey("instances.uuid", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("image", Json(Image)),
    sa.Column("keypair", Json(Keypair)),
    sa.Column("networks", Json(tuple[RequestedNetwork, ...])),
    sa.Column("user_data", LongText),
    sa.Column("admin_password", sa.String(255)),
    sa.Column("requested_host", name()),
    sa.Column("requested_node", name()),
    sa.Column("force_host", sa.Boolean, nullable=False, default=False),
    sa.Column("guest_password", sa.Text),
)

instance_tags = sa.Table(
    "instance_tags",
    metadata,
    sa.Column(
        "instance_uuid", sa.String(36), sa.ForeignKey("instances.uuid", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("tag", name(80), primary_key=True, index=True),
)

operations = sa.Table(
    "operations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column(
        "instance_uuid", sa.String(36), sa.ForeignKey("instances.uuid", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("workflow", sa.String(64), nullable=False),
    sa.Column("request_id", name(), nullable=False, index=True),
    sa.Column("user_id", name()),
    sa.Column("project_id", name()),
    sa.Column("state", sa.String(16), nullable=False),
    sa.Column("epoch", sa.Integer, nullable=False, default=0),
    sa.Column("sequence", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("attempts", sa.Integer, nullable=False, default=0),
    sa.Column("host", name()),
    sa.Column("endpoint", name()),  # as that of instances
    sa.Column("holder", name(), index=True),
    sa.Column("start_time", Moment, nullable=False),
    sa.Column("finish_time", Moment),
    sa.Column("updated_at", Moment),
    # When the reconciler looks at it again; NULL once it has ended.
    sa.Column("due_at", Moment, index=True),
    # When it is given up.
    sa.Column("deadline", Moment),
    sa.Column("message", sa.String(255)),
    sa.Column("params", Json(dict[str, Any]), nullable=False),
    sa.Column("journal", Json(tuple[JournalEntry, ...]), nullable=False),
    # NULL of operations that the release before has begun.
    sa.Column("route", Json(tuple[Stop, ...])),
    sa.Column("at", sa.Integer, nullable=False, default=0, server_default="0"),
    sa.Column("direction", sa.String(8), nullable=False, default="on", server_default="on"),
    sa.Column("failure", Json(Failure)),
    sa.Column("found", Json(dict[str, Any])),
    sa.Column("context", Json(dict[str, Any]), nullable=False),
    sa.Index(None, "endpoint", "state"),
    sa.Index(None, "host", "state"),
    # All of a server's, and the greatest epoch among them.
    sa.Index(None, "instance_uuid", "epoch"),
)

migrations = sa.Table(
    "migrations",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("instance_uuid", sa.String(36), sa.ForeignKey("instances.uuid", ondelete="CASCADE"), nullable=False),
    sa.Column("operation_uuid", sa.String(36), index=True),
    sa.Column("project_id", name(), nullable=False),
    sa.Column("user_id", name(), nullable=False),
    sa.Column("status", sa.String(32), nullable=False),
    sa.Column("migration_type", sa.String(32), nullable=False),
    sa.Column("source_compute", name()),
    sa.Column("source_node", name()),
    sa.Column("dest_compute", name()),
    sa.Column("dest_node", name()),
    sa.Column("dest_host", sa.String(39)),
    sa.Column("old_flavor", Json(Flavor), nullable=False),
    sa.Column("new_flavor", Json(Flavor), nullable=False),
    sa.Column("old_vm_state", sa.String(32)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("updated_at", Moment),
    sa.Column("hidden", sa.Boolean, nullable=False, default=False),
    sa.Column("memory_total", sa.BigInteger),
    sa.Column("memory_processed", sa.BigInteger),
    sa.Column("memory_remaining", sa.BigInteger),
    sa.Column("disk_total", sa.BigInteger),
    sa.Column("disk_processed", sa.BigInteger),
    sa.Column("disk_remaining", sa.BigInteger),
    # Pages of the list, and of a server's; those that hold something of a host.
    sa.Index(None, "created_at", "id"),
    sa.Index(None, "instance_uuid", "status"),
    sa.Index(None, "source_compute", "status"),
    sa.Index(None, "dest_compute", "status"),
    sa.Index(None, "updated_at"),
)

console_auth_tokens = sa.Table(
    "console_auth_tokens",
    metadata,
    sa.Column("token_hash", sa.String(64), primary_key=True),
    sa.Column("instance_uuid", sa.String(36), nullable=False, index=True),
    sa.Column("console_type", sa.String(32), nullable=False),
    sa.Column("host", name(), nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("internal_access_path", sa.String(255)),
    sa.Column("access_url_base", sa.String(255)),
    sa.Column("expires", Moment, nullable=False, index=True),
)

# One row per project with servers: locked while its quota is counted, so that two requests can't both fit.
quota_locks = sa.Table(
    "quota_locks",
    metadata,
    sa.Column("project_id", name(), primary_key=True),
    sa.Column("touched_at", Moment),
)

handled_requests = handled_requests_db.table(metadata)


def _shadow(
    table: sa.Table, key: str, *, without: frozenset[str] = frozenset(), indexes: Sequence[str] = ()
) -> sa.Table:
    """Where rows of a table go when their server is archived: the same columns, of no other table's business.

    :param key: the column that tells rows apart.
    :param without: columns that are not kept: secrets, and what may have one in it.
    """
    columns = [
        sa.Column(column.name, column.type, primary_key=column.name == key, nullable=column.nullable)
        for column in table.columns
        if column.name not in without
    ]
    return sa.Table(f"shadow_{table.name}", metadata, *columns, *[sa.Index(None, name) for name in indexes])


shadow_instances = _shadow(
    instances, "uuid", without=frozenset({"endpoint", "wake_at", "wake_action"}), indexes=["deleted_at"]
)
shadow_instance_requests = _shadow(
    instance_requests, "instance_uuid", without=frozenset({"user_data", "admin_password", "guest_password"})
)
shadow_operations = _shadow(
    operations,
    "uuid",
    without=frozenset({"params", "context", "endpoint", "route", "at", "direction", "failure", "found"}),
    indexes=["instance_uuid"],
)
shadow_migrations = _shadow(migrations, "uuid", indexes=["instance_uuid"])
