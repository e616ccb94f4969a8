"""One request at a time counts a project's servers."""

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.record import utcnow


def lock_project(connection: sa.Connection, project_id: str) -> None:
    """Hold a project's lock until the transaction ends, so that its usage is counted by one request at a time."""
    touch = sa.update(t.quota_locks).where(t.quota_locks.c.project_id == project_id).values(touched_at=utcnow())
    if connection.execute(touch).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(t.quota_locks).values(project_id=project_id, touched_at=utcnow()))
    except sa.exc.IntegrityError:
        connection.execute(touch)
