"""Two reports side by side."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos import compare

QUIET = {"stuck": 0, "leaked": 0, "lost": 0, "wrong": 0}


def report(name: str, **changes: Any) -> dict[str, Any]:
    """A report of a run that found nothing."""
    return {
        "target": {"name": name},
        "seed": "one",
        "seconds": 900.0,
        "clients": 8,
        "faults": {"total": 200},
        "operations": {"asked": 2000, "accepted": 1800, "by_action": {}},
        "requests": {"total": 5000, "by_status": {"200": 4900, "503": 90, "refused": 10}},
        "reads": {"answered": 2900, "refused with 503": 90, "no answer": 10, "unexcused": 0},
        "latencies_ms": {"create": {"count": 9, "p50": 100.4, "p95": 200.0, "p99": 300.0, "max": 301.0}},
        "errors": {"5xx": {}, "503 without Retry-After": 0},
        "seconds_to_quiet": 12.5,
        "settling": [{"seconds": 12.5, **QUIET}],
        "servers_at_the_end": {"ACTIVE": 30},
        "audit_after_deleting": QUIET,
    } | changes


def rows(*reports: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    """The table's rows by their names."""
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in compare.table(reports).splitlines()]
    return {name: tuple(values) for name, *values in cells}


def test_each_report_has_a_column() -> None:
    unsettled = report(
        "nova",
        errors={"5xx": {"500": 7, "502": 2}, "503 without Retry-After": 0},
        seconds_to_quiet=None,
        settling=[
            {"seconds": 30.0, **QUIET, "stuck": 9},
            {"seconds": 61.0, **QUIET, "stuck": 5},
            {"seconds": 1800.0, **QUIET, "stuck": 3},
        ],
    )
    found = rows(report("fake"), unsettled)
    assert found["stuck, a minute after the last fault"] == ("0", "5")
    assert found["stuck, when the wait was over"] == ("0", "3")
    assert found["time to quiet, s"] == ("12.5", "never")
    assert found["answered 500"] == ("0", "7")
    assert found["answered 5xx other than 500 and 503"] == ("0", "2")
    assert found["operations accepted"] == ("1800", "1800")
    assert found["create, p50 / p95 / p99 ms"] == ("100 / 200 / 300", "100 / 200 / 300")


def test_columns_can_be_named() -> None:
    assert compare.table([report("fake"), report("nova")], ["ours", "theirs"]).splitlines()[0] == "|  | ours | theirs |"


def test_what_one_run_could_not_measure_is_not_known() -> None:
    found = rows(report("fake"), report("nova", latencies_ms={}))
    assert found["create, p50 / p95 / p99 ms"] == ("100 / 200 / 300", "not known")


def test_runs_with_different_faults_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / "ours.json", tmp_path / "theirs.json"]
    paths[0].write_text(json.dumps(report("fake")))
    paths[1].write_text(json.dumps(report("nova", seed="two")))
    monkeypatch.setattr(sys, "argv", ["compare", *map(str, paths)])
    with pytest.raises(SystemExit, match="seed was one, and two"):
        compare.main()
