"""Queries about flavors."""

import functools
from typing import Any

import msgspec
import sqlalchemy as sa

from novalike.bus.flavors import FlavorQuery
from novalike.db.api import tables as t
from novalike.db.columns import Json, json_object_agg
from novalike.objects import errors, pattern
from novalike.objects.flavor import Flavor
from novalike.objects.pattern import Pattern
from novalike.objects.record import utcnow

F = t.flavors.c
_COLUMNS = [
    F.id, F.flavorid.label("flavor_id"), F.name, F.memory_mb, F.vcpus, F.root_gb, F.ephemeral_gb, F.swap,
    F.rxtx_factor, F.is_public, F.disabled, F.description, F.created_at, F.updated_at,
]  # fmt: skip


_SPECS = t.flavor_extra_specs.c
_EXTRA_SPECS = sa.type_coerce(
    sa.select(json_object_agg(_SPECS.key, _SPECS.value))
    .where(_SPECS.flavor_id == F.id)
    .correlate(t.flavors)
    .scalar_subquery(),
    Json(dict[str, str]),
).label("extra_specs")


def get(connection: sa.Connection, flavor_id: str, *, project_id: str | None = None) -> Flavor | None:
    """A flavor with its extra specs, or None.

    :param project_id: only when it is public, or this project has access.
    """
    query = sa.select(*_COLUMNS, _EXTRA_SPECS).where(F.flavorid == flavor_id)
    if project_id is not None:
        query = query.where(_visible_to(project_id))
    row = connection.execute(query).first()
    return None if row is None else _flavor(row)


def _visible_to(project_id: str) -> Any:
    access = t.flavor_projects.c
    return sa.or_(
        F.is_public.is_(True),
        sa.exists().where(access.flavor_id == F.id, access.project_id == project_id),
    )


_FIELDS = [column.name for column in _COLUMNS]


def _flavor(row: Any) -> Flavor:
    *fields, extra_specs = row
    return Flavor(extra_specs=extra_specs or {}, **dict(zip(_FIELDS, fields, strict=True)))


# What lists are sorted by, when it isn't called as its column is. vcpu_weight never had a value.
# Booleans can't be compared by size everywhere.
_SORT_COLUMNS: dict[str, Any] = {
    "vcpu_weight": F.id,
    "disabled": sa.case((F.disabled.is_(True), 1), else_=0),
    "is_public": sa.case((F.is_public.is_(True), 1), else_=0),
}


# Less than [DEFAULT] rpc_try_timeout, after which it would be asked again.
_MATCHING_SECONDS = 4.0


def search(
    connection: sa.Connection, query: FlavorQuery, project_id: str | None, viewer: str | None
) -> list[Flavor]:
    """The flavors that a query means, in order.

    :param project_id: the caller's; public flavors include those that it has access to.
    :param viewer: see only what this project may use; None is all.
    :raises MarkerNotFound: no such marker.
    :raises PatternError: the name is a regular expression that is refused.
    :raises TooSlow: matching it took too long.
    """
    name = None if query.name is None or pattern.is_plain(query.name) else Pattern(query.name)
    statement = _page(
        msgspec.structs.replace(query, marker=None, name=query.name if name is None else None), project_id, viewer
    )
    if query.marker is not None:
        statement = statement.where(_beyond(connection, query.marker, viewer, _sorted_by(query), query.descending))
    if name is not None:
        wanted = _ids_by_name(connection, statement, name, query.limit)
        if not wanted:
            return []
        statement = statement.where(F.id.in_(wanted))
    return [_flavor(row) for row in connection.execute(statement)]


def _ids_by_name(connection: sa.Connection, statement: sa.Select[Any], name: Pattern, limit: int) -> list[int]:
    """The first ids of a statement's flavors with names that match; not asked of the database, which might take for
    ever. Flavors are few enough, as only administrators make them."""
    turns = pattern.Turns(_MATCHING_SECONDS)
    found: list[int] = []
    for flavor_id, text in connection.execute(statement.with_only_columns(F.id, F.name).limit(None)).all():
        if len(found) == limit:
            break
        turns.take()
        if name.search(text):
            found.append(flavor_id)
    return found


def _sorted_by(query: FlavorQuery) -> Any:
    return _SORT_COLUMNS.get(query.sort_key, F.get(query.sort_key, F.id))


@functools.lru_cache(maxsize=256)
def _page(query: FlavorQuery, project_id: str | None, viewer: str | None) -> sa.Select[Any]:
    """The statement for a first page. Putting one together takes longer than running it, and most are asked often."""
    column = _sorted_by(query)
    # NULLs first on every database.
    keys = [sa.case((column.is_(None), 0), else_=1), column, F.id] if _is_nullable(column) else [column, F.id]
    statement = sa.select(*_COLUMNS, _EXTRA_SPECS if query.with_extra_specs else sa.null()).limit(query.limit)
    statement = statement.order_by(*[key.desc() if query.descending else key.asc() for key in keys])
    if viewer is not None:
        statement = statement.where(_visible_to(viewer))
    if query.is_public:
        statement = statement.where(F.is_public.is_(True) if project_id is None else _visible_to(project_id))
    elif query.is_public is False:
        statement = statement.where(F.is_public.is_(False))
    if not query.include_disabled:
        statement = statement.where(F.disabled.is_(False))
    if query.min_ram is not None:
        statement = statement.where(F.memory_mb >= query.min_ram)
    if query.min_disk is not None:
        statement = statement.where(F.root_gb >= query.min_disk)
    if query.name is not None:
        statement = statement.where(F.name.regexp_match(query.name))
    return statement


