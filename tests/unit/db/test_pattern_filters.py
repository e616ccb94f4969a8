"""Which filters the database is asked for, and how the others are matched here."""

from types import SimpleNamespace
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.bus.servers import ServerQuery
from novalike.db.cell import pattern_filters
from novalike.db.cell.pattern_filters import PatternFilters, split
from novalike.objects import errors


@pytest.mark.parametrize(
    ("filters", "asked", "matched"),
    [
        ({}, {}, {}), ({"name": "web-1"}, {"name": "web-1"}, {}), ({"name": "^web"}, {}, {"name": "^web"}),
        ({"ip": "10"}, {}, {"ip": "10"}), ({"ip6": "fe80"}, {}, {"ip6": "fe80"}),
        # What is compared exactly is no expression, whatever is in it.
        ({"host": "rack[1].node"}, {"host": "rack[1].node"}, {}), ({"image_ref": "a.*"}, {"image_ref": "a.*"}, {}),
        ({"name": "a|b", "host": "h.1", "hostname": "h", "ip": "1"}, {"host": "h.1", "hostname": "h"},
         {"name": "a|b", "ip": "1"}),
    ],
    ids=str,
)  # fmt: skip
def test_plain_texts_and_exact_values_go_to_the_database(
    filters: dict[str, Any], asked: dict[str, Any], matched: dict[str, str]
) -> None:
    query = ServerQuery(project_id="p", filters=filters, limit=7)
    rest, patterns = split(query)
    assert (rest.filters, patterns) == (asked, matched)
    assert (rest.project_id, rest.limit) == ("p", 7)


@pytest.mark.parametrize("name", ["name", "ip", "ip6"])
def test_an_expression_that_cannot_be_matched_in_time_is_refused(name: str) -> None:
    with pytest.raises(errors.Invalid, match=f"Invalid filter {name}"):
        split(ServerQuery(project_id="p", filters={name: "a{2000}"}))


@pytest.mark.parametrize(
    ("dialect", "column", "folds"),
    [
        ("mysql", "name", True), ("mariadb", "name", True), ("postgresql", "name", False), ("sqlite", "name", False),
        # There exactly what is compared exactly by MariaDB itself.
        ("mysql", "key_name", False), ("mariadb", "key_name", False), ("mariadb", "availability_zone", False),
        ("mariadb", "hostname", True),
    ],
)  # fmt: skip
def test_case_is_ignored_where_mariadb_ignores_it(dialect: str, column: str, folds: bool) -> None:
    filters = PatternFilters({column: "^web.1$"}, dialect, pattern_filters.turns())
    rows: Any = [SimpleNamespace(_mapping={f"matched_{column}": value}) for value in ("web-1", "WEB-1", "x", None)]
    kept, last = filters.sift(rows, None)
    assert kept == (rows[:2] if folds else rows[:1])
    assert last is rows[-1]


def test_a_search_ends_before_it_is_asked_again() -> None:
    """Or a conductor would be kept busy by one that nobody waits for any more."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    assert conf.rpc_try_timeout > pattern_filters._SECONDS
