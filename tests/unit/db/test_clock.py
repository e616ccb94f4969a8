"""The database's clock, and what is compared by it."""

import datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from novalike.db import clock
from novalike.db.clock import Clock
from novalike.objects.record import utcnow


def test_it_goes_on_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    there = datetime.datetime(2030, 1, 1)
    looks: list[float] = []
    now = [1000.0]
    monkeypatch.setattr("novalike.db.clock.time.monotonic", lambda: now[0])
    found = Clock(lambda: looks.append(now[0]) or there)  # type: ignore[func-returns-value]
    assert found.now() == there
    now[0] += 59
    assert found.now() == there + datetime.timedelta(seconds=59)
    assert len(looks) == 1


def test_it_looks_again_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    there = [datetime.datetime(2030, 1, 1)]
    now = [1000.0]
    monkeypatch.setattr("novalike.db.clock.time.monotonic", lambda: now[0])
    found = Clock(lambda: there[0])
    assert found.now() == there[0]
    there[0] += datetime.timedelta(hours=1)
    now[0] += 61
    assert found.now() == there[0]


def test_what_sqlite_says(tmp_path: Path) -> None:
    with sa.create_engine(f"sqlite:///{tmp_path}/db").connect() as connection:
        assert abs(clock.ask(connection) - utcnow()) < datetime.timedelta(seconds=1)
