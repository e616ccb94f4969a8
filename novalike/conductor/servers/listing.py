"""Lists of servers over all cells: one query per cell, merged in order."""

import functools
import heapq
import re
from collections.abc import Callable
from typing import Any

import msgspec
import sqlalchemy as sa

from novalike.bus.conductor import ServerQuery
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.servers import queries
from novalike.db.cell import servers as servers_db
from novalike.db.cell.servers import Shape
from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.objects.server import Server

# Filters that SQL can't answer, and the version of the addresses that they match; applied to rows as they come, this
# many at a time.
_ADDRESSES = {"ip": 4, "ip6": 6}
_BATCH = 500


def details(
    cells: Cells, query: ServerQuery, *, any_marker: bool = False, with_user_data: bool = False
) -> list[Server]:
    """The servers that a query means, in order.

    :param any_marker: the marker may be a server of another project.
    :raises MarkerNotFound: there is no such marker.
    :raises Invalid: a regular expression is none.
    """
    shape = Shape.DETAILS_WITH_USER_DATA if with_user_data else Shape.DETAILS
    return _search(cells, query, any_marker, shape)


def names(cells: Cells, query: ServerQuery, *, any_marker: bool = False) -> list[Any]:
    """The same, with ``uuid`` and ``name`` only."""
    by_address = not _ADDRESSES.keys().isdisjoint(query.filters)
    return _search(cells, query, any_marker, Shape.DETAILS if by_address else Shape.NAMES)


def _search(cells: Cells, query: ServerQuery, any_marker: bool, shape: Shape) -> list[Any]:
    query, keep = _split(query)
    order = queries.order_of(query)
    marker = _marker(cells, query, order, None if any_marker else query.project_id)
    per_cell = [_search_cell(cell, query, order, marker, keep, shape) for cell in cells.all()]
    occupied = [found for found in per_cell if found]
    if len(occupied) <= 1:
        return occupied[0] if occupied else []
    # A server on its way from one cell to another may be in both.
    seen: set[str] = set()
    merged = []
    for server in heapq.merge(*occupied, key=lambda server: _sort_key(order, server)):
        if server.uuid not in seen:
            seen.add(server.uuid)
            merged.append(server)
            if len(merged) == query.limit:
                break
    return merged


def _split(query: ServerQuery) -> tuple[ServerQuery, Callable[[Server], bool] | None]:
    """A query without the filters on addresses, and these as a predicate.

    :raises Invalid: a regular expression is none.
    """
    rest = dict(query.filters)
    patterns = [(version, rest.pop(name)) for name, version in _ADDRESSES.items() if name in rest]
    for name in queries.PATTERN:
        if name in rest:
            _compile(rest[name])
    if not patterns:
        return query, None
    compiled = [(version, _compile(pattern)) for version, pattern in patterns]

    def keep(server: Server) -> bool:
        # Nova's meaning: with both given, either is enough.
        return any(
            ip.version == version and pattern.match(ip.address)
            for version, pattern in compiled
            for vif in server.vifs
            for ip in vif.fixed_ips
        )

    return msgspec.structs.replace(query, filters=rest), keep


def _compile(pattern: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(pattern))
    except re.error as error:
        raise errors.Invalid(f"Invalid regular expression {pattern!r}: {error}") from error


def _marker(
    cells: Cells, query: ServerQuery, order: queries.Order, project_id: str | None
) -> dict[str, Any] | None:
    if query.marker is None:
        return None
    try:
        cell = cells.of_instance(query.marker)
    except errors.InstanceNotFound:
        raise errors.MarkerNotFound(marker=query.marker) from None
    uuid = query.marker
    server = cell.database.query(lambda c: servers_db.get(c, uuid, project_id=project_id, deleted=True))
    if server is None:
        raise errors.MarkerNotFound(marker=query.marker)
    return {field: _value(server, field) for field, _, _ in order}


def _value(server: Any, field: str) -> Any:
    value = getattr(server, field)
    return value.flavor_id if isinstance(value, Flavor) else value


def _search_cell(
    cell: Cell,
    query: ServerQuery,
    order: queries.Order,
    marker: dict[str, Any] | None,
    keep: Callable[[Server], bool] | None,
    shape: Shape,
) -> list[Any]:
    def run(q: ServerQuery, after: dict[str, Any] | None) -> list[Any]:
        if after is None:
            statement = _first_page(msgspec.json.encode(q), cell.database.dialect, shape)
        else:
            statement = _statement(q, order, after, cell.database.dialect, shape)
        return cell.database.query(lambda c: servers_db.page(c, statement, shape))

    if keep is None:
        return run(query, marker)
    limit = query.limit
    found: list[Any] = []
    batch = msgspec.structs.replace(query, limit=_BATCH)
    while limit is None or len(found) < limit:
        rows = run(batch, marker)
        found += [server for server in rows if keep(server)]
        if len(rows) < _BATCH:
            break
        marker = {field: _value(rows[-1], field) for field, _, _ in order}
    return found[:limit]


def _statement(
    query: ServerQuery, order: queries.Order, marker: dict[str, Any] | None, dialect: str, shape: Shape
) -> sa.Select[Any]:
    return servers_db.shaped(queries.null_safe(queries.select(query, order, marker), dialect), shape)


@functools.lru_cache(maxsize=512)
def _first_page(asked: bytes, dialect: str, shape: Shape) -> sa.Select[Any]:
    """The statement for a query in JSON. Putting one together takes as long as running it, and most are asked often."""
    query = msgspec.json.decode(asked, type=ServerQuery)
    return _statement(query, queries.order_of(query), None, dialect, shape)


class _Reversed:
    """Sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Reversed") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.value == other.value


def _sort_key(order: queries.Order, server: Any) -> list[Any]:
    key: list[Any] = []
    for field, _, descending in order:
        value = _value(server, field)
        ranked = (value is not None, value if value is not None else 0)
        key.append(_Reversed(ranked) if descending else ranked)
    return key
