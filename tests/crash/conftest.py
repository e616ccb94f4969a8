"""Counts trials and differences over all workers, and prints them."""

import itertools
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from novalike.compute import journal, workflow
from tests.crash import trials
from tests.crash.process import bear_deaths

_KEY = "novalike_crash"
_TOTAL = {"trials": 0, "unreached": 0, "with differences": 0}


@pytest.fixture(autouse=True, scope="session")
def _haste() -> Iterator[None]:
    """Pauses are short, deaths are silent, and what failing steps log would be hundreds of MB."""
    patch = pytest.MonkeyPatch()
    patch.setattr(workflow, "_FIRST_PAUSE", 0.05)
    patch.setattr(journal, "_FIRST_PAUSE", 0.05)
    bear_deaths()
    logging.disable(logging.CRITICAL)
    yield
    patch.undo()


@pytest.fixture
def folder() -> Iterator[Path]:
    """Where databases and hypervisors of a test's clouds are."""
    found = trials.folder_for_trials()
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.fixture
def pass_all(folder: Path) -> Callable[..., list[trials.Result]]:
    """Runs trials, gives their results, and fails when one left differences. Users go on in one way after one trial, in
    another after the next.

    ``NOVALIKE_CRASH_SHARE`` (0 to 1) is the share of them that is run: every n-th; fewer of a scenario that is a
    variant.
    ``share=0`` runs all: they were chosen before.
    """
    step = round(1 / float(os.environ.get("NOVALIKE_CRASH_SHARE", "1")))
    ways, runs = itertools.cycle(trials.Tidy), itertools.count()

    def run(wanted: Sequence[trials.Trial], *, conductors: int = 1, share: float = 1.0) -> list[trials.Result]:
        wrong, results = [], []
        every = round(step / share / wanted[0].scenario.share) if share and wanted else 1
        chosen = [trial._replace(tidy=next(ways)) for trial in wanted[::every]]
        for result in trials.run(chosen, folder / f"run{next(runs)}", conductors=conductors):
            results.append(result)
            _TOTAL["trials"] += 1
            _TOTAL["unreached"] += not result.reached
            if result.differences:
                _TOTAL["with differences"] += 1
                wrong.append(f"{result.trial}:\n    " + "\n    ".join(result.differences))
        if wrong:
            pytest.fail(f"{len(wrong)} of {len(wanted)} trials left differences\n" + "\n".join(wrong), pytrace=False)
        return results

    return run


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput[_KEY] = _TOTAL


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: Any) -> None:
    for name, count in getattr(node, "workeroutput", {}).get(_KEY, {}).items():
        _TOTAL[name] += count


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if _TOTAL["trials"]:
        terminalreporter.write_line(
            f"{_TOTAL['trials']} trials, {_TOTAL['with differences']} with differences "
            f"({_TOTAL['unreached']} whose moment did not come)"
        )
