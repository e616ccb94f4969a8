import threading
import time

import pytest

from novalike.bus.compute import ExternalEvent
from novalike.compute.external_events import ExternalEvents
from novalike.virt import cancellation
from novalike.virt.cancellation import Cancellation, Cancelled

KEY = ("network-vif-plugged", "p1")


def event(tag="p1", status="completed", uuid="u1"):
    return ExternalEvent(name="network-vif-plugged", instance_uuid=uuid, tag=tag, status=status)


def test_an_event_before_the_wait_is_kept():
    events = ExternalEvents()
    with events.expect("u1", [KEY]) as expectation:
        assert events.notify(event())
        assert expectation.wait(0)


def test_an_event_wakes_the_waiter():
    events = ExternalEvents()
    with events.expect("u1", [KEY, ("network-vif-plugged", "p2")]) as expectation:
        timers = [threading.Timer(0.02, events.notify, [event(tag)]) for tag in ("p1", "p2")]
        for timer in timers:
            timer.start()
        started = time.monotonic()
        assert expectation.wait(5)
        assert time.monotonic() - started < 2


def test_others_events_and_doubled_events_are_harmless():
    events = ExternalEvents()
    with events.expect("u1", [KEY]) as expectation:
        assert not events.notify(event(uuid="u2"))
        assert not events.notify(event(tag="p9"))
        assert events.notify(event())
        assert not events.notify(event())
        assert expectation.wait(0)
    assert not events.notify(event())


def test_failure_ends_the_wait():
    events = ExternalEvents()
    with events.expect("u1", [KEY, ("network-vif-plugged", "p2")]) as expectation:
        events.notify(event(status="failed"))
        assert not expectation.wait(5)
        assert expectation.failed == {KEY}


def test_time_is_up():
    with ExternalEvents().expect("u1", [KEY]) as expectation:
        started = time.monotonic()
        assert not expectation.wait(0.05)
        assert 0.04 < time.monotonic() - started < 1
        assert expectation.open == {KEY}


def test_who_has_nothing_to_look_at_waits_for_events_only():
    """However long that is."""
    with ExternalEvents().expect("u1", [KEY]) as expectation:
        assert not expectation.wait(0.05, first=0.01, every=0.01)
        assert expectation.open == {KEY}


def test_it_is_looked_again_and_again():
    looks = []
    with ExternalEvents().expect("u1", [KEY]) as expectation:
        def look(it):
            looks.append(it)
            if len(looks) == 3:
                it.settle(KEY, failed=True)

        assert not expectation.wait(5, look=look, first=0.01, every=0.01)
        assert (looks, expectation.failed) == ([expectation] * 3, {KEY})


def test_looking_finds_what_was_lost():
    with ExternalEvents().expect("u1", [KEY]) as expectation:
        assert expectation.wait(5, look=lambda e: e.settle(KEY), first=0.01)


def test_two_waiters_for_one_event():
    events = ExternalEvents()
    with events.expect("u1", [KEY]) as one, events.expect("u1", [KEY]) as other:
        events.notify(event())
        assert one.wait(0)
        assert other.wait(0)
    assert events._expectations == {}


@pytest.mark.parametrize("delay", [0.0, 0.05])
def test_who_is_cancelled_waits_no_longer(delay):
    """Also if that was before the wait began."""
    job = Cancellation("op")
    with ExternalEvents().expect("u1", [KEY]) as expectation, cancellation.listening(job):
        timer = threading.Timer(delay, job.cancel)
        timer.start()
        if not delay:
            timer.join()
        started = time.monotonic()
        with pytest.raises(Cancelled):
            expectation.wait(30, look=lambda _: None)
        assert time.monotonic() - started < 5
        timer.join()
