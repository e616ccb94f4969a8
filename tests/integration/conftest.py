"""The tests of single clients find the same stack as those in ``user``, unless the environment names another cloud."""

import os
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import sqlalchemy as sa

from novalike.bus.rabbit.transport import RabbitTransport
from novalike.bus.transport import Server
from tests.integration.broker_relay import BrokerRelay
from tests.integration.databases import empty_databases
from tests.integration.desk import URL, Clerk, Desk, configured
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


@pytest.fixture
def relay() -> Iterator[BrokerRelay]:
    """A way to the broker that can be cut."""
    relay = BrokerRelay(urlsplit(URL).port or 5672)
    relay.start()
    yield relay
    relay.stop()


@pytest.fixture
def make(relay: BrokerRelay) -> Iterator[Callable[..., RabbitTransport]]:
    """Makes transports; ``over`` a relay's port."""
    made = []

    def make(*, over: int | None = None, **options: Any) -> RabbitTransport:
        transport = RabbitTransport(configured(over=over, **options))
        made.append(transport)
        return transport

    yield make
    for transport in made:
        transport.close()


@pytest.fixture
def serve() -> Iterator[Callable[[RabbitTransport, Clerk], Server]]:
    """Serves with a clerk."""
    servers = []

    def serve(transport: RabbitTransport, clerk: Clerk) -> Server:
        servers.append(transport.serve([(Desk, clerk)], "here", 8))
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()
        server.wait()
