"""Questions and answers over the stack's RabbitMQ: whatever happens to a connection, whoever asks gets an answer."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import amqp
import pytest

from novalike.bus.interface import Interface, call
from novalike.bus.rabbit.connection import Connection
from novalike.bus.rabbit.questions import queue
from novalike.bus.rabbit.transport import RabbitTransport
from novalike.bus.transport import NoAnswer
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context
from tests.integration.desk import URL, Clerk, Desk, NewerDesk, ask, until

pytestmark = pytest.mark.skipif(not URL, reason="needs the stack's message broker")


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
