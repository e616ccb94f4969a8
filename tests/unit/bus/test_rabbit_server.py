"""The real transport's server and client, on oslo.messaging's fake driver: how much is taken, and how it ends."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from oslo_config import cfg
from oslo_messaging._metrics import client as metrics
from oslo_messaging._tracing import client as tracing

from novalike import conf as configuration
from novalike.bus import address, rabbit_options, rabbit_server
from novalike.bus.interface import Interface, call
from novalike.bus.rabbit import RabbitTransport
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
def transport() -> RabbitTransport:
    conf = cfg.ConfigOpts()
    configuration.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    address.configured(conf)  # registers the option
    conf.set_override("transport_url", "fake:///")
    # Registered by oslo.messaging with the process's own configuration only.
    conf.register_opts(tracing.oslo_messaging_tracing, group="oslo_messaging_tracing")
    conf.register_opts(metrics.oslo_messaging_metrics, group="oslo_messaging_metrics")
    return RabbitTransport(conf)


def until(true: Callable[[], bool], seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def ask(transport: RabbitTransport, count: int) -> list["Future[int]"]:
    desk: Desk = transport.client(Desk)
    pool = ThreadPoolExecutor(count)
    return [pool.submit(desk.work, admin_context(), number=number) for number in range(count)]


def test_no_more_is_taken_than_is_worked_on(transport: RabbitTransport) -> None:
    clerk = Clerk()
    server = transport.serve([(Desk, clerk)], "here", 2)
    answers = ask(transport, 6)
    assert until(lambda: len(clerk.began) == 2)
    time.sleep(0.5)
    assert len(clerk.began) == 2
    # Whoever else listens gets the rest, but for the one that had been taken while there was no room for it.
    other = Clerk()
    other.enough.set()
    second = transport.serve([(Desk, other)], "there", 2)
    assert until(lambda: len(other.began) == 3)
    clerk.enough.set()
    assert sorted(answer.result(10) for answer in answers) == list(range(6))
    for each in (server, second):
        each.stop()
        each.wait()


def test_what_was_taken_is_finished(transport: RabbitTransport) -> None:
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
    transport: RabbitTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    """oslo.messaging's own way to stop waits until the broker is back."""
    monkeypatch.setattr(rabbit_server, "_LEAVE_SECONDS", 0.5)
    clerk = Clerk()
    server = transport.serve([(Desk, clerk)], "here", 2)
    monkeypatch.setattr(server._server, "stop", threading.Event().wait)  # type: ignore[attr-defined]
    began = time.monotonic()
    server.stop()
    server.wait()
    assert time.monotonic() - began < 2


def test_an_older_server(transport: RabbitTransport) -> None:
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


def test_nobody_answers(transport: RabbitTransport) -> None:
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


def test_options_of_the_driver_have_our_defaults_and_can_be_set(transport: RabbitTransport) -> None:
    conf = transport._conf
    assert conf.oslo_messaging_rabbit.rabbit_interval_max == 1
    assert conf.oslo_messaging_rabbit.rabbit_qos_prefetch_count == 4
    conf.set_override("rabbit_interval_max", 9, group=rabbit_options.GROUP)
    rabbit_options.set_defaults(conf)
    assert conf.oslo_messaging_rabbit.rabbit_interval_max == 9
