"""The loop that looks after operations goes on, whatever happens in it."""

import threading
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.reaper import Reaper
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
def reaper(leases: Leases) -> Reaper:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("reaper_interval", 0.1, "conductor")
    nothing: Any = Nothing()
    return Reaper(conf, *[nothing] * 6, leases)  # type: ignore[arg-type]


@pytest.mark.parametrize("error", [errors.Unavailable(reason="away"), KeyError("a fault of ours")])
def test_a_look_that_fails_is_not_the_last_one(
    reaper: Reaper, error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = threading.Semaphore(0)

    def look() -> int:
        looks.release()
        raise error

    monkeypatch.setattr(reaper, "look", look)
    reaper.start()
    try:
        for _ in range(3):
            assert looks.acquire(timeout=10)
    finally:
        reaper.stop()


def test_who_stops_takes_nothing_over_but_keeps_what_is_under_way(
    reaper: Reaper, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[int] = []
    monkeypatch.setattr(reaper, "look", lambda: looks.append(1) or 0)
    reaper.drain()
    reaper.start()
    try:
        for _ in range(3):
            assert leases.renewed.acquire(timeout=10)
    finally:
        reaper.stop()
    assert looks == []
