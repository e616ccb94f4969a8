"""routes of operations"""

import sqlalchemy as sa
from alembic import op

from novalike.db import columns

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    with op.batch_alter_table("operations", schema=None) as batch_op:
        # The release before knows neither: NULL, and what the database fills in.
        batch_op.add_column(sa.Column("route", columns.LongText, nullable=True))
        batch_op.add_column(sa.Column("at", sa.Integer(), nullable=False, server_default="0"))
        # The first one before the other goes: MariaDB wants one for the foreign key at any time.
        batch_op.create_index(batch_op.f("ix_operations_instance_uuid_epoch"), ["instance_uuid", "epoch"], unique=False)
        batch_op.drop_index(batch_op.f("ix_operations_instance_uuid"))
