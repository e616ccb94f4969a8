"""The loop that looks after operations goes on, whatever happens in it."""

import threading
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.operations.reconciler import Reconciler
from novalike.objects import errors


class Leases:
    def __init__(self) -> None:
        self.renewed = threading.Semaphore(0)

    def renew(self) -> None:
        self.renewed.release()


class Nothing:
    def __getattr__(self, name: str) -> Any:
        return None


@pytest.fixture
def leases() -> Leases:
    return Leases()


@pytest.fixture
def reconciler(leases: Leases) -> Reconciler:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("reaper_interval", 0.1, "conductor")
    nothing: Any = Nothing()
    return Reconciler(conf, *[nothing] * 4, leases, nothing)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [errors.Unavailable(reason="away"), KeyError("a fault of ours")])
def test_a_look_that_fails_is_not_the_last_one(
    reconciler: Reconciler, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = threading.Semaphore(0)

    def look() -> int:
        looks.release()
        raise error

    monkeypatch.setattr(reconciler, "look", look)
    reconciler.start()
    try:
        for _ in range(3):
            assert looks.acquire(timeout=10)
    finally:
        reconciler.stop()


def test_each_look_is_followed_by_removing_old_notes(
    reconciler: Reconciler, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    forgotten = threading.Semaphore(0)
    monkeypatch.setattr(reconciler, "look", lambda: done.append("look"))
    monkeypatch.setattr(reconciler, "_forget_requests", lambda: done.append("forget") or forgotten.release())
    reconciler.start()
    try:
        for _ in range(2):
            assert forgotten.acquire(timeout=10)
    finally:
        reconciler.stop()
    assert done[:4] == ["look", "forget"] * 2


def test_who_stops_takes_nothing_over_but_keeps_what_is_under_way(
    reconciler: Reconciler, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    monkeypatch.setattr(reconciler, "look", lambda: looks.append(1) or 0)
    reconciler.drain()
    reconciler.start()
    try:
        for _ in range(3):
            assert leases.renewed.acquire(timeout=10)
    finally:
        reconciler.stop()
    assert looks == []
