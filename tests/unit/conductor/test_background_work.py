"""What a conductor does in the background, when it is told to stop: it begins nothing more, and finishes what it has
begun."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from novalike.conductor.operations.legs import ConductorLegs
from novalike.objects import errors
from tests.fakes.records import context

PATIENCE = 5


class Leases:
    holder = "me"

    def __init__(self) -> None:
        self.held: list[list[str]] = []
        self.let_go: list[str] = []

    @contextlib.contextmanager
    def kept(self, cell: Any, ids: list[str]) -> Iterator[None]:
        self.held.append(list(ids))
        yield
        self.held.remove(list(ids))

    def put_off(self, cell: Any, ids: list[str]) -> None:
        assert list(ids) not in self.held, "nobody else could take it yet"
        self.let_go += ids


class Work:
    """In the place of a leg: waits until it may go on."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self.begins = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.error: Exception | None = None

    def __call__(self, name: str) -> None:
        self.begun.append(name)
        self.begins.release()
        assert self.go_on.wait(PATIENCE)
        if self.error is not None:
            raise self.error
        self.done.append(name)


@pytest.fixture
def work() -> Iterator[Work]:
    work = Work()
    yield work
    work.go_on.set()


@pytest.fixture
def leases() -> Leases:
    return Leases()


class Background:
    """With ``submit`` of one operation by its name, and room for eight at a time."""

    def __init__(self, leases: Any, work: Work) -> None:
        self.legs = ConductorLegs(leases)
        self.legs.add("create", "place", lambda ctx, cell, ids: work(ids[0]), threads=8)
        self.stop, self.wait = self.legs.stop, self.legs.wait

    def submit(self, name: str) -> None:
        self.legs.submit(context(), None, "create", "place", "on", [name])  # type: ignore[arg-type]


@pytest.fixture
def worker(work: Work, leases: Leases) -> Background:
    return Background(leases, work)


def test_who_stops_finishes_what_has_begun_and_nothing_else(worker: Background, work: Work) -> None:
    for number in range(10):
        worker.submit(f"o{number}")
    for _ in range(8):
        assert work.begins.acquire(timeout=PATIENCE)
    worker.stop()  # which does not wait
    assert (len(work.begun), work.done) == (8, [])
    waiting = threading.Thread(target=worker.wait)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    work.go_on.set()
    waiting.join(PATIENCE)
    assert not waiting.is_alive()
    assert sorted(work.done) == sorted(work.begun)
    assert len(work.begun) == 8


@pytest.mark.parametrize("error", [errors.Unavailable(reason="away"), RuntimeError("a fault of ours")], ids=str)
def test_what_fails_is_let_go_for_whoever_looks_next(
    worker: Background, work: Work, leases: Leases, error: Exception
) -> None:
    work.error = error
    work.go_on.set()
    worker.submit("o1")
    worker.wait()
    assert (leases.let_go, leases.held) == (["o1"], [])


def test_what_was_done_is_not_let_go(worker: Background, work: Work, leases: Leases) -> None:
    work.go_on.set()
    worker.submit("o1")
    worker.wait()
    assert (work.done, leases.let_go, leases.held) == (["o1"], [], [])


def test_a_leg_does_not_wait_for_another_one(leases: Leases, work: Work) -> None:
    """However many builds wait for the scheduler, a server of a dead host is deleted."""
    settled = threading.Event()
    legs = ConductorLegs(leases)  # type: ignore[arg-type]
    legs.add("create", "place", lambda ctx, cell, ids: work(ids[0]), threads=1)
    legs.add("delete", "settle", lambda ctx, cell, ids: settled.set(), threads=1)
    for number in range(3):
        legs.submit(context(), None, "create", "place", "on", [f"o{number}"])  # type: ignore[arg-type]
    legs.submit(context(), None, "delete", "settle", "on", ["o9"])  # type: ignore[arg-type]
    assert settled.wait(PATIENCE)
    work.go_on.set()
    legs.wait()
