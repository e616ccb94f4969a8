"""Hints over the stack's RabbitMQ: they arrive, or are dropped and said, and nobody waits for them."""

import time
import uuid

import pytest

from novalike.bus.rabbit import server as rabbit_server
from novalike.bus.rabbit import transport as rabbit
from novalike.objects import errors
from novalike.objects.context import admin_context
from tests.integration.desk import URL, Clerk, Desk, NewerDesk, until

pytestmark = pytest.mark.skipif(not URL, reason="needs the stack's message broker")


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
