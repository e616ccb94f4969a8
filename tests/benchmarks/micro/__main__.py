"""Runs the micro-benchmarks, holds them against their goals, and writes rows of JSON. Ends 1 when one is wrong."""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks.micro.goals import BENCHMARKS

HERE = Path(__file__).parent


def measure(arguments: list[str]) -> tuple[int, dict[str, float]]:
    """pytest's exit status; test → its median in ms of CPU time."""
    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.json"
        status = pytest.main([
            str(HERE), "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-W", "ignore",
            "--benchmark-timer=time.process_time", f"--benchmark-json={results}", "--benchmark-quiet", *arguments,
        ])  # fmt: skip
        found = json.loads(results.read_text())["benchmarks"] if results.exists() and results.stat().st_size else []
    return int(status), {each["name"]: each["stats"]["median"] * 1000 for each in found}


def rows(medians: dict[str, float]) -> list[dict[str, Any]]:
    """name, value, unit, goal, met of each benchmark that was run; met is None where there is no goal."""
    return [
        {
            "name": each.name,
            "value": round(medians[each.test], 3),
            "unit": "ms CPU",
            "goal": each.goal and round(each.goal, 1),
            "met": None if each.goal is None else medians[each.test] <= each.goal,
        }
        for each in BENCHMARKS
        if each.test in medians
    ]


def table(found: list[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    lines = ["| | ms of CPU | goal |", "|---|---:|---:|"]
    for row in found:
        goal = "" if row["goal"] is None else f"{row['goal']:g}" if row["met"] else f"**{row['goal']:g}, missed**"
        value = f"{row['value']:.1f}" if row["value"] >= 1 else f"{row['value']:.3f}"
        lines.append(f"| {row['name']} | {value} | {goal} |")
    return "\n".join(lines)


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.micro", description=__doc__)
    parser.add_argument("--results", type=Path, default=Path("micro-results.json"))
    options, arguments = parser.parse_known_args()
    status, medians = measure(arguments)
    unknown = medians.keys() - {each.test for each in BENCHMARKS}
    if unknown:
        parser.error(f"goals.py doesn't know {', '.join(sorted(unknown))}")
    found = rows(medians)
    options.results.write_text(json.dumps(found, indent=2) + "\n")
    print(table(found))
    missed = [row["name"] for row in found if row["met"] is False]
    print(f"missed: {'; '.join(missed)}" if missed else "all goals are met")
    return status


if __name__ == "__main__":
    sys.exit(main())
