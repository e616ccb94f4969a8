"""What comes out of a race: a table, a file for programs, a chart."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.goals import Line


def table(lines: Sequence[Line]) -> str:
    """All lines, in Markdown."""
    head = ["work", "unit", "Nova 34", "novalike", "ratio", "p95 Nova", "p95 novalike", "p95 ratio", "goal", "met"]
    rules = [":--", ":--", "--:", "--:", "--:", "--:", "--:", "--:", "--:", ":-:"]
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, rules, *map(_row, lines)))


def _row(line: Line) -> list[str]:
    tails = ["", "", ""]
    if line.p95 is not None:
        theirs, ours = line.p95
        tails = [number(theirs), number(ours), _times(theirs / ours if ours else None)]
    goal, met = line.goal.text() or "", {True: "yes", False: "**no**", None: ""}[line.met]
    figures = [number(line.nova), number(line.novalike), _times(line.ratio)]
    return [line.goal.name, line.goal.unit, *figures, *tails, goal, met]


def number(value: float) -> str:
    """With three digits that say something."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _times(ratio: float | None) -> str:
    return "∞" if ratio is None else f"{number(ratio)}×"


def summary(lines: Sequence[Line]) -> str:
    """How many goals were met, and which were not."""
    judged = [line for line in lines if line.met is not None]
    missed = [line.goal.name for line in judged if not line.met]
    text = f"{len(judged) - len(missed)} of {len(judged)} goals met"
    return f"{text}; missed: {'; '.join(missed)}" if missed else text


def results(lines: Iterable[Line]) -> list[dict[str, Any]]:
    """For programs."""
    return [
        {
            "name": line.goal.name,
            "nova": round(line.nova, 3),
            "novalike": round(line.novalike, 3),
            "unit": line.goal.unit,
            "ratio": None if line.ratio is None else round(line.ratio, 2),
            "goal": line.goal.text(),
            "met": line.met,
        }
        for line in lines
    ]


def write(lines: Sequence[Line], path: Path, facts: str) -> None:
    """Write all files: ``path`` itself, and ``.md``, ``.svg`` and ``.png`` beside it.

    :param facts: what is to be said of the run, above the table.
    """
    from tests.benchmarks import chart

    path.write_text(json.dumps(results(lines), indent=1, ensure_ascii=False) + "\n")
    path.with_suffix(".md").write_text(f"{facts}\n\n{table(lines)}\n\n{summary(lines)}\n")
    chart.draw(lines, [path.with_suffix(".svg"), path.with_suffix(".png")])
