"""Questions and answers over the stack's RabbitMQ: whatever happens to a connection, whoever asks gets an answer."""

import datetime
import ipaddress
import os
import ssl
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import amqp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from oslo_config import cfg
from oslo_messaging.conffixture import ConfFixture

from novalike import conf as configuration
from novalike.bus.interface import Interface, call, cast
from novalike.bus.rabbit import options as rabbit_options
from novalike.bus.rabbit import server as rabbit_server
from novalike.bus.rabbit import transport as rabbit
from novalike.bus.rabbit.connection import Connection
from novalike.bus.rabbit.questions import queue
from novalike.bus.rabbit.transport import RabbitTransport
from novalike.bus.transport import NoAnswer, Server
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context
from tests.integration.broker_relay import BrokerRelay
from tests.integration.conftest import STACK

# The stack's broker, unless the environment names another one.
URL = os.environ.get("NOVALIKE_TEST_BROKER") or (STACK.transport_url if STACK is not None else "")

pytestmark = pytest.mark.skipif(not URL, reason="needs the stack's message broker")


class Desk(Interface):
    topic = f"desk-{uuid.uuid4().hex[:8]}"

    @call(timeout=20, repeatable=True)
    def double(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError

    @call(timeout=20, repeatable=True)
    def echo(self, ctx: RequestContext, *, text: str) -> str:
        raise NotImplementedError

    @call()
    def once(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError

    @cast
    def hint(self, ctx: RequestContext, *, number: int) -> None:
        raise NotImplementedError

    @call(timeout=20, repeatable=True)
    def refuse(self, ctx: RequestContext, *, name: str) -> None:
        raise NotImplementedError


class NewerDesk(Interface):
    """The same, of a later release: what was there before is still served."""

    topic = Desk.topic
    double = Desk.double

    @call(timeout=20, repeatable=True, since="1.3")
    def triple(self, ctx: RequestContext, *, number: int) -> int:
        raise NotImplementedError

    @cast(since="1.3")
    def new_hint(self, ctx: RequestContext, *, number: int) -> None:
        raise NotImplementedError


NewerDesk.__name__ = "Desk"


class Clerk:
    """Answers at once, or when ``go`` is set."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.began: list[int] = []

    def double(self, ctx: RequestContext, *, number: int) -> int:
        self.began.append(number)
        self.go.wait(30)
        return 2 * number

    def echo(self, ctx: RequestContext, *, text: str) -> str:
        return text

    def once(self, ctx: RequestContext, *, number: int) -> int:
        self.began.append(number)
        self.go.wait(30)
        return number + 1

    def hint(self, ctx: RequestContext, *, number: int) -> None:
        self.began.append(number)
        self.go.wait(30)
        if number < 0:
            raise errors.Invalid("not that one")

    def refuse(self, ctx: RequestContext, *, name: str) -> None:
        raise errors.KeypairNotFound(name=name, user_id=ctx.user_id or "nobody")


_DAY = datetime.timedelta(days=1)

Make = Callable[..., RabbitTransport]


@pytest.fixture
def relay() -> Iterator[BrokerRelay]:
    relay = BrokerRelay(urlsplit(URL).port or 5672)
    relay.start()
    yield relay
    relay.stop()


def configured(*, over: int | None = None, **options: Any) -> cfg.ConfigOpts:
    """For the broker, or for a relay's port."""
    conf = cfg.ConfigOpts()
    configuration.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    parts = urlsplit(URL)
    netloc = parts.netloc if over is None else f"{parts.netloc.rsplit(':', 1)[0]}:{over}"
    # Registers what oslo.messaging registers with the process's own configuration only.
    ConfFixture(conf, urlunsplit(parts._replace(netloc=netloc)))
    rabbit_options.set_defaults(conf)
    for name, value in options.items():
        conf.set_override(name, value, group="oslo_messaging_rabbit")
    return conf


@pytest.fixture
def make(relay: BrokerRelay) -> Iterator[Make]:
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
    servers = []

    def serve(transport: RabbitTransport, clerk: Clerk) -> Server:
        servers.append(transport.serve([(Desk, clerk)], "here", 8))
        return servers[-1]

    yield serve
    for server in servers:
        server.stop()
        server.wait()


def until(true: Callable[[], Any], seconds: float = 10.0) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return bool(true())


def ask(transport: RabbitTransport, number: int) -> int:
    answer: int = transport.client(Desk).double(admin_context(), number=number)
    return answer


def test_many_at_a_time_get_their_own_answers(make, serve):
    serve(make(), Clerk())
    transport = make()
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda n: ask(transport, n), range(400))) == [2 * n for n in range(400)]


