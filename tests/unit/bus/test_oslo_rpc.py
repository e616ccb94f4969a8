"""The bus over oslo.messaging's own RPC, on its fake driver: how much is worked on, and how it ends."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from oslo_config import cfg
from oslo_messaging.conffixture import ConfFixture

from novalike import conf as configuration
from novalike.bus import oslo_rpc
from novalike.bus.connect import connect
from novalike.bus.interface import Interface, call
from novalike.bus.oslo_rpc import OsloTransport
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context


class Desk(Interface):
    topic = "desk"

    @call(timeout=10)
    def work(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError


class Clerk:
    """Works until told that it is enough."""

    def __init__(self) -> None:
        self.began: list[int] = []
        self.enough = threading.Event()

    def work(self, ctx: RequestContext, *, number: int) -> int:
        self.began.append(number)
        self.enough.wait(10)
        return number


@pytest.fixture
def transport() -> OsloTransport:
    conf = cfg.ConfigOpts()
    configuration.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    ConfFixture(conf, "fake:///")  # registers what oslo.messaging registers with the process's own configuration only
    found = connect(conf)
    assert isinstance(found, OsloTransport)
    return found


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def ask(transport: OsloTransport, count: int) -> list["Future[int]"]:
    desk: Desk = transport.client(Desk)
    pool = ThreadPoolExecutor(count)
    return [pool.submit(desk.work, admin_context(), number=number) for number in range(count)]


def test_no_more_is_worked_on_than_there_are_threads_for(transport: OsloTransport) -> None:
    clerk = Clerk()
    server = transport.serve([(Desk, clerk)], "here", 2)
    answers = ask(transport, 6)
    assert until(lambda: len(clerk.began) == 2)
    time.sleep(0.5)
    assert len(clerk.began) == 2
    clerk.enough.set()
    assert sorted(answer.result(10) for answer in answers) == list(range(6))
    server.stop()
    server.wait()


def test_what_was_taken_is_finished(transport: OsloTransport) -> None:
    clerk = Clerk()
    server = transport.serve([(Desk, clerk)], "here", 2)
    (answer,) = ask(transport, 1)
    assert until(lambda: clerk.began == [0])
    server.stop()
    server.stop()  # twice is as good
    waiting = threading.Thread(target=server.wait)
    waiting.start()
    waiting.join(0.5)
    assert waiting.is_alive()
    clerk.enough.set()
    assert answer.result(5) == 0
    waiting.join(5)
    assert not waiting.is_alive()


def test_a_broker_that_is_away_is_not_waited_for(
    transport: OsloTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """oslo.messaging's own way to stop waits until the broker is back."""
    monkeypatch.setattr(oslo_rpc, "_LEAVE_SECONDS", 0.5)
    clerk = Clerk()
    server = transport.serve([(Desk, clerk)], "here", 2)
    monkeypatch.setattr(server._server, "stop", threading.Event().wait)  # type: ignore[attr-defined]
    began = time.monotonic()
    server.stop()
    server.wait()
    assert time.monotonic() - began < 2


def test_an_older_server(transport: OsloTransport) -> None:
    server = transport.serve([(Desk, Clerk())], "here", 2)

    class NewDesk(Interface):
        topic = "desk"

        @call(timeout=10, since="1.7")
        def work(self, ctx: RequestContext, *, number: int) -> int:
            raise NotImplementedError

    NewDesk.__name__ = "Desk"
    desk: NewDesk = transport.client(NewDesk)
    with pytest.raises(errors.Unavailable, match=r"Desk\.work needs version 1\.7 of Desk"):
        desk.work(admin_context(), number=1)
    server.stop()
    server.wait()


def test_nobody_answers(transport: OsloTransport) -> None:
    class Silent(Interface):
        topic = "silent"

        @call()
        def work(self, ctx: RequestContext) -> int:
            raise NotImplementedError

    assert transport.ping()  # registers the option
    transport._conf.set_override("rpc_response_timeout", 1)
    silent: Silent = transport.client(Silent)
    with pytest.raises(errors.Unavailable, match="not known"):
        silent.work(admin_context())
