"""A chaos run: ``python -m tests.chaos --help``. Ends 1 when something was stuck, leaked, lost or answered wrongly."""

import argparse
import json
import logging
import sys
import time
from pathlib import Path

from tests.chaos.run import Run
from tests.chaos.targets import load


def main() -> int:
    """Run, and say how it went."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--target", default="devstack", help="devstack (fake hypervisors), libvirt or nova")
    parser.add_argument("--where", help="the target's folder; of a stack its DEST")
    parser.add_argument("--seconds", type=float, default=900, help="how long faults and load last")
    parser.add_argument("--faults", type=int, default=200, help="how many, evenly over that time")
    parser.add_argument("--operations", type=int, default=2000, help="how many must be accepted at least")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--servers", type=int, default=5, help="that each client has at a time")
    parser.add_argument("--pace", type=float, help="seconds between two steps of a client; of itself, what is needed")
    parser.add_argument("--settle", type=float, default=60, help="seconds after the last fault, for all to be quiet")
    parser.add_argument("--seed", default=time.strftime("%Y%m%d%H%M%S"), help="the same seed draws the same faults")
    parser.add_argument("--report", type=Path, default=Path("chaos-report.json"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    report = Run(load(options.target, options.where), options).run()
    options.report.write_text(json.dumps(report, indent=2) + "\n")
    shown = ("faults", "operations", "requests", "seconds_to_quiet", "servers_at_the_end", "why_error")
    print(json.dumps({name: report[name] for name in shown}, indent=2))
    for when in ("audit", "audit_after_deleting"):
        for difference in report[when]["list"]:
            print(f"{when}: {difference['kind']} {difference['subject']}: {difference['text']}")
    print(f"seed {options.seed}; the whole report is {options.report}")
    print("PASSED" if not report["failures"] else f"FAILED: {'; '.join(report['failures'])}")
    return 1 if report["failures"] else 0


if __name__ == "__main__":
    sys.exit(main())
