"""What a conductor works on is kept, and what it doesn't is given back."""

import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor import leases as module
from novalike.conductor.leases import Leases
from novalike.objects import errors

NOW = datetime.datetime(2026, 11, 28)
LEASE, INTERVAL = 30, 5


class Cells:
    """Two cells, and what was written in them: (cell, what, seconds from now, operations)."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.written: list[tuple[int, str, int, Any]] = []
        self.api_is_away = False
        self.began = NOW
        self.cells = [self._cell(1), self._cell(2)]

        def seconds(at: datetime.datetime) -> int:
            return int((at - NOW).total_seconds())

        def hold_until(number: int, holder: str, at: datetime.datetime, uuids: Any) -> None:
            assert holder == "me"
            self.written.append((number, "hold", seconds(at), sorted(uuids)))

        def let_go(number: int, holder: str, at: datetime.datetime, *, only: Any = None, but: Any = ()) -> None:
            assert holder == "me"
            self.written.append((number, "let go", seconds(at), only if only is not None else {"but": sorted(but)}))

        monkeypatch.setattr(module.operations_db, "hold_until", hold_until)
        monkeypatch.setattr(module.operations_db, "let_go", let_go)
        monkeypatch.setattr(module.operations_db, "oldest_start", lambda number, uuids: self.began)

    @staticmethod
    def _cell(number: int) -> Any:
        ask = lambda function: function(number)  # noqa: E731
        return SimpleNamespace(id=number, database=SimpleNamespace(query=ask, write=ask, utcnow=lambda: NOW))

    def each_reachable(self, function: Any) -> None:
        if self.api_is_away:
            raise errors.Unavailable(reason="away")
        for cell in self.cells:
            function(cell)


@pytest.fixture
def cells(monkeypatch: pytest.MonkeyPatch) -> Cells:
    return Cells(monkeypatch)


@pytest.fixture
def leases(cells: Cells) -> Leases:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("operation_lease", LEASE, "conductor")
    conf.set_override("reaper_interval", INTERVAL, "conductor")
    return Leases(conf, cells, "me")  # type: ignore[arg-type]


def test_what_is_worked_on_is_kept_in_its_cell(leases: Leases, cells: Cells) -> None:
    one, two = cells.cells
    with leases.kept(one, ["a", "b"]), leases.kept(two, ["c"]):
        leases.renew()
    assert cells.written == [(1, "hold", LEASE, ["a", "b"]), (2, "hold", LEASE, ["c"])]


def test_it_is_kept_until_the_last_one_has_ended(leases: Leases, cells: Cells) -> None:
    one = cells.cells[0]
    with leases.kept(one, ["a"]):
        with pytest.raises(RuntimeError), leases.kept(one, ["a"]):
            raise RuntimeError("that one fails")
        leases.renew()
        assert cells.written == [(1, "hold", LEASE, ["a"])]
    leases.renew()
    assert len(cells.written) == 1, "nothing is worked on, so nothing is written"


def test_what_is_put_off_is_looked_at_by_the_next_reaper_not_at_once(leases: Leases, cells: Cells) -> None:
    leases.put_off(cells.cells[1], iter(["a", "b"]))
    assert cells.written == [(2, "let go", INTERVAL, ["a", "b"])]


@pytest.mark.parametrize(("age", "pause"), [(8, INTERVAL), (40, 20), (100, 50), (3600, 60)])
def test_what_can_t_be_done_for_long_is_put_off_for_longer(leases: Leases, cells: Cells, age: int, pause: int) -> None:
    cells.began -= datetime.timedelta(seconds=age)
    leases.put_off(cells.cells[0], ["a"])
    assert cells.written == [(1, "let go", pause, ["a"])]


def test_who_stops_gives_back_all_that_is_not_worked_on(leases: Leases, cells: Cells) -> None:
    with leases.kept(cells.cells[0], ["a"]):
        leases.give_back()
    assert cells.written == [(1, "let go", 0, {"but": ["a"]}), (2, "let go", 0, {"but": ["a"]})]


def test_who_stops_does_not_wait_for_a_database(leases: Leases, cells: Cells) -> None:
    cells.api_is_away = True
    leases.give_back()
    with pytest.raises(errors.Unavailable):
        leases.renew()
    assert cells.written == []
