"""Forks processes, a few at a time, from one that has imported all libraries already."""

import contextlib
import importlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from tests.mutants.mutant import ROOT

# What importing all of novalike and of its tests imports; printed in the order in which it was.
_LIST = """
import json, sys
import hypothesis, pytest, coverage
import tests.functional.harness, tests.functional.conftest, tests.crash.scenarios, tests.crash.conftest
print(json.dumps([name for name in sys.modules if name.partition(".")[0] not in ("novalike", "tests", "__main__")]))
"""


class Task(NamedTuple):
    """
    :param run: told a folder of its own; runs in the forked process and never returns.
    :param limit: seconds after which the process is killed.
    """

    name: Any
    run: Callable[[Path], None]
    limit: float


class Result(NamedTuple):
    """
    :param status: None when the process was killed.
    :param answer: what the process has written.
    :param output: the last of what it has printed.
    """

    name: Any
    status: int | None
    answer: str
    output: str
    seconds: float


def warm_up() -> None:
    """Import the libraries, so that forked processes have them. Nothing of novalike."""
    names = subprocess.run(
        [sys.executable, "-c", _LIST], cwd=ROOT, check=True, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "NOVALIKE_CONCURRENCY": "threading"},
    ).stdout  # fmt: skip
    for name in json.loads(names):
        try:
            importlib.import_module(name)
        except Exception:  # noqa: S112 - it was made by something that we don't import
            continue


class _Running(NamedTuple):
    task: Task
    process: BaseProcess
    folder: Path
    began: float


def run(tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Run tasks, each in a process of its own, and give the results as they come."""
    memory = Path("/dev/shm")  # noqa: S108
    base = Path(tempfile.mkdtemp(prefix="novalike-mutants-", dir=memory if memory.is_dir() else None))
    context = multiprocessing.get_context("fork")
    running: list[_Running] = []
    remaining = iter(tasks)
    try:
        for number in range(sys.maxsize):
            task = next(remaining, None)
            if task is not None:
                folder = base / str(number)
                folder.mkdir()
                process = context.Process(target=task.run, args=(folder,), daemon=True)
                process.start()
                running.append(_Running(task, process, folder, time.monotonic()))
            while running and (task is None or len(running) >= workers):
                found = _ended(running)
                running = [each for each in running if all(each is not other for other, _ in found)]
                for each, done in found:
                    yield _result(each, done)
            if task is None:
                return
    finally:
        for each in running:
            _kill(each.process)
        shutil.rmtree(base, ignore_errors=True)


def _ended(running: list[_Running]) -> list[tuple[_Running, bool]]:
    """Those that have ended, or (then it is False) have taken too long; waits for one."""
    now = time.monotonic()
    left = min(each.began + each.task.limit for each in running) - now
    ready = wait([each.process.sentinel for each in running], timeout=max(left, 0.01))
    found = [(each, each.process.sentinel in ready) for each in running]
    return [(each, done) for each, done in found if done or time.monotonic() > each.began + each.task.limit]


def _result(ended: _Running, done: bool) -> Result:
    _kill(ended.process)
    answer, output = ended.folder / "answer", ended.folder / "output"
    result = Result(
        ended.task.name,
        ended.process.exitcode if done else None,
        answer.read_text() if answer.exists() else "",
        output.read_bytes()[-4000:].decode(errors="replace") if output.exists() else "",
        time.monotonic() - ended.began,
    )
    shutil.rmtree(ended.folder, ignore_errors=True)
    return result


def _kill(process: BaseProcess) -> None:
    """End a process, if it still runs, and whatever it has started; it has not been waited for yet, so the number is
    still its own."""
    assert process.pid is not None
    with contextlib.suppress(ProcessLookupError):  # of a process that has not come to make a group
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGKILL)
    process.join()