def test_pages_are_long(make, serve):
    """Longer than a frame, and several at a time."""
    serve(make(), Clerk())
    client = make().client(Desk)
    texts = [f"{n}äöü" * (100_000 * n) for n in range(6)]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(lambda text: client.echo(admin_context(), text=text), texts)) == texts


def test_what_must_not_be_repeated_is_answered_too(make, serve):
    serve(make(), Clerk())
    assert make().client(Desk).once(admin_context(), number=1) == 2


def test_what_must_not_be_repeated_and_a_lost_process_had_taken_is_not_done_again(make, serve, relay):
    """Whoever gets it next says so at once: nobody waits for the end of the time."""
    dying, living = Clerk(), Clerk()
    dying.go.clear()
    serve(make(over=relay.port), dying)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(make().client(Desk).once, admin_context(), number=1)
        assert until(lambda: dying.began)
        serve(make(), living)
        began = time.monotonic()
        relay.cut()
        with pytest.raises(errors.Unavailable, match="not known whether it was carried out"):
            answer.result(10)
        assert time.monotonic() - began < RabbitTransport.try_timeout
    assert living.began == []
    dying.go.set()


def test_what_must_not_be_repeated_is_asked_once_when_the_asker_is_cut_off(make, serve, relay):
    clerk = Clerk()
    clerk.go.clear()
    serve(make(), clerk)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(make(over=relay.port).client(Desk).once, admin_context(), number=1)
        assert until(lambda: clerk.began)
        relay.cut()
        with pytest.raises(NoAnswer, match="not known whether the request was carried out"):
            answer.result(5)
    clerk.go.set()
    time.sleep(0.3)
    assert clerk.began == [1]


def test_an_error_is_raised_again(make, serve):
    serve(make(), Clerk())
    with pytest.raises(errors.KeypairNotFound, match="mine"):
        make().client(Desk).refuse(admin_context(), name="mine")


def test_hints_arrive_even_after_one_that_fails(make, serve):
    clerk = Clerk()
    serve(make(), clerk)
    told = make().client(Desk)
    for number in (-1, 1, 2):
        told.hint(admin_context(), number=number)
    assert until(lambda: sorted(clerk.began) == [-1, 1, 2])
    time.sleep(0.3)
    assert len(clerk.began) == 3


def test_one_of_several_processes_can_be_told(make, serve):
    here, there = Clerk(), Clerk()
    serve(make(), here)
    transport = make()
    other = transport.serve([(Desk, there)], "there", 8)
    try:
        for number in range(4):
            transport.client(Desk, "there").hint(admin_context(), number=number)
        assert until(lambda: len(there.began) == 4)
        assert here.began == []
    finally:
        other.stop()
        other.wait()


def test_a_hint_that_a_lost_process_had_taken_goes_to_another_one(make, serve, relay):
    dying, living = Clerk(), Clerk()
    dying.go.clear()
    serve(make(over=relay.port), dying)
    make().client(Desk).hint(admin_context(), number=5)
    assert until(lambda: dying.began)
    serve(make(), living)
    relay.cut()
    assert until(lambda: living.began == [5])
    dying.go.set()


def test_a_hint_to_nobody_is_dropped(make):
    """Who comes later doesn't get it."""
    clerk, name = Clerk(), f"late-{uuid.uuid4()}"
    told = make().client(Desk, name)
    told.hint(admin_context(), number=1)
    server = make().serve([(Desk, clerk)], name, 8)
    try:
        told.hint(admin_context(), number=2)
        assert until(lambda: clerk.began)
        assert clerk.began == [2]
    finally:
        server.stop()
        server.wait()


def test_a_hint_of_a_later_release_is_dropped_and_said(make, serve, monkeypatch):
    clerk, said = Clerk(), []
    # Other tests configure logging anew, past caplog.
    monkeypatch.setattr(rabbit_server.LOG, "warning", lambda text, *values: said.append(text % values))
    serve(make(), clerk)
    transport = make()
    transport.client(NewerDesk).new_hint(admin_context(), number=1)
    transport.client(Desk).hint(admin_context(), number=2)
    assert until(lambda: clerk.began)
    assert until(lambda: said)
    assert [text for text in said if "1.3" in text and "a hint was dropped" in text] == said
    assert clerk.began == [2]


