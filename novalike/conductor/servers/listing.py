"""Lists of servers over all cells: one query per cell, merged in order."""

import heapq
import re
from collections.abc import Callable
from typing import Any

import msgspec

from novalike.bus.conductor import ServerQuery
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.servers import queries
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.server import Server

# Filters that SQL can't answer are applied to rows as they come, this many at a time.
_BATCH = 500


def search(cells: Cells, query: ServerQuery, *, any_marker: bool = False) -> list[tuple[Cell, Server]]:
    """The servers that a query means, in order, each with its cell.

    :param any_marker: the marker may be a server of another project.
    :raises MarkerNotFound: there is no such marker.
    :raises Invalid: a regular expression is none.
    """
    query, keep = _split(query)
    order = queries.order_of(query)
    marker = _marker(cells, query, order, None if any_marker else query.project_id)
    limit = query.limit

    def of_cell(cell: Cell) -> list[Server]:
        return _search_cell(cell, query, order, marker, keep, limit)

    per_cell = [[(cell, server) for server in of_cell(cell)] for cell in cells.all()]
    occupied = [found for found in per_cell if found]
    if len(occupied) <= 1:
        return occupied[0] if occupied else []
    # A server on its way from one cell to another may be in both.
    seen: set[str] = set()
    merged = []
    for cell, server in heapq.merge(*occupied, key=lambda pair: _sort_key(order, pair[1])):
        if server.uuid not in seen:
            seen.add(server.uuid)
            merged.append((cell, server))
            if limit is not None and len(merged) == limit:
                break
    return merged


def _split(query: ServerQuery) -> tuple[ServerQuery, Callable[[Server], bool] | None]:
    """A query without the filters on addresses, and these as a predicate.

    :raises Invalid: a regular expression is none.
    """
    rest = dict(query.filters)
    patterns = [(version, rest.pop(name)) for version, name in ((4, "ip"), (6, "ip6")) if name in rest]
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


def _value(server: Server, field: str) -> Any:
    return server.flavor.flavor_id if field == "flavor" else getattr(server, field)


def _search_cell(
    cell: Cell,
    query: ServerQuery,
    order: queries.Order,
    marker: dict[str, Any] | None,
    keep: Callable[[Server], bool] | None,
    limit: int | None,
) -> list[Server]:
    def run(q: ServerQuery, after: dict[str, Any] | None) -> list[Server]:
        statement = queries.null_safe(queries.select(q, order, after), cell.database.dialect)
        return cell.database.query(lambda c: servers_db.details(c, statement))

    if keep is None:
        return run(query, marker)
    found: list[Server] = []
    batch = msgspec.structs.replace(query, limit=_BATCH)
    while limit is None or len(found) < limit:
        rows = run(batch, marker)
        found += [server for server in rows if keep(server)]
        if len(rows) < _BATCH:
            break
        marker = {field: _value(rows[-1], field) for field, _, _ in order}
    return found[:limit]


class _Reversed:
    """Sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: "_Reversed") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Reversed) and self.value == other.value


def _sort_key(order: queries.Order, server: Server) -> list[Any]:
    key: list[Any] = []
    for field, _, descending in order:
        value = _value(server, field)
        ranked = (value is not None, value if value is not None else 0)
        key.append(_Reversed(ranked) if descending else ranked)
    return key
