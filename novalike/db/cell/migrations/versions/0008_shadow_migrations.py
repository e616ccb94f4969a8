"""archived migrations of servers"""

import sqlalchemy as sa
from alembic import op

from novalike.db import columns

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "shadow_migrations",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("uuid", sa.String(length=36), nullable=False),
        sa.Column("instance_uuid", sa.String(length=36), nullable=False),
        sa.Column("operation_uuid", sa.String(length=36), nullable=True),
        sa.Column("project_id", columns.name(255), nullable=False),
        sa.Column("user_id", columns.name(255), nullable=False),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("migration_type", sa.String(length=32), nullable=False),
        sa.Column("source_compute", columns.name(255), nullable=True),
        sa.Column("source_node", columns.name(255), nullable=True),
        sa.Column("dest_compute", columns.name(255), nullable=True),
        sa.Column("dest_node", columns.name(255), nullable=True),
        sa.Column("dest_host", sa.String(length=39), nullable=True),
        sa.Column("old_flavor", columns.LongText, nullable=False),
        sa.Column("new_flavor", columns.LongText, nullable=False),
        sa.Column("old_vm_state", sa.String(length=32), nullable=True),
        sa.Column("created_at", columns.Moment, nullable=False),
        sa.Column("updated_at", columns.Moment, nullable=True),
        sa.Column("hidden", sa.Boolean(), nullable=False),
        sa.Column("memory_total", sa.BigInteger(), nullable=True),
        sa.Column("memory_processed", sa.BigInteger(), nullable=True),
        sa.Column("memory_remaining", sa.BigInteger(), nullable=True),
        sa.Column("disk_total", sa.BigInteger(), nullable=True),
        sa.Column("disk_processed", sa.BigInteger(), nullable=True),
        sa.Column("disk_remaining", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("uuid", name=op.f("pk_shadow_migrations")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("shadow_migrations", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shadow_migrations_instance_uuid"), ["instance_uuid"], unique=False)
