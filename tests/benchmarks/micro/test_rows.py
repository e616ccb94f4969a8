"""What the conductor makes of the rows of a page: SQLite stands for the databases, whose drivers come on top."""

from typing import Any

import pytest
import sqlalchemy as sa

from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables
from novalike.db.cell.servers import Shape
from tests.benchmarks.micro import servers

COUNT = 1000
_COLUMNS = set(tables.instances.c.keys())


@pytest.fixture(scope="module")
def connection() -> Any:
    engine = sa.create_engine("sqlite://")
    tables.metadata.create_all(engine)
    rows = []
    for number in range(COUNT):
        server = servers.server(number)
        row = {name: getattr(server, name) for name in server.__struct_fields__ if name in _COLUMNS}
        row |= {
            "id": number + 1, "flavorid": server.flavor.flavor_id, "memory_mb": 512, "vcpus": 1, "root_gb": 1,
            "ephemeral_gb": 0, "deleted": False,
        }  # fmt: skip
        rows.append(row)
    with engine.begin() as connection:
        connection.execute(sa.insert(tables.instances), rows)
    with engine.connect() as connection:
        yield connection


@pytest.mark.parametrize("count", [50, COUNT])
def test_servers_from_rows(benchmark: Any, connection: Any, count: int) -> None:
    query = sa.select(tables.instances.c.uuid).order_by(tables.instances.c.id).limit(count)
    asked = servers_db.shaped(query, Shape.DETAILS)
    found = benchmark(lambda: servers_db.page(connection, asked, Shape.DETAILS))
    assert [server.uuid for server in found] == [servers.uuid_of(n) for n in range(count)]
    assert found[7].vifs == servers.server(7).vifs
    assert found[7].flavor == servers.FLAVOR
