"""The newest snapshot of the hosts: waited for, fetched once, kept."""

import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from novalike.objects import errors
from novalike.objects.host import HostStates
from novalike.scheduler import snapshot_cache as module
from novalike.scheduler.snapshot import EMPTY, Snapshot, take
from novalike.scheduler.snapshot_cache import RETRY_DELAY, SnapshotCache
from tests.unit.scheduler.cloud import state


class Reads:
    """Answers with what is in ``answers``, one after the other; the last one again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[str | None] = []

    def inventory(self, ctx: Any, *, known_version: str | None, changes: bool) -> HostStates | None:
        assert changes
        self.asked.append(known_version)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def inventory(version: str, *names: str, whole: bool = True) -> HostStates:
    return HostStates(version=version, hosts=tuple(state(name) for name in names), whole=whole)


def hosts(snapshot: Snapshot) -> set[str]:
    return {each.host for each in snapshot.by_uuid.values()}


AWAY = errors.Unavailable(reason="no conductor")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """In the place of time, which passes only while somebody sleeps."""
    found = SimpleNamespace(now=1000.0, slept=[])

    def sleep(seconds: float) -> None:
        found.slept.append(seconds)
        found.now += seconds

    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: found.now, sleep=sleep))
    return found


def test_the_first_one_is_waited_for_without_hurry(clock: SimpleNamespace) -> None:
    reads = Reads(AWAY, AWAY, inventory("1", "a"))
    cache = SnapshotCache(reads)
    assert hosts(cache.current()) == {"a"}
    assert clock.slept == [RETRY_DELAY] * 2
    assert reads.asked == [None] * 3
    assert hosts(cache.current()) == {"a"}
    assert len(reads.asked) == 3, "it is here"


def test_but_not_for_ever(clock: SimpleNamespace) -> None:
    cache = SnapshotCache(Reads(AWAY))
    with pytest.raises(errors.Unavailable):
        cache.current(wait=3.0)
    assert sum(clock.slept) == 3.0


def test_a_refresh_says_whether_there_was_something_new() -> None:
    reads = Reads(inventory("1", "a", "b"), None, inventory("2", "b", "c", whole=False), inventory("3", "d"))
    cache = SnapshotCache(reads)
    assert cache.refresh() is True
    assert cache.refresh() is False
    assert cache.refresh() is True
    assert hosts(cache.current()) == {"a", "b", "c"}
    assert cache.refresh() is True
    assert hosts(cache.current()) == {"d"}
    assert reads.asked == [None, "1", "1", "2"]


def test_what_was_forgotten_is_fetched_whole() -> None:
    reads = Reads(inventory("2", "a"))
    cache = SnapshotCache(reads, take(inventory("1", "a", "b")))
    cache.forget()
    assert cache._snapshot is EMPTY
    assert hosts(cache.current()) == {"a"}
    assert reads.asked == [None]


def test_who_waits_while_another_one_fetches_it_has_something_new_without_asking() -> None:
    began, go_on = threading.Event(), threading.Event()
    reads = Reads(inventory("2", "a"))
    fetch = reads.inventory

    def slowly(ctx: Any, **asked: Any) -> HostStates | None:
        began.set()
        assert go_on.wait(5)
        return fetch(ctx, **asked)

    reads.inventory = slowly  # type: ignore[method-assign]
    cache = SnapshotCache(reads, take(inventory("1", "a")))
    found: list[bool] = []
    threads = [threading.Thread(target=lambda: found.append(cache.refresh())) for _ in range(2)]
    threads[0].start()
    assert began.wait(5)
    threads[1].start()
    while not _waits(threads[1]):
        threading.Event().wait(0.01)
    go_on.set()
    for thread in threads:
        thread.join(5)
    assert found == [True, True]
    assert reads.asked == ["1"]


def _waits(thread: threading.Thread) -> bool:
    """Whether a thread has read the old snapshot, and is at the lock."""
    frame = sys._current_frames().get(thread.ident or 0)
    return frame is not None and frame.f_code is SnapshotCache.refresh.__code__ and "asked_at" in frame.f_locals
