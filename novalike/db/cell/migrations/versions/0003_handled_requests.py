"""requests that were handled"""

import sqlalchemy as sa
from alembic import op

from novalike.db import columns

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go to this version."""
    op.create_table(
        "handled_requests",
        sa.Column("request_id", columns.name(255), nullable=False),
        sa.Column("command", columns.name(255), nullable=False),
        sa.Column("created_at", columns.Moment, nullable=False),
        sa.PrimaryKeyConstraint("request_id", "command", name=op.f("pk_handled_requests")),
        mysql_charset="utf8mb4",
        mysql_engine="InnoDB",
    )
    with op.batch_alter_table("handled_requests", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_handled_requests_created_at"), ["created_at"], unique=False)
