"""Runs the trials of a scenario whose description contains all the words given, with the daemons' logs."""

import argparse
import logging
import shutil
import sys

from novalike.compute import journal, workflow
from tests.crash import trials
from tests.crash.plan import Failure, Moment
from tests.crash.process import bear_deaths
from tests.crash.scenarios import SCENARIOS
from tests.crash.trials import Trial


def main() -> int:
    """Run them one after another. Gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("scenario", choices=[scenario.name for scenario in SCENARIOS])
    parser.add_argument("words", nargs="*", help="for instance 'kill' 'after driver.spawn' 'late'; none: list all")
    parser.add_argument("--failure", help="a step that fails, by its name in scenarios/")
    parser.add_argument("--then", help="'process point' or 'process point #2': who comes there afterwards dies as well")
    parser.add_argument("--tidy", type=trials.Tidy, default=trials.Tidy.DELETE, help=", ".join(trials.Tidy))
    parser.add_argument("--conductors", type=int, default=1)
    args = parser.parse_args()
    scenario = next(s for s in SCENARIOS if s.name == args.scenario)
    failures: tuple[Failure, ...] = tuple(f for f in scenario.failures if f.name == args.failure)
    workflow._FIRST_PAUSE = journal._FIRST_PAUSE = 0.05
    bear_deaths()
    folder = trials.folder_for_trials()
    logging.disable(logging.CRITICAL)
    undisturbed, moments = trials.moments_of(scenario, failures, folder / "undisturbed")
    print("undisturbed:", undisturbed.differences or "no differences")
    mishaps = (*trials.deaths(moments), *trials.freezes(moments), *trials.faults(moments), *trials.stops(moments))
    found = [Trial(scenario, failures, m) for m in mishaps]
    for kind in ({"late": True}, {"gone": True}):
        found += [
            Trial(scenario, failures, m, **kind) for m in trials.deaths(moments) if m.moment.kind == "compute"
        ]
    second = Moment.parse(args.then) if args.then else None
    found = [trial._replace(second=second, tidy=args.tidy) for trial in found]
    wanted = [trial for trial in found if args.words and all(word in str(trial) for word in args.words)]
    for trial in wanted or found:
        print(trial)
        if wanted:
            logging.disable(logging.NOTSET)
            lane = trials.Lane(folder / str(id(trial)), scenario, conductors=args.conductors)
            result, _moments = lane.run(trial)
            lane.close()
            logging.disable(logging.CRITICAL)
            print(f"    reached: {result.reached}\n    differences: {result.differences or 'none'}")
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
