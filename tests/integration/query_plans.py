"""What a database does for a statement: which tables it reads whole, what it sorts, how many rows it looks at."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import event


class Caught(NamedTuple):
    """A statement as it was sent, with its parameters."""

    text: str
    parameters: Any

    def __str__(self) -> str:
        return " ".join(self.text.split())


class Plan(NamedTuple):
    """What a database did.

    :param scans: tables that were read from one end to the other.
    :param sorted_rows: rows that were sorted because no index had their order.
    :param rows: table → rows that were looked at.
    """

    scans: frozenset[str]
    sorted_rows: int
    rows: Counter[str]
    text: str


@contextmanager
def caught() -> Iterator[list[Caught]]:
    """The statements that are executed inside, by whomever; without INSERTs, which read nothing."""
    found: list[Caught] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH", "(")):
            found.append(Caught(statement, parameters[0] if many else parameters))

    event.listen(sa.engine.Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(sa.engine.Engine, "before_cursor_execute", note)


def explain(engine: sa.Engine, statement: Caught) -> Plan:
    """Execute a statement once more, and roll back what it changed."""
    with engine.connect() as connection:
        transaction = connection.begin()
        try:
            if engine.dialect.name == "mysql":
                return _of_mariadb(connection.exec_driver_sql(f"ANALYZE {statement.text}", statement.parameters))
            text = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement.text}"
            return _of_postgresql(connection.exec_driver_sql(text, statement.parameters).scalar_one())
        finally:
            transaction.rollback()


def _of_mariadb(result: Any) -> Plan:
    scans, sorted_rows, rows, lines = set(), 0, Counter[str](), []
    for row in result.mappings():
        lines.append(", ".join(f"{key}={row[key]}" for key in ("table", "type", "key", "rows", "r_rows", "Extra")))
        # None: not executed, or answered from an index's end without looking at a row.
        read = round(_amount(row["r_rows"]))
        if "filesort" in (row["Extra"] or "") or "temporary" in (row["Extra"] or ""):
            # Counted are the rows that came out of sorting. What went in is an estimate.
            read = max(read, round(_amount(row["rows"])))
            sorted_rows += read
        rows[str(row["table"])] += read
        if row["type"] == "ALL":
            scans.add(str(row["table"]))
    return Plan(frozenset(scans), sorted_rows, rows, "\n".join(lines))


def _amount(said: Any) -> float:
    """A number of rows; with a filter of row numbers, the share that it leaves is said as well: ``1.00 (50%)``."""
    return float(str(said or 0).split()[0])


def _of_postgresql(said: Any) -> Plan:
    scans, sorted_rows, rows, lines = set(), 0, Counter[str](), []

    def look(node: dict[str, Any], depth: int) -> None:
        nonlocal sorted_rows
        kind, loops = node["Node Type"], node["Actual Loops"]
        read = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * loops
        lines.append(f"{'  ' * depth}{kind} {node.get('Relation Name', '')} {node.get('Index Name', '')} rows={read}")
        if "Relation Name" in node and "Scan" in kind:
            rows[node["Relation Name"]] += round(read)
            if kind == "Seq Scan":
                scans.add(node["Relation Name"])
        for part in node.get("Plans", ()):
            # An incremental sort takes what an index has in order but for ties, and stops when it has a page.
            if kind == "Sort":
                sorted_rows += round(part["Actual Rows"] * part["Actual Loops"])
            look(part, depth + 1)

    look(said[0]["Plan"], 0)
    return Plan(frozenset(scans), sorted_rows, rows, "\n".join(lines))
