"""The tests of single clients find the same stack as those in ``user``, unless the environment names another cloud."""

import os

import pytest
import sqlalchemy as sa

from tests.integration.databases import empty_databases
from tests.integration.user.stack import read_stack

STACK = read_stack() if "OS_AUTH_URL" not in os.environ else None


def pytest_configure() -> None:
    if STACK is not None:
        os.environ.update({k: v for k, v in STACK.environment("admin").items() if k.startswith("OS_")})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if STACK is not None and item.path.name == "test_neutron_client.py":
            item.add_marker(pytest.mark.skip(reason="binds ports to hosts that a stack does not have"))


_DATABASES = empty_databases() or [None]


@pytest.fixture(scope="module", params=_DATABASES, ids=lambda url: url and sa.make_url(url).get_backend_name())
def database_url(request: pytest.FixtureRequest) -> str:
    """A MariaDB or PostgreSQL that a test may fill as it likes, and leaves empty."""
    if request.param is None:
        pytest.skip("there is no stack with MariaDB or PostgreSQL, and NOVALIKE_TEST_DATABASES names no database")
    url: str = request.param
    return url