def _is_nullable(column: Any) -> bool:
    return bool(getattr(column, "nullable", False))


def _beyond(connection: sa.Connection, marker: str, viewer: str | None, column: Any, descending: bool) -> Any:
    """Rows that sort after the marker's."""
    query = sa.select(column.label("value"), F.id).where(F.flavorid == marker)
    if viewer is not None:
        query = query.where(_visible_to(viewer))
    row = connection.execute(query).first()
    if row is None:
        raise errors.MarkerNotFound(marker=marker)
    next_id = F.id < row.id if descending else F.id > row.id
    if row.value is None:
        same = sa.and_(column.is_(None), next_id)
        return same if descending else sa.or_(same, column.is_not(None))
    same = sa.and_(column == row.value, next_id)
    if not descending:
        return sa.or_(same, column > row.value)
    before = [column < row.value, column.is_(None)] if _is_nullable(column) else [column < row.value]
    return sa.or_(same, *before)


def find(connection: sa.Connection, flavor_id: str, viewer: str | None = None, *, lock: bool = False) -> Any:
    """A flavor's row (``id``, ``is_public``), held until the transaction ends when ``lock``.

    :raises FlavorNotFound: none such, or ``viewer`` may not use it.
    """
    query = sa.select(F.id, F.is_public).where(F.flavorid == flavor_id)
    if viewer is not None:
        query = query.where(_visible_to(viewer))
    row = connection.execute(query.with_for_update() if lock else query).first()
    if row is None:
        raise errors.FlavorNotFound(flavor_id=flavor_id)
    return row


def insert(connection: sa.Connection, flavor: Flavor) -> Flavor:
    """Record a flavor. Gives it as it was recorded.

    :raises FlavorIdExists, FlavorExists: there is one with this id, or name.
    """
    values = {column.name: getattr(flavor, column.name) for column in _COLUMNS}
    del values["id"], values["flavor_id"]
    values.update(flavorid=flavor.flavor_id, created_at=utcnow(), updated_at=None)
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(t.flavors).values(values))
    except sa.exc.IntegrityError:
        if connection.execute(sa.select(F.id).where(F.flavorid == flavor.flavor_id)).first():
            raise errors.FlavorIdExists(flavor_id=flavor.flavor_id) from None
        raise errors.FlavorExists(name=flavor.name) from None
    made = get(connection, flavor.flavor_id)
    assert made is not None
    return made


def describe(connection: sa.Connection, flavor_id: str, description: str | None) -> None:
    """Change a flavor's description, if there is such a flavor."""
    connection.execute(
        sa.update(t.flavors).where(F.flavorid == flavor_id).values(description=description, updated_at=utcnow())
    )


def delete(connection: sa.Connection, flavor_id: str) -> bool:
    """Delete a flavor with its extra specs and accesses. Gives whether there was one."""
    return bool(connection.execute(sa.delete(t.flavors).where(F.flavorid == flavor_id)).rowcount)


def set_extra_specs(connection: sa.Connection, row_id: int, specs: dict[str, str]) -> None:
    """Set extra specs of a flavor whose row the caller has locked; others stay."""
    if not specs:
        return
    c = t.flavor_extra_specs.c
    connection.execute(sa.delete(t.flavor_extra_specs).where(c.flavor_id == row_id, c.key.in_(list(specs))))
    rows = [{"flavor_id": row_id, "key": key, "value": value} for key, value in specs.items()]
    connection.execute(sa.insert(t.flavor_extra_specs), rows)


def delete_extra_spec(connection: sa.Connection, row_id: int, key: str) -> bool:
    """Remove an extra spec. Gives whether it was there."""
    c = t.flavor_extra_specs.c
    statement = sa.delete(t.flavor_extra_specs).where(c.flavor_id == row_id, c.key == key)
    return bool(connection.execute(statement).rowcount)


def projects(connection: sa.Connection, row_id: int) -> tuple[str, ...]:
    """The projects that have access to a flavor."""
    c = t.flavor_projects.c
    query = sa.select(c.project_id).where(c.flavor_id == row_id).order_by(c.project_id)
    return tuple(connection.execute(query).scalars())


def add_project(connection: sa.Connection, row_id: int, project_id: str) -> bool:
    """Give a project access to a flavor. Gives whether it had none."""
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(t.flavor_projects).values(flavor_id=row_id, project_id=project_id))
    except sa.exc.IntegrityError:
        return False
    return True


def remove_project(connection: sa.Connection, row_id: int, project_id: str) -> bool:
    """Take a project's access away. Gives whether it had it."""
    c = t.flavor_projects.c
    statement = sa.delete(t.flavor_projects).where(c.flavor_id == row_id, c.project_id == project_id)
    return bool(connection.execute(statement).rowcount)
