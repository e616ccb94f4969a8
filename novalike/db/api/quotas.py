"""Queries about limits."""

import sqlalchemy as sa

from novalike.db.api import tables as t

DEFAULT_CLASS = "default"


_LIMITS = sa.union_all(
    sa.select(
        sa.literal("class").label("level"), t.quota_classes.c.resource, t.quota_classes.c.hard_limit
    ).where(t.quota_classes.c.class_name == DEFAULT_CLASS),
    sa.select(
        sa.case((t.quotas.c.user_id == "", "project"), else_="user").label("level"),
        t.quotas.c.resource,
        t.quotas.c.hard_limit,
    ).where(
        t.quotas.c.project_id == sa.bindparam("of_project"),
        sa.or_(t.quotas.c.user_id == "", t.quotas.c.user_id == sa.bindparam("of_user")),
    ),
)


def limits(connection: sa.Connection, project_id: str, user_id: str = "") -> dict[str, dict[str, int]]:
    """Limits that were set: by ``class`` (for all), by ``project``, by ``user`` (when one is named)."""
    found: dict[str, dict[str, int]] = {"class": {}, "project": {}, "user": {}}
    for level, resource, limit in connection.execute(_LIMITS, {"of_project": project_id, "of_user": user_id}):
        found[level][resource] = limit
    return found


def class_limits(connection: sa.Connection, name: str) -> dict[str, int]:
    """The limits that were set of a quota class."""
    c = t.quota_classes.c
    query = sa.select(c.resource, c.hard_limit).where(c.class_name == name)
    return {row.resource: row.hard_limit for row in connection.execute(query)}


def given_to_users(connection: sa.Connection, project_id: str) -> dict[str, int]:
    """What a project's users were given of each resource, together."""
    q = t.quotas.c
    query = (
        sa.select(q.resource, sa.func.sum(q.hard_limit))
        .where(q.project_id == project_id, q.user_id != "")
        .group_by(q.resource)
    )
    return {resource: int(total) for resource, total in connection.execute(query)}


def set_limit(connection: sa.Connection, project_id: str, user_id: str, resource: str, limit: int) -> None:
    """Set a limit of a project, or of a user in it (``user_id`` not empty)."""
    _set(connection, t.quotas, {"project_id": project_id, "user_id": user_id, "resource": resource}, limit)


def set_class_limit(connection: sa.Connection, name: str, resource: str, limit: int) -> None:
    """Set a limit of a quota class."""
    _set(connection, t.quota_classes, {"class_name": name, "resource": resource}, limit)


def _set(connection: sa.Connection, table: sa.Table, key: dict[str, str], limit: int) -> None:
    update = sa.update(table).where(*[table.c[name] == value for name, value in key.items()]).values(hard_limit=limit)
    if connection.execute(update).rowcount:
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(table).values(**key, hard_limit=limit))
    except sa.exc.IntegrityError:
        connection.execute(update)


def forget(connection: sa.Connection, project_id: str, user_id: str | None) -> None:
    """Delete the limits of a user, or of a project and all its users."""
    q = t.quotas.c
    statement = sa.delete(t.quotas).where(q.project_id == project_id)
    connection.execute(statement if user_id is None else statement.where(q.user_id == user_id))
