"""The schema of the API database."""

import sqlalchemy as sa

from novalike.db import handled_requests as handled_requests_db
from novalike.db.columns import LongText, moments, name

metadata = sa.MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    }
)

cell_mappings = sa.Table(
    "cell_mappings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("name", name(), nullable=False, unique=True),
    sa.Column("transport_url", sa.Text),
    sa.Column("database_connection", sa.Text, nullable=False),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
    *moments(),
)

host_mappings = sa.Table(
    "host_mappings",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("host", name(), nullable=False, unique=True),
    sa.Column("cell_id", sa.Integer, sa.ForeignKey("cell_mappings.id"), nullable=False, index=True),
    *moments(),
)

instance_mappings = sa.Table(
    "instance_mappings",
    metadata,
    sa.Column("instance_uuid", sa.String(36), primary_key=True),
    sa.Column("cell_id", sa.Integer, sa.ForeignKey("cell_mappings.id"), nullable=False, index=True),
    sa.Column("project_id", name(), nullable=False, index=True),
    sa.Column("user_id", name(), nullable=False),
    sa.Column("queued_for_delete", sa.Boolean, nullable=False, default=False),
    *moments(),
)

flavors = sa.Table(
    "flavors",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("flavorid", name(), nullable=False, unique=True),
    sa.Column("name", name(), nullable=False, unique=True),
    sa.Column("memory_mb", sa.Integer, nullable=False),
    sa.Column("vcpus", sa.Integer, nullable=False),
    sa.Column("root_gb", sa.Integer, nullable=False),
    sa.Column("ephemeral_gb", sa.Integer, nullable=False, default=0),
    sa.Column("swap", sa.Integer, nullable=False, default=0),
    sa.Column("rxtx_factor", sa.Float, nullable=False, default=1.0),
    sa.Column("is_public", sa.Boolean, nullable=False, default=True),
    sa.Column("disabled", sa.Boolean, nullable=False, default=False),
    sa.Column("description", sa.Text),
    *moments(),
)

flavor_extra_specs = sa.Table(
    "flavor_extra_specs",
    metadata,
    sa.Column("flavor_id", sa.Integer, sa.ForeignKey("flavors.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", name(), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)

flavor_projects = sa.Table(
    "flavor_projects",
    metadata,
    sa.Column("flavor_id", sa.Integer, sa.ForeignKey("flavors.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("project_id", name(), primary_key=True),
)

key_pairs = sa.Table(
    "key_pairs",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("user_id", name(), nullable=False),
    sa.Column("name", name(), nullable=False),
    sa.Column("type", sa.String(8), nullable=False, default="ssh"),
    sa.Column("fingerprint", sa.String(255), nullable=False),
    sa.Column("public_key", LongText, nullable=False),
    *moments(),
    sa.UniqueConstraint("user_id", "name"),
)

# user_id is '' for the limit of a whole project.
quotas = sa.Table(
    "quotas",
    metadata,
    sa.Column("project_id", name(), primary_key=True),
    sa.Column("user_id", name(), primary_key=True, default=""),
    sa.Column("resource", name(64), primary_key=True),
    sa.Column("hard_limit", sa.Integer, nullable=False),
)

quota_classes = sa.Table(
    "quota_classes",
    metadata,
    sa.Column("class_name", name(), primary_key=True),
    sa.Column("resource", name(64), primary_key=True),
    sa.Column("hard_limit", sa.Integer, nullable=False),
)

aggregates = sa.Table(
    "aggregates",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("uuid", sa.String(36), nullable=False, unique=True),
    sa.Column("name", name(), nullable=False, unique=True),
    *moments(),
)

aggregate_hosts = sa.Table(
    "aggregate_hosts",
    metadata,
    sa.Column("aggregate_id", sa.Integer, sa.ForeignKey("aggregates.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("host", name(), primary_key=True, index=True),
)

aggregate_metadata = sa.Table(
    "aggregate_metadata",
    metadata,
    sa.Column("aggregate_id", sa.Integer, sa.ForeignKey("aggregates.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", name(), primary_key=True),
    sa.Column("value", sa.String(255), nullable=False),
)

handled_requests = handled_requests_db.table(metadata)
