"""From a ServerQuery to SQL: filters, order, and the place after the marker."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.sql import visitors

from novalike.bus.servers import ServerQuery
from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables as t
from novalike.db.cell.servers import Shape
from novalike.objects import errors, lifecycle, pattern

I = t.instances.c  # noqa: E741

# Filters that compare a column with a value or, for a list, with any of them.
EXACT: Mapping[str, Any] = {
    "uuid": I.uuid,
    "user_id": I.user_id,
    "project_id": I.project_id,
    "host": I.host,
    "image_ref": I.image_ref,
    "flavor_id": I.flavorid,
    "vm_state": I.vm_state,
    "task_state": I.task_state,
    "power_state": I.power_state,
    "launch_index": I.launch_index,
    "progress": I.progress,
    "locked": I.locked_by,
}

# Filters that match a regular expression anywhere in a column. Only plain texts come here; see pattern_filters.
PATTERN: Mapping[str, Any] = {
    name: I[name]
    for name in (
        "name", "hostname", "description", "node", "reservation_id", "key_name", "availability_zone", "config_drive",
        "kernel_id", "ramdisk_id", "root_device_name", "locked_by", "access_ip_v4", "access_ip_v6",
    )
} | {
    name: sa.cast(I[name], sa.String(32))
    for name in ("created_at", "launched_at", "terminated_at", "auto_disk_config")
}  # fmt: skip

# What a list may be sorted by.
SORTABLE: Mapping[str, Any] = {
    "access_ip_v4": I.access_ip_v4, "access_ip_v6": I.access_ip_v6, "auto_disk_config": I.auto_disk_config,
    "availability_zone": I.availability_zone, "config_drive": I.config_drive, "created_at": I.created_at,
    "display_description": I.description, "display_name": I.name, "host": I.host, "hostname": I.hostname,
    "image_ref": I.image_ref, "instance_type_id": I.flavorid, "kernel_id": I.kernel_id, "key_name": I.key_name,
    "launch_index": I.launch_index, "launched_at": I.launched_at, "locked_by": I.locked_by, "node": I.node,
    "power_state": I.power_state, "progress": I.progress, "project_id": I.project_id, "ramdisk_id": I.ramdisk_id,
    "root_device_name": I.root_device_name, "task_state": I.task_state, "terminated_at": I.terminated_at,
    "updated_at": I.updated_at, "user_id": I.user_id, "uuid": I.uuid, "vm_state": I.vm_state,
}  # fmt: skip

DEFAULT_SORT = (("created_at", "desc"), ("id", "desc"))

Order = list[tuple[str, Any, bool]]
Statement = sa.Select[Any]


def order_of(query: ServerQuery) -> Order:
    """Sort keys as (field of Server, column, descending); always ends in something unique.

    The last one has the direction of the one before: such an order an index has, forwards or backwards.
    """
    order: Order = []
    for key, direction in query.sort:
        order.append((_field(key), SORTABLE[key], direction == "desc"))
    if not order:
        return [(key, I[key], direction == "desc") for key, direction in DEFAULT_SORT]
    fields = tuple(field for field, _, _ in order)
    if fields == ("created_at",):
        order.append(("id", I.id, order[0][2]))
    elif "uuid" not in fields:
        order.append(("uuid", I.uuid, order[-1][2]))
    return order


def _field(key: str) -> str:
    return {"display_name": "name", "display_description": "description", "instance_type_id": "flavor"}.get(key, key)


def select(query: ServerQuery, order: Order, marker: Mapping[str, Any] | None) -> sa.Select[Any]:
    """The query over ``instances``, for uuid, name and what the order needs.

    :param marker: the values, by sort key, after which to begin.
    """
    selected = {"uuid": I.uuid, "name": I.name} | {field: column for field, column, _ in order}
    statement = sa.select(*[column.label(field) for field, column in selected.items()]).where(*_conditions(query))
    if marker is not None:
        statement = statement.where(_after(order, marker))
        if indexes := _page_indexes(query, order):
            for dialect in ("mysql", "mariadb"):
                statement = statement.with_hint(t.instances, f"FORCE INDEX ({indexes})", dialect)
    statement = statement.order_by(*[_ordered(column, descending) for _, column, descending in order])
    return statement.limit(query.limit) if query.limit is not None else statement


def statement(
    query: ServerQuery, order: Order, marker: Mapping[str, Any] | None, dialect: str, shape: Shape
) -> Statement:
    """Return what a page of a list is read with: :func:`novalike.db.cell.servers.page` runs it.

    :param marker: as in :func:`select`.
    :param dialect: of the database.
    """
    return servers_db.shaped(null_safe(select(query, order, marker), dialect), shape)


@functools.lru_cache(maxsize=512)
def first_page(asked: bytes, dialect: str, shape: Shape) -> Statement:
    """Return the same for the first page of a query in JSON. Putting a statement together takes as long as running it,
    and most are asked often."""
    query = msgspec.json.decode(asked, type=ServerQuery)
    return statement(query, order_of(query), None, dialect, shape)


def among(statement: Statement, uuids: Sequence[str]) -> Statement:
    """Return a statement that gives only some servers of those that another one gives."""
    return statement.where(I.uuid.in_(uuids))


# Filters that find a few servers by an index of their own.
_SELECTIVE = frozenset({"uuid", "host", "reservation_id"})


def _page_indexes(query: ServerQuery, order: Order) -> str:
    """The indexes that have servers in this order, so that a page begins at the marker. None if there is none, or if
    there is something that finds fewer servers.

    MariaDB has to be told: it forgets about the limit, thinks that half of the servers are wanted, and would begin at
    the first one rather than look up so many.
    """
    if query.deleted is None or query.changes_since is not None or _SELECTIVE & query.filters.keys():
        return ""
    states = query.statuses is not None or "vm_state" in query.filters
    return _indexes(query.project_id is not None, states, tuple(column.name for _, column, _ in order))


@functools.cache
def _indexes(of_project: bool, by_state: bool, sort: tuple[str, ...]) -> str:
    prefix = ("project_id", "deleted") if of_project else ("deleted",)
    shapes = {(*prefix, *sort)} | ({(*prefix, "vm_state", *sort)} if by_state else set())
    return ", ".join(
        sorted(str(index.name) for index in t.instances.indexes if tuple(index.columns.keys()) in shapes)
    )


def _ordered(column: Any, descending: bool) -> Any:
    # NULLs are the smallest, on every database, so that a page begins where the last one ended.
    expression = column.desc() if descending else column.asc()
    if not column.nullable:
        return expression
    return expression.nulls_last() if descending else expression.nulls_first()


def null_safe(statement: sa.Select[Any], dialect: str) -> sa.Select[Any]:
    """MariaDB has no NULLS FIRST; it, and SQLite, sort NULLs as the smallest anyway."""
    if dialect == "postgresql":
        return statement
    without: Any = visitors.replacement_traverse(statement, {}, _without_nulls)
    return without


def _without_nulls(element: Any, **_more: Any) -> Any:
    named = (sa.sql.operators.nulls_first_op, sa.sql.operators.nulls_last_op)
    return element.element if getattr(element, "modifier", None) in named else None


def _after(order: Order, marker: Mapping[str, Any]) -> Any:
    """Rows that sort after the marker: for keys a, b: a beyond, or (a the same and b beyond).

    Also said, though it follows: a not before the marker's. It is what databases find the place in an index by.
    """
    alternatives = []
    for n, (field, column, descending) in enumerate(order):
        value = _comparable(marker[field])
        same = [c.is_(None) if marker[f] is None else c == marker[f] for f, c, _ in order[:n]]
        if value is None:
            if descending:
                continue
            beyond = column.is_not(None)
        elif descending:
            beyond = sa.or_(column < value, column.is_(None)) if column.nullable else column < value
        else:
            beyond = column > value
        alternatives.append(sa.and_(*same, beyond))
    if not alternatives:
        return sa.false()
    field, column, descending = order[0]
    value = _comparable(marker[field])
    if value is None or (descending and column.nullable):
        return sa.or_(*alternatives)
    return sa.and_(column <= value if descending else column >= value, sa.or_(*alternatives))


def _comparable(value: Any) -> Any:
    """SQLAlchemy takes Python's True and False for constants, which can't be smaller or larger than anything."""
    return sa.literal(value) if isinstance(value, bool) else value


def _conditions(query: ServerQuery) -> list[Any]:
    found: list[Any] = []
    if query.deleted is not None:
        # Not IS: MariaDB finds nothing by index that way.
        found.append(I.deleted == (sa.true() if query.deleted else sa.false()))
    if query.project_id is not None:
        found.append(I.project_id == query.project_id)
    if query.changes_since is not None:
        found.append(I.updated_at >= query.changes_since)
    if query.changes_before is not None:
        found.append(I.updated_at <= query.changes_before)
    if query.statuses is not None:
        found.append(_has_status(query.statuses))
    for key, value in query.filters.items():
        found.append(_matches(key, value))
    found += _tag_conditions(query)
    return found


def _matches(key: str, value: Any) -> Any:
    if key in EXACT:
        column = EXACT[key]
        if key == "locked":
            return column.is_not(None) if value else column.is_(None)
        if isinstance(value, list):
            wanted = [v for v in value if v is not None]
            some = column.in_(wanted)
            return sa.or_(some, column.is_(None)) if None in value else some
        return column.is_(None) if value is None else column == value
    if key in PATTERN:
        if not pattern.is_plain(str(value)):
            raise ValueError(f"{key}: databases are asked for plain texts only")
        return PATTERN[key].regexp_match(str(value))
    if key in ("metadata", "system_metadata"):
        return sa.and_(*[_has_item(I[key], name, item) for name, item in value.items()])
    raise errors.Invalid(f"Unknown filter {key}")


def _has_item(column: Any, name: str, item: str) -> Any:
    """Whether a JSON object of strings has this item, by its text: keys and values are strings without exception."""
    pair = f"{msgspec.json.encode(name).decode()}:{msgspec.json.encode(item).decode()}"
    return sa.type_coerce(column, sa.Text).contains(pair, autoescape=True)


def _has_status(statuses: tuple[str, ...]) -> Any:
    alternatives = []
    for status in statuses:
        for vm_state, tasks, excluded in lifecycle.states_of(status):
            condition = I.vm_state == vm_state
            if tasks is not None:
                condition = sa.and_(condition, I.task_state.in_(tasks))
            elif excluded:
                condition = sa.and_(condition, sa.or_(I.task_state.is_(None), I.task_state.not_in(excluded)))
            alternatives.append(condition)
    return sa.or_(*alternatives) if alternatives else sa.false()


# For each of so many tags there is a condition, which databases join by index. With many they take long to find an
# order for the joins (PostgreSQL four seconds for fifty), so these are counted.
_FEW_TAGS = 4


def _tag_conditions(query: ServerQuery) -> list[Any]:
    g = t.instance_tags.c

    def having(tags: tuple[str, ...]) -> Any:
        return sa.exists().where(g.instance_uuid == I.uuid, g.tag.in_(tags)).correlate(t.instances)

    def having_all(tags: tuple[str, ...]) -> Any:
        if len(tags) <= _FEW_TAGS:
            return sa.and_(*[having((tag,)) for tag in tags])
        held = sa.select(sa.func.count()).where(g.instance_uuid == I.uuid, g.tag.in_(tags)).correlate(t.instances)
        return sa.and_(having(tags[:1]), held.scalar_subquery() == len(set(tags)))

    found = [having_all(query.tags)] if query.tags else []
    if query.tags_any:
        found.append(having(query.tags_any))
    if query.not_tags:
        found.append(sa.not_(having_all(query.not_tags)))
    if query.not_tags_any:
        found.append(sa.not_(having(query.not_tags_any)))
    return found
