"""indexes for many servers and hosts"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_INDEXES = {
    "compute_nodes": {"ix_compute_nodes_updated_at": ["updated_at"]},
    "instances": {
        "ix_instances_deleted_vm_state_created_at_id": ["deleted", "vm_state", "created_at", "id"],
        "ix_instances_project_id_deleted_name_uuid": ["project_id", "deleted", "name", "uuid"],
        "ix_instances_project_id_deleted_vm_state_created_at_id": [
            "project_id", "deleted", "vm_state", "created_at", "id",
        ],
        "ix_instances_usage": ["project_id", "deleted", "user_id", "vcpus", "memory_mb"],
    },
    "operations": {"ix_operations_holder": ["holder"]},
    "services": {"ix_services_updated_at": ["updated_at"]},
}  # fmt: skip


def upgrade() -> None:
    """Go to this version."""
    for table, indexes in _INDEXES.items():
        with op.batch_alter_table(table, schema=None) as batch_op:
            for name, columns in indexes.items():
                batch_op.create_index(batch_op.f(name), columns, unique=False)
