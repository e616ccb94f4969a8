"""Lists of servers over all cells: one query per cell, merged in order."""

import heapq
from typing import Any

import msgspec

from novalike.bus.servers import ServerQuery
from novalike.conductor.cells import Cell, Cells
from novalike.db.cell import pattern_filters
from novalike.db.cell import server_queries as queries
from novalike.db.cell import servers as servers_db
from novalike.db.cell.pattern_filters import PatternFilters
from novalike.db.cell.servers import Shape
from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.objects.server import Server

# Rows that are matched with regular expressions are read this many at a time.
_BATCH = 500


def details(
    cells: Cells, query: ServerQuery, *, any_marker: bool = False, with_user_data: bool = False
) -> list[Server]:
    """The servers that a query means, in order.

    :param any_marker: the marker may be a server of another project.
    :raises MarkerNotFound: there is no such marker.
    :raises Invalid: a regular expression is refused, or takes too long to be matched with all that there is.
    """
    shape = Shape.DETAILS_WITH_USER_DATA if with_user_data else Shape.DETAILS
    return _search(cells, query, any_marker, shape)


def names(cells: Cells, query: ServerQuery, *, any_marker: bool = False) -> list[Any]:
    """The same, with ``uuid`` and ``name`` only."""
    return _search(cells, query, any_marker, Shape.NAMES)


def _search(cells: Cells, query: ServerQuery, any_marker: bool, shape: Shape) -> list[Any]:
    query, patterns = pattern_filters.split(query)
    turns = pattern_filters.turns()
    order = queries.order_of(query)
    marker = _marker(cells, query, order, None if any_marker else query.project_id)
    per_cell = [
        _sift(cell, query, order, marker, PatternFilters(patterns, cell.database.dialect, turns), shape)
        if patterns
        else _page(cell, query, order, marker, shape)
        for cell in cells.all()
    ]
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


def _page(
    cell: Cell, query: ServerQuery, order: queries.Order, marker: dict[str, Any] | None, shape: Shape
) -> list[Any]:
    if marker is None:
        statement = queries.first_page(msgspec.json.encode(query), cell.database.dialect, shape)
    else:
        statement = queries.statement(query, order, marker, cell.database.dialect, shape)
    return _read(cell, statement, shape)


def _read(cell: Cell, statement: queries.Statement, shape: Shape) -> list[Any]:
    return cell.database.query(lambda c: servers_db.page(c, statement, shape))


def _sift(
    cell: Cell,
    query: ServerQuery,
    order: queries.Order,
    marker: dict[str, Any] | None,
    filters: PatternFilters,
    shape: Shape,
) -> list[Any]:
    """The same, of servers that match: narrow rows are read in order, a batch at a time, and whole ones only of those
    that are shown."""
    batch = msgspec.structs.replace(query, limit=_BATCH)
    found: list[Any] = []
    while query.limit is None or len(found) < query.limit:
        narrow = queries.statement(batch, order, marker, cell.database.dialect, Shape.NAMES)
        statement = narrow.add_columns(*filters.columns)
        rows = _read(cell, statement, Shape.NAMES)
        kept, last = filters.sift(rows, None if query.limit is None else query.limit - len(found))
        if kept and shape is not Shape.NAMES:
            kept = _among(cell, query, order, [row.uuid for row in kept], shape)
        found += kept
        if last is None or (last is rows[-1] and len(rows) < _BATCH):
            break
        marker = {field: _value(last, field) for field, _, _ in order}
    return found


def _among(cell: Cell, query: ServerQuery, order: queries.Order, uuids: list[str], shape: Shape) -> list[Any]:
    """Those of some servers that are still what the query means."""
    whole = msgspec.structs.replace(query, limit=None)
    statement = queries.statement(whole, order, None, cell.database.dialect, shape)
    return _read(cell, queries.among(statement, uuids), shape)


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
