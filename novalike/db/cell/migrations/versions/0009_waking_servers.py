"""when something is to be done to servers by itself"""

import sqlalchemy as sa
from alembic import op

from novalike.db import columns

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    with op.batch_alter_table("instances", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wake_at", columns.Moment, nullable=True))
        batch_op.add_column(sa.Column("wake_action", sa.String(length=64), nullable=True))
        batch_op.create_index(batch_op.f("ix_instances_wake_at"), ["wake_at"], unique=False)
