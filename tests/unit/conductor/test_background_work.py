"""What a conductor does in the background, when it is told to stop: it begins nothing more, and finishes what it has
begun."""

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.servers.placing import Placer
from novalike.conductor.servers.removal import Remover
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


class Bus:
    def client(self, interface: object) -> None:
        return None


class Work:
    """In the place of placing or removing: waits until it may go on."""

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


@pytest.fixture(params=["placer", "remover"])
def worker(request: pytest.FixtureRequest, work: Work, leases: Leases, monkeypatch: pytest.MonkeyPatch) -> Any:
    """With ``submit`` of one operation by its name, and room for eight at a time."""
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("orchestration_pool_size", 8, "conductor")
    if request.param == "placer":
        placer = Placer(conf, None, Bus(), None, None, leases)  # type: ignore[arg-type]
        monkeypatch.setattr(placer, "place", lambda ctx, cell, ids: work(ids[0]))
        submit = placer.submit
        monkeypatch.setattr(placer, "submit", lambda ctx, cell, name: submit(ctx, cell, [name]))
        return placer
    remover = Remover(conf, lambda uuid: None, None, leases)  # type: ignore[arg-type]
    monkeypatch.setattr(remover, "remove", lambda cell, name: work(name))
    return remover


def test_who_stops_finishes_what_has_begun_and_nothing_else(worker: Any, work: Work) -> None:
    for number in range(10):
        worker.submit(context(), None, f"o{number}")
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
    worker: Any, work: Work, leases: Leases, error: Exception
) -> None:
    work.error = error
    work.go_on.set()
    worker.submit(context(), None, "o1")
    worker.wait()
    assert (leases.let_go, leases.held) == (["o1"], [])


def test_what_was_done_is_not_let_go(worker: Any, work: Work, leases: Leases) -> None:
    work.go_on.set()
    worker.submit(context(), None, "o1")
    worker.wait()
    assert (work.done, leases.let_go, leases.held) == (["o1"], [], [])