def test_a_hint_is_kept_for_a_while(make, serve, monkeypatch):
    """For a process that starts again, but not for one that comes back much later."""
    monkeypatch.setattr(rabbit, "_HINT_SECONDS", 0.5)
    gone, later = Clerk(), Clerk()
    server = serve(make(), gone)
    server.stop()
    server.wait()
    told = make().client(Desk)
    told.hint(admin_context(), number=1)
    time.sleep(0.7)
    told.hint(admin_context(), number=2)
    serve(make(), later)
    assert until(lambda: later.began)
    assert later.began == [2]


def test_a_hint_to_a_broker_that_is_away_is_refused(make, relay, monkeypatch):
    monkeypatch.setattr(rabbit, "_SEND_SECONDS", 1.0)
    transport = make(over=relay.port)
    transport.client(Desk, "nobody").hint(admin_context(), number=1)
    relay.stop()
    assert until(lambda: not transport._asker._connection.is_up)
    with pytest.raises(errors.Unavailable, match="can't be reached"):
        transport.client(Desk, "nobody").hint(admin_context(), number=2)


def test_one_of_several_processes_can_be_asked(make, serve):
    here, there = Clerk(), Clerk()
    serve(make(), here)
    make_other = make()
    other = make_other.serve([(Desk, there)], "there", 8)
    try:
        for number in range(4):
            assert make_other.client(Desk, "there").double(admin_context(), number=number) == 2 * number
        assert (here.began, there.began) == ([], [0, 1, 2, 3])
    finally:
        other.stop()
        other.wait()


def test_what_a_lost_process_had_taken_is_answered_by_another_one(make, serve, relay):
    dying, living = Clerk(), Clerk()
    dying.go.clear()
    serve(make(over=relay.port), dying)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, make(), 21)
        assert until(lambda: dying.began)
        serve(make(), living)
        began = time.monotonic()
        relay.cut()
        assert answer.result(10) == 42
        # Not only when it is asked again.
        assert time.monotonic() - began < RabbitTransport.try_timeout / 2
    dying.go.set()


def test_an_asker_whose_connection_is_cut_asks_again(make, serve, relay):
    clerk = Clerk()
    clerk.go.clear()
    serve(make(), clerk)
    transport = make(over=relay.port)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, transport, 21)
        assert until(lambda: clerk.began)
        relay.cut()
        assert until(lambda: len(clerk.began) == 2)
        clerk.go.set()
        assert answer.result(10) == 42
    assert ask(transport, 4) == 8


def test_an_answerer_whose_connection_is_cut_connects_again(make, serve, relay):
    serve(make(over=relay.port), Clerk())
    transport = make()
    for number in range(3):
        assert ask(transport, number) == 2 * number
        relay.cut()
    assert ask(transport, 7) == 14


def test_a_broker_that_falls_silent_is_given_up(make, serve, relay):
    serve(make(), Clerk())
    transport = make(over=relay.port, heartbeat_timeout_threshold=3)
    transport.patience, transport.try_timeout, transport.read_timeout = 1.0, 1.0, 2.0
    asker = transport._asker
    assert ask(transport, 1) == 2
    assert asker is not None
    silent = asker._connection
    assert silent is not None
    relay.open.clear()
    began = time.monotonic()
    with pytest.raises(errors.Unavailable):
        transport.call(Desk, None, "double", admin_context(), '{"number":2}', 1.0)
    assert time.monotonic() - began < 2
    assert until(lambda: not silent.is_up)
    relay.open.set()
    assert ask(transport, 3) == 6


def test_a_short_absence_of_the_broker_is_outlasted(make, serve, relay):
    serve(make(), Clerk())
    transport = make(over=relay.port)
    assert ask(transport, 1) == 2
    relay.stop()
    assert until(lambda: not transport._asker._connection.is_up)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, transport, 21)
        time.sleep(1.5)
        relay.start()
        assert answer.result(3) == 42


