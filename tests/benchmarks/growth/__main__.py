"""How costs grow: servers in the database, hosts in the cloud. Ends 1 when something grows that must not."""

import argparse
import json
import logging
import sys
from pathlib import Path

from tests.benchmarks.growth import report
from tests.benchmarks.growth.results import Results
from tests.benchmarks.growth.run import Run
from tests.benchmarks.growth.stack import Stack


def _numbers(text: str) -> list[int]:
    return sorted(int(word) for word in text.split(",") if word)


def main() -> int:
    """Run."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--where", type=Path, required=True, help="the stack's folder, its DEST: one without servers")
    parser.add_argument("--servers", type=_numbers, default=[1_000, 10_000, 100_000], metavar="N,N…")
    parser.add_argument("--hosts", type=_numbers, default=[100, 1_000, 10_000], metavar="N,N…")
    parser.add_argument("--one-by-one", type=int, default=1_000, metavar="N", help="hosts that report each by itself")
    parser.add_argument("--rest", type=float, default=60.0, help="seconds for which costs at rest are measured")
    parser.add_argument("--lock", type=Path, help="a file to hold locked (flock) while something is timed")
    parser.add_argument("--results", type=Path, default=Path(), help="the folder for growth-results.json, .md, .svg")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    results = Results()
    try:
        run = Run(Stack(options.where), results, options.rest, options.lock)
        run.servers(options.servers)
        if options.one_by_one:
            run.one_by_one(options.one_by_one)
        run.hosts(options.hosts, max(options.servers, default=0))
    finally:
        text = report.tables(results)
        (options.results / "growth-results.json").write_text(json.dumps(results.as_json(), indent=2) + "\n")
        (options.results / "growth-results.md").write_text(text)
        report.draw(results, options.results / "growth-results.svg")
        print(text)
    return 0 if all(verdict.met for verdict in results.verdicts()) else 1


if __name__ == "__main__":
    sys.exit(main())
