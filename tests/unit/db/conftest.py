"""Databases for tests.

SQLite in a temporary folder; and, when ``NOVALIKE_TEST_DATABASES`` lists their URLs (separated by spaces), empty
databases of other kinds, whose tables are made and dropped.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from oslo_config import cfg

from novalike import conf as novalike_conf
from novalike.db.api import tables
from novalike.db.engine import Database

OTHERS = os.environ.get("NOVALIKE_TEST_DATABASES", "").split()


@pytest.fixture(params=["sqlite", *OTHERS])
def api_database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An API database without rows."""
    conf = cfg.ConfigOpts()
    novalike_conf.register(conf)
    conf([], project="novalike", default_config_files=[])
    url = f"sqlite:///{tmp_path}/api.db" if request.param == "sqlite" else request.param
    database = Database(url, conf)
    tables.metadata.drop_all(database.engine)
    tables.metadata.create_all(database.engine)
    yield database
    tables.metadata.drop_all(database.engine)
    database.close()
