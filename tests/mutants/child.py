"""What a forked process does: it runs tests, on a mutant or to learn which lines they run.

The process it was forked from has imported everything but novalike and its tests (see :mod:`tests.mutants.pool`).
"""

import contextlib
import importlib
import importlib.machinery
import importlib.util
import json
import logging
import os
import signal
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import coverage
import pytest

from tests.mutants.mutant import ROOT, Mutant

# Exit statuses beside pytest's.
TIMED_OUT, NOTHING_RUN, BROKEN = 90, 91, 92
# Nothing that is waited for in a test takes longer, unless it always did.
_PATIENCE, _TIMES = 5.0, 5.0
CRASH_SHARE = "0.04"


class _Loader(importlib.machinery.SourceFileLoader):
    """Gives the mutated source of one module."""

    def __init__(self, name: str, path: str, source: str) -> None:
        super().__init__(name, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(self._source, self.path, "exec", dont_inherit=True)


class _Finder:
    """Finds the mutated module before anybody else does."""

    def __init__(self, mutant: Mutant) -> None:
        parts = Path(mutant.file).with_suffix("").parts
        self._package = parts[-1] == "__init__"
        self._name = ".".join(parts[:-1] if self._package else parts)
        self._path = ROOT / mutant.file
        self._source = mutant.source()

    def find_spec(self, name: str, path: Any = None, target: ModuleType | None = None) -> Any:
        if name != self._name:
            return None
        return importlib.util.spec_from_file_location(
            name,
            self._path,
            loader=_Loader(name, str(self._path), self._source),
            submodule_search_locations=[str(self._path.parent)] if self._package else None,
        )


class _Chosen:
    """Runs only these tests, in this order. Stops the process when one hangs.

    :param expected: test → the seconds it usually takes.
    """

    def __init__(self, expected: Mapping[str, float]) -> None:
        self._place = {test: number for number, test in enumerate(expected)}
        self._expected = expected
        self._limit = float("inf")
        self.current = ""
        self.failed: str | None = None

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = sorted((i for i in items if i.nodeid in self._place), key=lambda i: self._place[i.nodeid])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self.current = item.nodeid
        self._limit = time.monotonic() + _PATIENCE + _TIMES * self._expected[item.nodeid]
        yield
        self._limit = float("inf")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def watch(self, answer: Path) -> None:
        """Look at the clock until the process ends."""
        while True:
            time.sleep(0.1)
            if time.monotonic() > self._limit:
                answer.write_text(self.current)
                os._exit(TIMED_OUT)


class _Recorder:
    """Learns how long tests take and which lines they run, of the code that is mutated."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        self._coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[str(ROOT / file) for file in files]
        )
        self._seconds: dict[str, float] = {}
        self._setup = 0.0
        self._failed: set[str] = set()
        self._skipped: set[str] = set()

    def start(self) -> None:
        self._coverage.start()

    def pytest_collection_finish(self) -> None:
        """What is run when a module is imported is no test's doing, whoever imports it first."""
        for file in self._files:
            with contextlib.suppress(ImportError):
                importlib.import_module(".".join(Path(file.removesuffix("/__init__.py")).with_suffix("").parts))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._coverage.switch_context(item.nodeid)
        yield
        self._coverage.switch_context("")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration
        if report.when == "setup":
            self._setup = max(self._setup, report.duration)
        if report.failed:
            self._failed.add(report.nodeid)
        elif report.skipped:
            self._skipped.add(report.nodeid)

    def result(self) -> dict[str, Any]:
        """test → seconds, and file → lines; which tests don't pass; and the longest setup that one of them had."""
        self._coverage.stop()
        data = self._coverage.get_data()
        tests: dict[str, dict[str, Any]] = {
            test: {"seconds": round(seconds, 3), "lines": {}}
            for test, seconds in self._seconds.items()
            if test not in self._failed | self._skipped
        }
        for path in data.measured_files():
            file = str(Path(path).relative_to(ROOT))
            for line, contexts in data.contexts_by_lineno(path).items():
                for test in contexts:
                    if test in tests:
                        tests[test]["lines"].setdefault(file, []).append(line)
        return {"tests": tests, "failed": sorted(self._failed), "setup": round(self._setup, 3)}


def _prepare(folder: Path) -> list[str]:
    """Be quiet, and keep everything in a folder. Gives pytest's arguments."""
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.chdir(ROOT)
    os.environ.update(NOVALIKE_CONCURRENCY="threading", NOVALIKE_CRASH_SHARE=CRASH_SHARE, TMPDIR=str(folder))
    tempfile.tempdir = str(folder)
    sink = os.open(folder / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(sink, descriptor)
    sys.dont_write_bytecode = False
    warnings.simplefilter("ignore")
    return [
        "-q", "-x", "--tb=short", "--no-header", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov", "-p",
        "no:benchmark", "-p", "no:unraisableexception", "-p", "no:threadexception", "-W", "ignore", "--rootdir",
        str(ROOT), "--basetemp", str(folder / "pytest"),
    ]  # fmt: skip


def _keep_trials_in(folder: Path) -> None:
    """The crash trials choose a folder of their own, which a process that is killed would leave behind."""
    from tests.crash import trials

    trials.folder_for_trials = lambda: Path(tempfile.mkdtemp(prefix="trials-", dir=folder))


def _finish(status: int) -> None:
    """End at once, whatever threads the tests have left."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def judge(mutant: Mutant | None, expected: Mapping[str, float], folder: Path) -> None:
    """Run tests on a mutant (or, to see whether they pass at all, without one) until one fails; then end the process.

    The exit status is pytest's or one of the above; ``answer`` in the folder names the test that failed or hangs.
    """
    arguments = _prepare(folder)
    if mutant is not None:
        sys.meta_path.insert(0, _Finder(mutant))
    chosen = _Chosen(expected)
    threading.Thread(target=chosen.watch, args=(folder / "answer",), daemon=True).start()
    status = BROKEN
    try:
        files = dict.fromkeys(test.partition("::")[0] for test in expected)
        if any(file.startswith("tests/crash") for file in files):
            with contextlib.suppress(Exception):  # of a mutant that can't be imported
                _keep_trials_in(folder)
        status = int(pytest.main([*arguments, *files], plugins=[chosen]))
    except BaseException:
        traceback.print_exc()
    if status == pytest.ExitCode.NO_TESTS_COLLECTED:
        status = NOTHING_RUN
    elif status == pytest.ExitCode.INTERNAL_ERROR and chosen.failed is None:
        status = BROKEN
    (folder / "answer").write_text(chosen.failed or "")
    _finish(status)


def record(file: str, sources: Sequence[str], folder: Path) -> None:
    """Run the tests of a file and write what they run to ``answer`` in the folder; then end the process."""
    arguments = [each for each in _prepare(folder) if each != "-x"]
    recorder = _Recorder(sources)
    recorder.start()
    if file.startswith("tests/crash"):
        _keep_trials_in(folder)
    logging.raiseExceptions = False
    pytest.main([*arguments, file], plugins=[recorder])
    (folder / "answer").write_text(json.dumps(recorder.result()))
    _finish(0)
