"""Two reports of chaos runs, side by side: ``python -m tests.chaos.compare OURS THEIRS`` prints a Markdown table."""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.chaos.audit import KINDS

_UNKNOWN = "not known"


def table(reports: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None) -> str:
    """One row for each figure, one column for each report.

    :param reports: of runs with the same seed, or the comparison says nothing.
    :param names: the columns' heads.
    """
    columns = [_figures(report) for report in reports]
    figures = list(dict.fromkeys(figure for column in columns for figure in column))
    rows = [[figure, *(str(column.get(figure, _UNKNOWN)) for column in columns)] for figure in figures]
    head = ["", *(names or [str(report["target"]["name"]) for report in reports])]
    lines = [head, ["---", *("--:" for _ in reports)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _figures(report: Mapping[str, Any]) -> dict[str, object]:
    operations, reads, errors = report["operations"], report["reads"], report["errors"]
    statuses = report["requests"]["by_status"]
    unanswered = {why: count for why, count in statuses.items() if not why.isdigit()}
    return {
        "seed": report["seed"],
        "seconds of faults and load": f"{report['seconds']:.0f}",
        "faults": report["faults"]["total"],
        "operations asked for": operations["asked"],
        "operations accepted": operations["accepted"],
        "of these per second": f"{operations['accepted'] / report['seconds']:.2f}",
        **_settling(report),
        **{f"{kind}, after everything was deleted": report["audit_after_deleting"][kind] for kind in KINDS},
        "requests": report["requests"]["total"],
        "answered 500": errors["5xx"].get("500", 0),
        "answered 5xx other than 500 and 503": sum(n for status, n in errors["5xx"].items() if status != "500"),
        "answered 503": statuses.get("503", 0),
        "503 without Retry-After": errors["503 without Retry-After"],
        "without an answer": f"{sum(unanswered.values())} ({_listed(unanswered)})" if unanswered else 0,
        "reads answered": reads["answered"],
        "reads refused with 5xx": reads["refused with 503"],
        "reads without an answer": reads["no answer"],
        "reads refused although all they need was there": reads["unexcused"],
        "servers at the end": _listed(report["servers_at_the_end"]),
        **_latencies(report),
    }


def _settling(report: Mapping[str, Any]) -> dict[str, object]:
    """What was wrong a minute after the last fault, and what still was when nobody waited any longer."""
    quiet, looks = report["seconds_to_quiet"], report["settling"]
    minute = next((look for look in looks if look["seconds"] >= 60), looks[-1])
    last = looks[-1]
    return {
        **{f"{kind}, a minute after the last fault": minute[kind] for kind in KINDS},
        **{f"{kind}, when the wait was over": last[kind] for kind in KINDS},
        "waited for quiet, s": f"{last['seconds']:.0f}",
        "time to quiet, s": "never" if quiet is None else quiet,
    }


def _latencies(report: Mapping[str, Any]) -> dict[str, object]:
    shown = ("create", "delete", "show", "list details")
    latencies = report["latencies_ms"]
    return {
        f"{what}, p50 / p95 / p99 ms": " / ".join(f"{latencies[what][at]:.0f}" for at in ("p50", "p95", "p99"))
        for what in shown
        if what in latencies
    }


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def main() -> None:
    """Entry point.

    :raises SystemExit: the runs had different faults or a different load.
    """
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.compare", description=__doc__)
    parser.add_argument("reports", nargs=2, type=Path)
    parser.add_argument("--names", nargs=2, help="the columns' heads; the targets' names if they aren't given")
    given = parser.parse_args()
    reports = [json.loads(path.read_text()) for path in given.reports]
    for name in ("seed", "seconds", "clients"):
        values = [report[name] for report in reports]
        if values[0] != values[1]:
            raise SystemExit(f"these runs can't be compared: {name} was {values[0]}, and {values[1]}")
    print(table(reports, given.names))


if __name__ == "__main__":
    main()
