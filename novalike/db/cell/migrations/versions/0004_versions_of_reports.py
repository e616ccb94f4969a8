"""versions of reports"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The release before doesn't know them: the database fills them in.
_COLUMNS = {"instances": "vifs_version", "operations": "sequence"}


def upgrade() -> None:
    """Go to this version."""
    for table, name in _COLUMNS.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
