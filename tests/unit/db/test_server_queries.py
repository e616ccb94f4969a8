"""MariaDB is told which index a page begins in, where there is one, and only there."""

import datetime
from typing import Any

import pytest
from sqlalchemy.dialects import mysql, postgresql, sqlite

from novalike.bus.servers import ServerQuery
from novalike.db.cell import server_queries as queries
from novalike.objects import errors

NOW = datetime.datetime(2026, 11, 28)
MARKER: dict[str, Any] = {"created_at": NOW, "id": 7, "uuid": "u", "name": "n", "host": "h"}
BY_TIME = (("created_at", "desc"),)


def index(*, marker: bool = True, dialect: Any = mysql, **facts: Any) -> str | None:
    """The one that is named."""
    query = ServerQuery(**({"project_id": "p", "deleted": False} | facts))
    order = queries.order_of(query)
    statement = queries.select(query, order, MARKER if marker else None)
    text = str(statement.compile(dialect=dialect.dialect()))
    return text.partition("FORCE INDEX (")[2].partition(")")[0] or None


def test_a_page_begins_in_the_index_of_its_order() -> None:
    of_project, of_all = "ix_instances_project_id_deleted", "ix_instances_deleted"
    assert index() == index(sort=BY_TIME) == f"{of_project}_created_at_id"
    assert index(project_id=None) == f"{of_all}_created_at_id"
    by_state = f"{of_project}_created_at_id, {of_project}_vm_state_created_at_id"
    assert index(filters={"vm_state": "active"}) == index(statuses=("ACTIVE",)) == by_state


def test_the_first_page_and_other_databases_need_no_word() -> None:
    assert index(marker=False) is None
    assert index(dialect=sqlite) is None


@pytest.mark.parametrize(
    "facts",
    [
        {"deleted": None}, {"changes_since": NOW}, {"filters": {"uuid": "u"}}, {"filters": {"host": "h"}},
        {"filters": {"reservation_id": "r"}}, {"sort": (("host", "asc"),)},
    ],
    ids=str,
)  # fmt: skip
def test_what_finds_fewer_servers_or_has_another_order_does_without(facts: dict[str, Any]) -> None:
    assert index(**facts) is None


def test_servers_without_a_value_come_first_on_every_database() -> None:
    """MariaDB has no word for it, and does it anyway; PostgreSQL has to be told."""
    query = ServerQuery(project_id=None, sort=(("host", "asc"), ("launched_at", "desc")))
    statement = queries.select(query, queries.order_of(query), None)
    for dialect, says in ((mysql, False), (sqlite, False), (postgresql, True)):
        name = dialect.dialect.name
        text = str(queries.null_safe(statement, name).compile(dialect=dialect.dialect()))
        ordered = text.partition("ORDER BY ")[2].replace("`", "").replace("instances.", "")
        if says:
            assert ordered == "host ASC NULLS FIRST, launched_at DESC NULLS LAST, uuid DESC"
        else:
            assert ordered == "host ASC, launched_at DESC, uuid DESC"


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        ({"host": "a.b"}, "instances.host = 'a.b'"), ({"host": None}, "instances.host IS NULL"),
        ({"vm_state": ["active", "error"]}, "instances.vm_state IN ('active', 'error')"),
        ({"host": ["h1", None]}, "instances.host IN ('h1') OR instances.host IS NULL"),
        ({"locked": True}, "instances.locked_by IS NOT NULL"), ({"locked": False}, "instances.locked_by IS NULL"),
    ],
    ids=str,
)  # fmt: skip
def test_a_filter_is_a_value_or_any_of_several(filters: dict[str, Any], condition: str) -> None:
    query = ServerQuery(project_id=None, deleted=None, filters=filters)
    statement = queries.select(query, queries.order_of(query), None)
    text = str(statement.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
    assert " ".join(text.partition("WHERE ")[2].partition("ORDER BY")[0].split()) == condition


def test_what_is_no_filter_is_refused() -> None:
    query = ServerQuery(project_id=None, filters={"no_such": "x"})
    with pytest.raises(errors.Invalid, match="Unknown filter no_such"):
        queries.select(query, queries.order_of(query), None)
    expression = ServerQuery(project_id=None, filters={"name": "a|b"})
    with pytest.raises(ValueError, match="plain texts only"):
        queries.select(expression, queries.order_of(expression), None)
