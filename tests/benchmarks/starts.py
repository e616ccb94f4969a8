"""How long daemons take from the start of their process until they serve (``signs.py``)."""

import time
from collections import defaultdict
from contextlib import AbstractContextManager

from tests.benchmarks import signs
from tests.benchmarks.contenders import NOVA, Contender
from tests.benchmarks.course import Course
from tests.benchmarks.figures import Figures
from tests.benchmarks.program import Program

_TO_MS = 1000.0
# Of the compute daemons one is enough.
_PROGRAMS = {"api": "api", "conductor": "conductor", "scheduler": "scheduler", "compute": "compute-1"}
# Number at the end of the names of novalike's programs of which there may be several.
_NUMBERED = {"conductor": "conductor-1", "scheduler": "scheduler-1"}


class Starts:
    """This part of the race.

    :param rounds: starts of each daemon of each contender.
    """

    def __init__(self, course: Course, figures: Figures, rounds: int = 3) -> None:
        self._course, self._figures, self._rounds = course, figures, rounds
        self._pinger = signs.Pinger(course.place.nova["transport_url"])

    def run(self) -> None:
        """Measure it all."""
        for kind in _PROGRAMS:
            self._measure(kind)

    def _measure(self, kind: str) -> None:
        supervisor, times = self._course.place.supervisor, defaultdict[str, list[float]](list)
        stopped = [name for contender in self._course.contenders for name in self._processes(contender, kind)]
        self._course.end()  # a frozen process doesn't stop
        for name in stopped:
            supervisor.stop(name)
        try:
            for contender in self._course.turns(self._rounds):
                times[contender.name].append(self._start(contender, kind))
        finally:
            self._course.end()
            for name in stopped:
                supervisor.start(name)
        for contender in self._course.contenders:
            with signs.answer(contender.address) as (_, wait):
                wait()
            contender.settle(at_least=5.0)
        for name, seconds in times.items():
            self._figures.note_all(f"start: {kind}", name, seconds, unit=_TO_MS)

    @staticmethod
    def _name(contender: Contender, kind: str) -> str:
        numbered = _NUMBERED.get(kind, _PROGRAMS[kind]) if contender.name != NOVA else _PROGRAMS[kind]
        return f"{contender.name}-{numbered}"

    def _processes(self, contender: Contender, kind: str) -> list[str]:
        """What supervisord calls them."""
        name = self._name(contender, kind)
        return [each for each in contender.daemons if each == name or each.startswith(f"{name}:")]

    def _start(self, contender: Contender, kind: str) -> float:
        """Seconds until it serves."""
        program = Program(self._course.place.folder, self._name(contender, kind))
        with self._sign(contender, kind) as (environment, wait):
            began = time.monotonic()
            with program.running(environment):
                wait()
                return time.monotonic() - began

    def _sign(self, contender: Contender, kind: str) -> AbstractContextManager[signs.Sign]:
        if kind == "api":
            return signs.answer(contender.address)
        if contender.name == NOVA:
            host = self._course.place.nova["host"]
            return self._pinger.ping(kind, f"{host}-1" if kind == "compute" else host)
        return signs.ready_message()
