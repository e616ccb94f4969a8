"""novalike against OpenStack Nova, on a stack that ``devstack/bench.sh`` has brought up.

Ends 1 when a goal was missed.
"""

import argparse
import datetime
import logging
import os
import platform
import signal
import sys
from pathlib import Path

from tests.benchmarks import goals, report
from tests.benchmarks.costs import describe
from tests.benchmarks.place import Place
from tests.benchmarks.race import PARTS, Race


def main() -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--where", type=Path, default="/var/lib/novalike-bench", help="the stack's folder")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=" ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="little of everything, to see that it works")
    parser.add_argument("--report", type=Path, default="bench-results.json", help="its table and chart go beside it")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    # Whoever ends it shall not leave anybody frozen.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    place = Place(given.where)
    race = Race(place, quick=given.quick)
    lines = goals.judge(race.run(given.only))
    report.write(lines, given.report, _facts(place, race))
    print(report.table(lines), report.summary(lines), sep="\n\n")
    return 0 if all(line.met is not False for line in lines) else 1


def _facts(place: Place, race: Race) -> str:
    now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    parts = ", ".join(f"{part} {seconds:.0f} s" for part, seconds in race.took.items())
    machine = f"{os.cpu_count()} cores, {platform.release()}, Python {platform.python_version()}, {describe(place)}"
    return f"{now}; {machine}. {parts}."


if __name__ == "__main__":
    sys.exit(main())
