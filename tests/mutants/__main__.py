"""Draws mutants, runs the tests that should notice each, and counts. Ends 1 when too few are noticed."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tests.mutants import known, mutant, pool, record, report, trial
from tests.mutants.choice import Chooser
from tests.mutants.mutant import Mutant


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--sample", type=int, default=600, metavar="N", help="how many mutants (%(default)s)")
    parser.add_argument("--seed", default="novalike", help="the same one draws the same mutants")
    parser.add_argument("--only", nargs="+", metavar="PATH", help="files, folders, or parts of the names of functions "
                        "after a colon: novalike/objects novalike/compute/workflow.py:_undo")  # fmt: skip
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=29, help="what is not done by then is left out (%(default)s)")
    parser.add_argument("--survivors", type=Path, default=Path("mutants-survivors.diff"))
    parser.add_argument("--verbose", action="store_true", help="print what became of each mutant")
    return parser.parse_args()


def _drawn(options: argparse.Namespace) -> list[Mutant]:
    if not options.only:
        return mutant.sample(mutant.find(), options.sample, options.seed)
    found = []
    for wanted in options.only:
        path, _, function = wanted.partition(":")
        found += [each for each in mutant.find([path.rstrip("/")]) if function in each.function]
    return mutant.sample(found, options.sample, options.seed)


def main() -> int:
    """Run. Gives the exit status."""
    options = _arguments()
    os.environ.update(NOVALIKE_CONCURRENCY="threading")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended, and its folders removed
    began = time.monotonic()
    stale = known.KnownSurvivors().stale()
    pool.warm_up()
    learnt = record.learn(options.workers)
    for test in learnt.failed:
        print(f"fails without any mutant, and is left out: {test}")
    drawn = _drawn(options)
    print(f"{len(drawn)} mutants; {len(learnt.tests)} tests; {time.monotonic() - began:.0f} s so far", flush=True)
    run = trial.Run(drawn, Chooser(learnt.tests, options.seed), began + options.minutes * 60)
    for verdict in run.verdicts(options.workers):
        if options.verbose:
            each = verdict.mutant
            print(f"{verdict.end} ({verdict.seconds:.1f} s, {verdict.tests} tests): {each.file} {each.function} "
                  f"[{each.operator}]\n{each.changed()}\n    {verdict.test}", flush=True)  # fmt: skip
    return _report(run, drawn, stale, options, time.monotonic() - began)


def _report(
    run: trial.Run, drawn: Sequence[Mutant], stale: Sequence[known.Known], options: argparse.Namespace, seconds: float
) -> int:
    verdicts = run.found
    report.write_survivors(options.survivors, verdicts)
    print(f"\n{report.table(verdicts)}\n\n{report.table(verdicts, 'operator')}\n")
    noticed = report.share(verdicts)
    print(f"{noticed:.1%} of {len(verdicts)} mutants were noticed, in {seconds / 60:.0f} minutes; seed {options.seed}")
    if len(verdicts) < len(drawn):
        print(f"time was up: {len(drawn) - len(verdicts)} that were drawn were not tried")
    print(f"those that were not: {options.survivors}")
    for verdict in verdicts:
        if verdict.reason and verdict.end in report.NOTICED:
            print(f"noticed by {verdict.test}, and can leave survivors.toml: {verdict.mutant.changed()}")
    for entry in stale:
        print(f"survivors.toml names what is no mutant any more: {entry.file} {entry.function}\n{entry.mutation}")
    for what in run.broken:
        print(f"could not be tried: {what}")
    for test in sorted(run.unfit):
        print(f"fails without any mutant when its file is not run as a whole, and was left out: {test}")
    print(f"{len(run.disturbed)} of {run.controls} runs without a mutant failed. {' '.join(run.disturbed)}")
    wrong = len(run.disturbed) > max(1, run.controls // 20) or bool(run.broken)
    return int(noticed < report.GOAL or wrong)


if __name__ == "__main__":
    sys.exit(main())