def test_a_long_absence_of_the_broker_is_not(make, serve, relay):
    serve(make(), Clerk())
    transport = make(over=relay.port)
    transport.patience = transport.try_timeout = 1.0
    assert ask(transport, 1) == 2
    relay.stop()
    assert until(lambda: not transport._asker._connection.is_up)
    began = time.monotonic()
    with pytest.raises(errors.Unavailable, match="can't be reached"):
        ask(transport, 2)
    assert time.monotonic() - began < 3


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """Of 127.0.0.1, with its key; its own authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + _DAY)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    no_password = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    path = tmp_path / "broker.pem"
    path.write_bytes(
        made.public_bytes(pem) + key.private_bytes(pem, serialization.PrivateFormat.PKCS8, no_password)
    )
    return path


def test_over_tls(make, serve, relay, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    relay.stop()
    relay.start(tls=context)
    serve(make(over=relay.port, ssl=True, ssl_ca_file=str(certificate)), Clerk())
    transport = make(over=relay.port, ssl=True, ssl_ca_file=str(certificate))
    texts = [str(number) * 200_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda n: ask(transport, n), range(100))) == [2 * n for n in range(100)]
        client = transport.client(Desk)
        assert list(pool.map(lambda text: client.echo(admin_context(), text=text), texts)) == texts
    assert client.once(admin_context(), number=1) == 2
    began = time.monotonic()
    transport.close()
    assert time.monotonic() - began < 5


def test_over_tls_a_connection_that_is_cut_is_made_again(make, serve, relay, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    relay.stop()
    relay.start(tls=context)
    serve(make(over=relay.port, ssl=True, ssl_ca_file=str(certificate)), Clerk())
    transport = make(over=relay.port, ssl=True, ssl_ca_file=str(certificate))
    for number in range(3):
        assert ask(transport, number) == 2 * number
        relay.cut()
    assert ask(transport, 7) == 14


def test_a_broker_with_a_wrong_certificate_is_refused(make, serve, relay, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    relay.stop()
    relay.start(tls=context)
    serve(make(), Clerk())
    transport = make(over=relay.port, ssl=True)
    transport.patience = transport.try_timeout = 1.0
    with pytest.raises(errors.Unavailable, match="can't be reached"):
        ask(transport, 1)


def test_nobody_serves(make):
    class Nothing(Interface):
        topic = f"nothing-{uuid.uuid4().hex[:8]}"

        @call(timeout=1, repeatable=True)
        def ask(self, ctx: RequestContext) -> int:
            raise NotImplementedError

    with pytest.raises(errors.Unavailable, match="nobody serves nothing-"):
        make().client(Nothing).ask(admin_context())


def test_a_question_of_a_later_release_is_refused(make, serve):
    serve(make(), Clerk())
    newer = make().client(NewerDesk)
    with pytest.raises(errors.Unavailable, match=r"Desk\.triple needs version 1\.3 of Desk"):
        newer.triple(admin_context(), number=1)
    assert newer.double(admin_context(), number=1) == 2


def test_who_stops_finishes_and_takes_no_more(make, serve):
    leaving, staying = Clerk(), Clerk()
    leaving.go.clear()
    server = serve(make(), leaving)
    transport = make()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(ask, transport, 21)
        assert until(lambda: leaving.began)
        serve(make(), staying)
        server.stop()
        for number in range(10):
            assert ask(transport, number) == 2 * number
        leaving.go.set()
        server.wait()
        assert answer.result(5) == 42
    assert (leaving.began, staying.began) == ([21], list(range(10)))


def test_what_nobody_waits_for_any_more_is_not_done(make, serve):
    gone, later = Clerk(), Clerk()
    server = serve(make(), gone)
    server.stop()
    server.wait()
    transport = make()
    with pytest.raises(NoAnswer):
        transport.call(Desk, None, "double", admin_context(), '{"number":1}', 0.5)
    time.sleep(0.5)
    serve(make(), later)
    assert ask(transport, 2) == 4
    assert later.began == [2]


def test_what_is_no_question_is_dropped(make, serve):
    server = serve(make(), Clerk())
    transport = make()
    assert ask(transport, 1) == 2
    for body in (b"", b"{", b'{"i":"Desk"}', b"\xff"):
        transport._asker._connection._connection.send(amqp.Message(body), queue(Desk.topic, None))
    assert ask(transport, 2) == 4
    server.stop()
    server.wait()
    looking = Connection(transport._brokers, "test", lambda: None)
    assert looking.channel.queue_declare(queue(Desk.topic, None), passive=True).message_count == 0
    looking.close()
