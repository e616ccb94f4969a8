"""Filters by regular expression, matched here and not by the database.

Databases differ in syntax, and most of their engines can be kept busy by an expression. A plain text has the same
meaning everywhere and goes to the database.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from novalike.bus.servers import ServerQuery
from novalike.db.cell import server_queries as queries
from novalike.db.cell import tables as t
from novalike.objects import errors, pattern
from novalike.objects.pattern import Pattern, PatternError, TooSlow, Turns

# Filters on addresses, and the version of those that they match.
ADDRESSES: Mapping[str, int] = {"ip": 4, "ip6": 6}
# Of a search, in all cells: less than [DEFAULT] rpc_try_timeout, after which it would be asked again.
_SECONDS = 4.0
_MYSQL = mysql.dialect()


def split(query: ServerQuery) -> tuple[ServerQuery, dict[str, str]]:
    """A query without the filters that the database isn't asked about, and these.

    :raises Invalid: a regular expression is refused.
    """
    rest: dict[str, Any] = {}
    patterns: dict[str, str] = {}
    for name, value in query.filters.items():
        if name in ADDRESSES or (name in queries.PATTERN and not pattern.is_plain(str(value))):
            patterns[name] = str(value)
        else:
            rest[name] = value
        if name in ADDRESSES or name in queries.PATTERN:
            try:
                pattern.check(str(value))
            except PatternError as error:
                raise errors.Invalid(f"Invalid filter {name}: {value!r} is refused: {error}.") from None
    return (msgspec.structs.replace(query, filters=rest) if patterns else query), patterns


class _Condition(NamedTuple):
    """An expression, and the column of a row that it is matched with."""

    column: str
    pattern: Pattern


class PatternFilters:
    """The filters of one search in one database.

    :param patterns: filter → regular expression.
    :param dialect: of the database: MariaDB ignores case in most columns, here as everywhere.
    """

    def __init__(self, patterns: Mapping[str, str], dialect: str, turns: Turns) -> None:
        self._names = ", ".join(patterns)
        self._turns = turns
        self._addresses = [(ADDRESSES[n], Pattern(text)) for n, text in patterns.items() if n in ADDRESSES]
        self._conditions = [
            _Condition(f"matched_{name}", Pattern(text, ignore_case=_ignores_case(queries.PATTERN[name], dialect)))
            for name, text in patterns.items()
            if name not in ADDRESSES
        ]
        self.columns: list[Any] = [
            queries.PATTERN[name].label(f"matched_{name}") for name in patterns if name not in ADDRESSES
        ]
        if self._addresses:
            self.columns.append(t.instances.c.vifs)
        """What rows must have beside the columns of a query."""

    def sift(self, rows: Sequence[Any], at_most: int | None) -> tuple[list[Any], Any]:
        """The first rows that match, and the last row that was looked at.

        :raises Invalid: the search takes too long.
        """
        kept: list[Any] = []
        row = None
        for row in rows:
            try:
                self._turns.take()
            except TooSlow:
                raise errors.Invalid(
                    f"Too many servers to match the filter {self._names} with: after {_SECONDS:.0f} seconds the end "
                    "was not reached. Use a text without special characters, or further filters."
                ) from None
            if self._matches(row):
                kept.append(row)
                if len(kept) == at_most:
                    break
        return kept, row

    def _matches(self, row: Any) -> bool:
        for column, expression in self._conditions:
            value = row._mapping[column]
            if value is None or not expression.search(value):
                return False
        # Nova's meaning: with both versions given, either is enough.
        return not self._addresses or any(
            ip.version == version and expression.match(ip.address)
            for version, expression in self._addresses
            for ip in _addresses_of(row)
        )


def turns() -> Turns:
    """The time that a search may take."""
    return Turns(_SECONDS)


def _addresses_of(row: Any) -> Iterable[Any]:
    return (ip for vif in row.vifs for ip in vif.fixed_ips)


def _ignores_case(column: sa.ColumnElement[Any], dialect: str) -> bool:
    if dialect not in ("mysql", "mariadb"):
        return False
    collation = getattr(column.type.dialect_impl(_MYSQL), "collation", None)
    return collation is None or not collation.endswith("_bin")
