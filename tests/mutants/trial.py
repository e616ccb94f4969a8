"""Mutants are subjected to their tests, one after another; and tests to being run without a mutant."""

import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from tests.mutants import child, known, pool, report
from tests.mutants.choice import Chooser
from tests.mutants.mutant import Mutant
from tests.mutants.report import Verdict

# Every so many mutants, their tests are also run without one: what fails then would have been counted as noticed.
CONTROLS = 25
_CONTROLLED = 30
_LIMIT, _TIMES = 30.0, 4.0


class _Subject(NamedTuple):
    """What a process runs tests on.

    :param alone: the one test that is run without a mutant, to see whether it can be believed.
    """

    mutant: Mutant | None
    expected: Mapping[str, float]
    alone: str = ""


class Run:
    """Finds out about mutants.

    A test that has noticed a mutant is run once by itself, without a mutant. If that fails (it needs what other tests
    of its file have left), it has said nothing, and the mutants that it has "noticed" are tried again without it.

    :ivar found: the verdicts.
    :ivar unfit: tests that fail by themselves.
    :ivar disturbed: tests that failed in a control; of so many controls.
    :ivar broken: what could not be tried at all, and why: somebody has changed the tests meanwhile.
    """

    def __init__(self, drawn: Sequence[Mutant], chooser: Chooser, until: float) -> None:
        self._known = known.KnownSurvivors()
        self._chooser = chooser
        self._until = until
        self._queue: deque[_Subject | Mutant] = deque(drawn)
        self._tried = 0
        self._fit: set[str] = {""}  # the empty one: the tests could not even be imported
        self._waiting: dict[str, list[Verdict]] = {}
        self.found: list[Verdict] = []
        self.unfit: set[str] = set()
        self.disturbed: list[str] = []
        self.controls = 0
        self.broken: list[str] = []

    def verdicts(self, workers: int) -> Iterator[Verdict]:
        """Run until there is nothing left, or the time is up."""
        reported = 0
        while self._queue:  # what has come last may put something in again
            for result in pool.run(self._tasks(), workers):
                self._take(result)
                yield from self.found[reported:]
                reported = len(self.found)
        yield from self.found[reported:]

    def _tasks(self) -> Iterator[pool.Task]:
        while self._queue:
            subject = self._queue.popleft()
            if isinstance(subject, Mutant):
                if time.monotonic() > self._until:
                    continue
                expected = self._chooser.choose(subject, self.unfit)
                if not expected:
                    self._keep(Verdict(subject, report.NOT_RUN))
                    continue
                subject = _Subject(subject, expected)
                self._tried += 1
                if self._tried % CONTROLS == 1:
                    some = dict(list(expected.items())[:_CONTROLLED])
                    self._queue.append(_Subject(None, some))
            seconds = _LIMIT + _TIMES * sum(subject.expected.values())
            yield pool.Task(subject, partial(child.judge, subject.mutant, subject.expected), seconds)

    def _take(self, result: pool.Result) -> None:
        subject: _Subject = result.name
        failed = result.status != 0
        if result.status in (child.NOTHING_RUN, child.BROKEN):
            self.broken.append(f"{subject.mutant or subject.alone}: {result.output.strip()}")
            self._waiting.pop(subject.alone, None)
        elif subject.alone:
            self._believe(subject.alone, not failed)
        elif subject.mutant is None:
            self.controls += 1
            self.disturbed += [result.answer] * failed
        else:
            hung = result.status in (None, child.TIMED_OUT)
            end = report.SURVIVED if not failed else report.TIMED_OUT if hung else report.KILLED
            tests = len(subject.expected)
            self._judge(Verdict(subject.mutant, end, result.answer, tests=tests, seconds=result.seconds), subject)

    def _judge(self, verdict: Verdict, subject: _Subject) -> None:
        test = verdict.test
        if verdict.end == report.SURVIVED or test in self._fit:
            self._keep(verdict)
        elif test in self.unfit:
            self._queue.append(verdict.mutant)
        elif test in self._waiting:
            self._waiting[test].append(verdict)
        else:
            self._waiting[test] = [verdict]
            self._queue.appendleft(_Subject(None, {test: subject.expected[test]}, alone=test))

    def _believe(self, test: str, fit: bool) -> None:
        (self._fit if fit else self.unfit).add(test)
        for verdict in self._waiting.pop(test):
            if fit:
                self._keep(verdict)
            else:
                self._queue.append(verdict.mutant)

    def _keep(self, verdict: Verdict) -> None:
        reason = self._known.reason(verdict.mutant) or ""
        end = report.KNOWN if reason and verdict.end not in report.NOTICED else verdict.end
        self.found.append(verdict._replace(reason=reason, end=end))
