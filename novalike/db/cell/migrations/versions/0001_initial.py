"""initial"""

import sqlalchemy as sa
from alembic import op

from novalike.db import columns

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "console_auth_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("console_type", sa.String(length=32), nullable=False),
        sa.Column("host", columns.name(255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("internal_access_path", sa.String(length=255), nullable=True),
        sa.Column("access_url_base", sa.String(length=255), nullable=True),
        sa.Column("expires", columns.Moment, nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_console_auth_tokens")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("console_auth_tokens", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_console_auth_tokens_expires"), ["expires"], unique=False)
        batch_op.create_index(batch_op.f("ix_console_auth_tokens_instance_uuid"), ["instance_uuid"], unique=False)

    op.create_table(
        "instances",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("project_id", columns.name(255), nullable=False),
        sa.Column("user_id", columns.name(255), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.Column("created_at", columns.Moment, nullable=False),
        sa.Column("updated_at", columns.Moment, nullable=True),
        sa.Column("deleted_at", columns.Moment, nullable=True),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("hostname", sa.String(length=255), nullable=True),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("vm_state", sa.String(length=32), nullable=False),
        sa.Column("task_state", sa.String(length=32), nullable=True),
        sa.Column("power_state", sa.Integer(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=True),
        sa.Column("host", columns.name(255), nullable=True),
        sa.Column("node", columns.name(255), nullable=True),
        sa.Column("endpoint", columns.name(255), nullable=True),
        sa.Column("launched_at", columns.Moment, nullable=True),
        sa.Column("terminated_at", columns.Moment, nullable=True),
        sa.Column("image_ref", sa.String(length=36), nullable=True),
        sa.Column("kernel_id", sa.String(length=255), nullable=True),
        sa.Column("ramdisk_id", sa.String(length=255), nullable=True),
        sa.Column("key_name", columns.name(255), nullable=True),
        sa.Column("config_drive", sa.String(length=255), nullable=False),
        sa.Column("availability_zone", columns.name(255), nullable=True),
        sa.Column("pinned_availability_zone", columns.name(255), nullable=True),
        sa.Column("access_ip_v4", sa.String(length=39), nullable=True),
        sa.Column("access_ip_v6", sa.String(length=39), nullable=True),
        sa.Column("locked_by", sa.String(length=8), nullable=True),
        sa.Column("locked_reason", sa.String(length=255), nullable=True),
        sa.Column("root_device_name", sa.String(length=255), nullable=True),
        sa.Column("launch_index", sa.Integer(), nullable=False),
        sa.Column("reservation_id", sa.String(length=64), nullable=True),
        sa.Column("auto_disk_config", sa.Boolean(), nullable=False),
        sa.Column("flavorid", columns.name(255), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("vcpus", sa.Integer(), nullable=False),
        sa.Column("root_gb", sa.Integer(), nullable=False),
        sa.Column("ephemeral_gb", sa.Integer(), nullable=False),
        sa.Column("flavor", columns.LongText, nullable=False),
        sa.Column("metadata", columns.LongText, nullable=False),
        sa.Column("system_metadata", columns.LongText, nullable=False),
        sa.Column("scheduler_hints", columns.LongText, nullable=False),
        sa.Column("vifs", columns.LongText, nullable=False),
        sa.Column("trusted_certs", columns.LongText, nullable=True),
        sa.Column("fault", columns.LongText, nullable=True),
        sa.Column("security_groups", columns.LongText, nullable=False),
        sa.Column("block_devices", columns.LongText, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instances")),
        sa.UniqueConstraint("uuid", name=op.f("uq_instances_uuid")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("instances", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_instances_deleted_created_at_id"), ["deleted", "created_at", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_instances_host_deleted"), ["host", "deleted"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_instances_project_id_deleted_created_at_id"),
            ["project_id", "deleted", "created_at", "id"],
            unique=False,
        )
        batch_op.create_index(batch_op.f("ix_instances_reservation_id"), ["reservation_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_instances_updated_at"), ["updated_at"], unique=False)

    op.create_table(
        "quota_locks",
        sa.Column("project_id", columns.name(255), nullable=False),
        sa.Column("touched_at", columns.Moment, nullable=True),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_quota_locks")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "services",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("host", columns.name(255), nullable=False),
        sa.Column("binary", columns.name(64), nullable=False),
        sa.Column("endpoint", columns.name(255), nullable=False),
        sa.Column("incarnation", sa.String(length=36), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_seen_at", columns.Moment, nullable=True),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("disabled_reason", sa.String(length=255), nullable=True),
        sa.Column("forced_down", sa.Boolean(), nullable=False),
        sa.Column("created_at", columns.Moment, nullable=True),
        sa.Column("updated_at", columns.Moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_services")),
        sa.UniqueConstraint("host", "binary", name=op.f("uq_services_host_binary")),
        sa.UniqueConstraint("uuid", name=op.f("uq_services_uuid")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("services", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_services_endpoint"), ["endpoint"], unique=False)

    op.create_table(
        "compute_nodes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("service_id", sa.Integer(), nullable=False),
        sa.Column("host", columns.name(255), nullable=False),
        sa.Column("hypervisor_hostname", columns.name(255), nullable=False),
        sa.Column("hypervisor_type", sa.String(length=64), nullable=False),
        sa.Column("hypervisor_version", sa.Integer(), nullable=False),
        sa.Column("host_ip", sa.String(length=39), nullable=True),
        sa.Column("vcpus", sa.Integer(), nullable=False),
        sa.Column("vcpus_used", sa.Integer(), nullable=False),
        sa.Column("memory_mb", sa.Integer(), nullable=False),
        sa.Column("memory_mb_used", sa.Integer(), nullable=False),
        sa.Column("local_gb", sa.Integer(), nullable=False),
        sa.Column("local_gb_used", sa.Integer(), nullable=False),
        sa.Column("disk_available_least", sa.Integer(), nullable=True),
        sa.Column("running_vms", sa.Integer(), nullable=False),
        sa.Column("cpu_info", columns.LongText, nullable=False),
        sa.Column("uptime", sa.String(length=255), nullable=True),
        sa.Column("supported_instances", columns.LongText, nullable=False),
        sa.Column("traits", columns.LongText, nullable=False),
        sa.Column("stats", columns.LongText, nullable=False),
        sa.Column("cpu_allocation_ratio", sa.Float(), nullable=False),
        sa.Column("ram_allocation_ratio", sa.Float(), nullable=False),
        sa.Column("disk_allocation_ratio", sa.Float(), nullable=False),
        sa.Column("reserved_host_cpus", sa.Integer(), nullable=False),
        sa.Column("reserved_host_memory_mb", sa.Integer(), nullable=False),
        sa.Column("reserved_host_disk_mb", sa.Integer(), nullable=False),
        sa.Column("failed_builds", sa.Integer(), nullable=False),
        sa.Column("created_at", columns.Moment, nullable=True),
        sa.Column("updated_at", columns.Moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["service_id"], ["services.id"], name=op.f("fk_compute_nodes_service_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_compute_nodes")),
        sa.UniqueConstraint("host", "hypervisor_hostname", name=op.f("uq_compute_nodes_host_hypervisor_hostname")),
        sa.UniqueConstraint("uuid", name=op.f("uq_compute_nodes_uuid")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("compute_nodes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_compute_nodes_service_id"), ["service_id"], unique=False)

    op.create_table(
        "instance_requests",
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("image", columns.LongText, nullable=True),
        sa.Column("keypair", columns.LongText, nullable=True),
        sa.Column("networks", columns.LongText, nullable=True),
        sa.Column("user_data", columns.LongText, nullable=True),
        sa.Column("admin_password", sa.String(length=255), nullable=True),
        sa.Column("requested_host", columns.name(255), nullable=True),
        sa.Column("requested_node", columns.name(255), nullable=True),
        sa.Column("force_host", sa.Boolean(), nullable=False),
        sa.Column("guest_password", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["instance_uuid"], ["instances.uuid"], name=op.f("fk_instance_requests_instance_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_uuid", name=op.f("pk_instance_requests")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "instance_tags",
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("tag", columns.name(80), nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uuid"], ["instances.uuid"], name=op.f("fk_instance_tags_instance_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("instance_uuid", "tag", name=op.f("pk_instance_tags")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("instance_tags", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_instance_tags_tag"), ["tag"], unique=False)

    op.create_table(
        "operations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("workflow", sa.String(length=64), nullable=False),
        sa.Column("request_id", columns.name(255), nullable=False),
        sa.Column("user_id", columns.name(255), nullable=True),
        sa.Column("project_id", columns.name(255), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("host", columns.name(255), nullable=True),
        sa.Column("endpoint", columns.name(255), nullable=True),
        sa.Column("holder", columns.name(255), nullable=True),
        sa.Column("start_time", columns.Moment, nullable=False),
        sa.Column("finish_time", columns.Moment, nullable=True),
        sa.Column("updated_at", columns.Moment, nullable=True),
        sa.Column("due_at", columns.Moment, nullable=True),
        sa.Column("deadline", columns.Moment, nullable=True),
        sa.Column("message", sa.String(length=255), nullable=True),
        sa.Column("params", columns.LongText, nullable=False),
        sa.Column("journal", columns.LongText, nullable=False),
        sa.Column("context", columns.LongText, nullable=False),
        sa.ForeignKeyConstraint(
            ["instance_uuid"], ["instances.uuid"], name=op.f("fk_operations_instance_uuid"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operations")),
        sa.UniqueConstraint("uuid", name=op.f("uq_operations_uuid")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("operations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_operations_due_at"), ["due_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_operations_endpoint_state"), ["endpoint", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_operations_host_state"), ["host", "state"], unique=False)
        batch_op.create_index(batch_op.f("ix_operations_instance_uuid"), ["instance_uuid"], unique=False)
        batch_op.create_index(batch_op.f("ix_operations_request_id"), ["request_id"], unique=False)

