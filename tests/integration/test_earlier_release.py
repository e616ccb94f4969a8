"""What a daemon of the release before sends through oslo.messaging, which must not be repeated, is answered too."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from novalike.bus.oslo_rpc import OsloTransport
from novalike.bus.rabbit.transport import RabbitTransport
from novalike.bus.transport import Server
from novalike.objects import errors
from novalike.objects.context import admin_context
from tests.integration.desk import URL, Clerk, Desk, NewerDesk, configured, until

pytestmark = pytest.mark.skipif(not URL, reason="needs the stack's message broker")


@pytest.fixture
def clerk() -> Clerk:
    return Clerk()


@pytest.fixture
def server(clerk: Clerk) -> Iterator[Server]:
    transport = RabbitTransport(configured())
    server = transport.serve([(Desk, clerk)], "here", 8)
    yield server
    server.stop()
    server.wait()
    transport.close()


@pytest.fixture
def earlier() -> Iterator[OsloTransport]:
    """What the release before has for such calls."""
    transport = OsloTransport(configured())
    yield transport
    transport.close()


def once(earlier: OsloTransport, number: int) -> int:
    """Its calls come back, and are sent again, until somebody is there; ours are not mandatory."""
    found: list[int] = []

    def is_answered() -> bool:
        try:
            found.append(earlier.client(Desk).once(admin_context(), number=number))
        except errors.Unavailable:
            return False
        return True

    assert until(is_answered)
    return found[0]


def test_a_call_that_must_not_be_repeated_is_answered(server: Server, earlier: OsloTransport) -> None:
    earlier._conf.set_override("rpc_response_timeout", 3)
    assert once(earlier, 1) == 2
    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(lambda n: once(earlier, n), range(20))) == list(range(1, 21))


def test_what_is_of_a_later_release_is_refused(server: Server, earlier: OsloTransport) -> None:
    earlier._conf.set_override("rpc_response_timeout", 3)
    assert once(earlier, 1) == 2
    with pytest.raises(errors.Unavailable, match=r"Desk\.triple needs version 1\.3 of Desk"):
        earlier.client(NewerDesk).triple(admin_context(), number=1)


def test_what_was_taken_is_answered_before_the_end(server: Server, earlier: OsloTransport, clerk: Clerk) -> None:
    earlier._conf.set_override("rpc_response_timeout", 3)
    assert once(earlier, 1) == 2
    earlier._conf.set_override("rpc_response_timeout", 20)
    clerk.go.clear()
    with ThreadPoolExecutor(2) as pool:
        answer = pool.submit(earlier.client(Desk).once, admin_context(), number=2)
        assert until(lambda: clerk.began[-1] == 2)
        server.stop()
        stopped = pool.submit(server.wait)
        clerk.go.set()
        stopped.result(10)
        assert answer.result(5) == 3
