"""shadow tables"""

import sqlalchemy as sa
from alembic import op

from novalike.db import columns

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "shadow_instance_requests",
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("image", columns.LongText, nullable=True),
        sa.Column("keypair", columns.LongText, nullable=True),
        sa.Column("networks", columns.LongText, nullable=True),
        sa.Column("requested_host", columns.name(255), nullable=True),
        sa.Column("requested_node", columns.name(255), nullable=True),
        sa.Column("force_host", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("instance_uuid", name=op.f("pk_shadow_instance_requests")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    op.create_table(
        "shadow_instances",
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
        sa.Column("vifs_version", sa.Integer(), nullable=False),
        sa.Column("trusted_certs", columns.LongText, nullable=True),
        sa.Column("fault", columns.LongText, nullable=True),
        sa.Column("security_groups", columns.LongText, nullable=False),
        sa.Column("block_devices", columns.LongText, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_shadow_instances")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("shadow_instances", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shadow_instances_deleted_at"), ["deleted_at"], unique=False)

    op.create_table(
        "shadow_operations",
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
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("host", columns.name(255), nullable=True),
        sa.Column("holder", columns.name(255), nullable=True),
        sa.Column("start_time", columns.Moment, nullable=False),
        sa.Column("finish_time", columns.Moment, nullable=True),
        sa.Column("updated_at", columns.Moment, nullable=True),
        sa.Column("due_at", columns.Moment, nullable=True),
        sa.Column("deadline", columns.Moment, nullable=True),
        sa.Column("message", sa.String(length=255), nullable=True),
        sa.Column("journal", columns.LongText, nullable=False),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_shadow_operations")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("shadow_operations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shadow_operations_instance_uuid"), ["instance_uuid"], unique=False)

    with op.batch_alter_table("instances", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_instances_deleted_at_id"), ["deleted_at", "id"], unique=False)
