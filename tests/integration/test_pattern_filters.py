"""Filters by regular expression over real databases: the same is found everywhere, and nothing that users send is an
error of a database, or keeps one busy."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as options
from novalike.bus.servers import ServerQuery
from novalike.conductor.cells import Cells
from novalike.conductor.servers import listing
from novalike.db.api import mappings
from novalike.db.api import tables as api_tables
from novalike.db.cell import server_queries as queries
from novalike.db.cell import tables as cell_tables
from novalike.objects import errors
from tests import attacks
from tests.benchmarks.growth import population

SERVERS, BIG, USER = 2000, "b" * 32, "u" * 32
NUMBERS = [n for n in range(0, SERVERS, 2) if not population.is_deleted(n)]
NAMES = [population.name_of(n) for n in NUMBERS]


@pytest.fixture(scope="module")
def cells(database_url: str) -> Iterator[Cells]:
    """One cell with two thousand servers, half of them of one project."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("connection", database_url, "api_database")
    engine = sa.create_engine(database_url)
    schemas = (api_tables.metadata, cell_tables.metadata)
    for schema in schemas:
        schema.drop_all(engine)
        schema.create_all(engine)
    found = Cells(conf)
    number = str(uuid.uuid4())
    found.api.write(
        lambda c: mappings.insert_cell(c, uuid=number, name="cell1", database_connection=database_url, disabled=False)
    )
    population.populate(engine, engine, found.all()[0].id, 0, SERVERS, BIG, USER)
    yield found
    found.close()
    for schema in schemas:
        schema.drop_all(engine)
    engine.dispose()


def search(cells: Cells, limit: int | None = 1000, marker: str | None = None, sort: Any = (), **more: Any) -> list[Any]:
    query = ServerQuery(project_id=BIG, limit=limit, marker=marker, sort=sort, **more)
    return listing.details(cells, query)


def names(cells: Cells, expression: str) -> list[str]:
    by_name = (("display_name", "asc"),)
    found = search(cells, filters={"name": expression}, sort=by_name)
    query = ServerQuery(project_id=BIG, limit=1000, filters={"name": expression}, sort=by_name)
    assert [s.uuid for s in listing.names(cells, query)] == [s.uuid for s in found]
    return [s.name for s in found]


def test_what_is_found(cells: Cells) -> None:
    assert names(cells, "vm-") == sorted(NAMES)
    assert names(cells, "99") == sorted(name for name in NAMES if "99" in name)
    assert names(cells, r"^vm-\d*7$") == sorted(name for name in NAMES if name.endswith("7"))
    assert names(cells, "(00|11)1$") == sorted(name for name in NAMES if name.endswith(("001", "111")))
    assert names(cells, "nothing.*") == []


def test_case_counts_as_it_does_in_the_database(cells: Cells) -> None:
    """MariaDB ignores it in names, and not in what is compared exactly; the others never do."""
    for expression in ("VM-", "^VM-."):
        assert len(names(cells, expression)) == (len(NAMES) if cells.all()[0].database.dialect == "mysql" else 0)
    for expression in ("BULK-", "^BULK-."):
        assert search(cells, filters={"node": expression}) == []


def test_addresses(cells: Cells) -> None:
    found = search(cells, filters={"ip": r"10\.0\.0\.1\d?$"})
    addresses = {ip.address for server in found for vif in server.vifs for ip in vif.fixed_ips}
    assert addresses
    assert all(address.startswith("10.0.0.1") for address in addresses)
    assert search(cells, filters={"ip": "0"}) == []


@pytest.mark.parametrize("sort", [(), (("display_name", "asc"),), (("display_description", "desc"),)])
def test_pages_join_to_the_whole(cells: Cells, sort: Any) -> None:
    filters = {"name": "[1-3]$"}
    whole = [s.uuid for s in search(cells, filters=filters, sort=sort)]
    assert len(whole) == sum(name[-1] in "123" for name in NAMES)
    paged: list[str] = []
    while page := search(cells, 70, paged[-1] if paged else None, sort, filters=filters):
        paged += [s.uuid for s in page]
    assert paged == whole


ODD = [
    "%", "_", "'", '"', ":x", "#", "--", "a b", "é", "\U0001f600", "\\Q.*\\E", "[[:alpha:]]+", r"\pN", "(?i)VM",
    "(?P<n>v)m", "***:v", "***=v.", "(?s).", r"\bvm", "[[:<:]]vm", "a{,5}", "a{0,999}", "|", "vm|", "()", "^", "$",
    "^$", "[]a]", "[^]a]", r"\x41", r"\101", "(?U)v+", r"\C", "x*", "{", "}", "{1", "]", r"\/", "a" * 1000,
    "[" + "a-z" * 300 + "]",
]  # fmt: skip


@pytest.mark.parametrize("expression", ODD)
def test_no_expression_is_an_error_of_the_database(cells: Cells, expression: str) -> None:
    """Where the syntaxes differ, it is RE2's that counts."""
    for name in ("name", "node", "created_at", "auto_disk_config", "description"):
        # What RE2 refuses.
        with contextlib.suppress(errors.Invalid):
            search(cells, 5, filters={name: expression})


@pytest.mark.parametrize("expression", [attacks.EVIL, *attacks.COSTLY])
@pytest.mark.parametrize("name", ["name", "ip", "node", "created_at"])
def test_no_expression_takes_long(cells: Cells, name: str, expression: str) -> None:
    began = time.monotonic()
    with contextlib.suppress(errors.Invalid):
        search(cells, 5, filters={name: expression})
    assert time.monotonic() - began < 10


def test_many_tags(cells: Cells) -> None:
    """With a condition for each PostgreSQL looked for the order of the joins: 4 seconds for 50, a minute for 500."""
    fifty = tuple(f"tag-{number}" for number in range(50))
    five_hundred = tuple(f"tag-{number}" for number in range(500))
    many = tuple(f"tag-{number}" for number in range(3000))
    began = time.monotonic()
    with_bulk = len(search(cells, tags=("bulk",)))
    assert with_bulk == len(NAMES)
    assert search(cells, tags=fifty) == []
    assert search(cells, tags=five_hundred) == []
    assert len(search(cells, tags=("bulk", *fifty[:3]))) == 0
    assert len(search(cells, not_tags=five_hundred)) == with_bulk
    assert len(search(cells, tags=("bulk", "tag1"))) == len(search(cells, tags=("tag1",)))
    assert len(search(cells, not_tags=fifty)) == with_bulk
    assert len(search(cells, not_tags=("bulk", "tag1"))) == with_bulk - len(search(cells, tags=("tag1",)))
    assert len(search(cells, tags_any=(*many, "bulk"))) == with_bulk
    assert search(cells, not_tags_any=(*many, "bulk")) == []
    assert time.monotonic() - began < 10


def test_all_filters_by_expression_are_known(cells: Cells) -> None:
    for name in queries.PATTERN:
        search(cells, 1, filters={name: "^.+$"})
        search(cells, 1, filters={name: "plain"})
