"""Transactions that get in each other's way on a real database."""

import concurrent.futures
import threading
from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as options
from novalike.db.cell import quota_lock, tables
from novalike.db.engine import Database

AT_ONCE, PROJECTS = 8, 20


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    found = Database(database_url, conf)
    tables.metadata.drop_all(found.engine)
    tables.metadata.create_all(found.engine)
    yield found
    tables.metadata.drop_all(found.engine)
    found.close()


def test_many_at_once_lock_a_project_for_the_first_time(database: Database) -> None:
    """All find that the row is missing, and insert it: in MariaDB a deadlock, which rolls back the savepoint too."""
    together = threading.Barrier(AT_ONCE)

    def lock(project: str) -> None:
        def write(connection: sa.Connection) -> None:
            quota_lock.lock_project(connection, project)

        together.wait(30)
        database.write(write)

    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for number in range(PROJECTS):
            for done in [pool.submit(lock, f"{number:032}") for _ in range(AT_ONCE)]:
                done.result(60)
    count = sa.select(sa.func.count()).select_from(tables.quota_locks)
    assert database.query(lambda c: c.execute(count).scalar_one()) == PROJECTS
