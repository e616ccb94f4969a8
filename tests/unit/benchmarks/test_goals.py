"""Who is judged by what, and what the report makes of it."""

import json

import pytest

from tests.benchmarks import report
from tests.benchmarks.figures import Figures, percentile
from tests.benchmarks.goals import GOALS, judge


def lines(**figures):
    """Keyword: key of a measure, with _ for what a name can't have → (Nova's, novalike's)."""
    found = Figures()
    for key, (nova, novalike) in figures.items():
        found.note(key.replace("__", ": ").replace("_", " "), "nova", nova)
        found.note(key.replace("__", ": ").replace("_", " "), "novalike", novalike)
    return judge(found)


@pytest.mark.parametrize(
    ("figures", "ratio", "met"),
    [
        ({"show": (60.0, 10.0)}, 6.0, True),
        ({"show": (59.0, 10.0)}, 5.9, False),
        ({"cycles": (1.0, 8.0)}, 8.0, True),
        ({"cycles": (8.0, 1.0)}, 0.125, False),
        ({"boot__SQL": (259.0, 25.0)}, 10.36, True),
        ({"boot__SQL": (259.0, 25.1)}, 259 / 25.1, False),
        ({"idle__SQL": (6.0, 0.0)}, None, True),
        ({"missing": (6.0, 60.0)}, 0.1, None),
    ],
)
def test_a_line(figures, ratio, met):
    (line,) = lines(**figures)
    assert line.met is met
    assert line.ratio == (None if ratio is None else pytest.approx(ratio))


def test_the_tail_is_judged_apart_from_the_median():
    found = Figures()
    found.note("details 50", "nova", 300.0, p95=500.0)
    found.note("details 50", "novalike", 10.0, p95=100.0)
    median, tail = judge(found)
    assert (median.met, median.ratio, median.p95) == (True, 30.0, (500.0, 100.0))
    assert (tail.met, tail.ratio, tail.p95) == (False, 5.0, None)


def test_what_only_one_was_measured_of_is_no_line():
    found = Figures()
    found.note("show", "nova", 1.0)
    assert judge(found) == []


def test_names_tell_lines_apart():
    assert len({goal.name for goal in GOALS}) == len(GOALS)


def test_results_for_programs():
    (row,) = json.loads(json.dumps(report.results(lines(show=(60.0, 10.0)))))
    assert row == {
        "name": "GET /servers/{id}, 1 client",
        "nova": 60.0,
        "novalike": 10.0,
        "unit": "ms",
        "ratio": 6.0,
        "goal": "≥ 6×",
        "met": True,
    }


def test_the_table_has_a_row_for_each_line_and_a_cell_for_each_column():
    rows = report.table(lines(show=(60.0, 10.0), idle__SQL=(6.0, 0.0), boot__SQL=(259.0, 30.0))).splitlines()
    assert len(rows) == 5
    assert len({row.count("|") for row in rows}) == 1
    assert "| 60.0 | 10.0 | 6.00× |" in rows[2]
    assert "| **no** |" in rows[3]
    assert "| ∞ |" in rows[4]


def test_the_summary_names_what_was_missed():
    text = report.summary(lines(show=(60.0, 10.0), boot__SQL=(259.0, 30.0), missing=(1.0, 2.0)))
    assert text == "1 of 2 goals met; missed: SQL statements per boot"


def test_percentiles_are_values_that_were_seen():
    assert percentile([5.0], 95) == 5.0
    assert percentile(range(1, 101), 95) == 95
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    with pytest.raises(IndexError):
        percentile([], 50)
