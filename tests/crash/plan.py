"""What is to go wrong in a trial, and where.

A *moment* is a point of a kind of process and how often it has been passed before: points are named alike in
every run, so a moment seen in one run is found again in the next.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from novalike.db import engine
from novalike.objects import errors
from tests.crash.process import Process

OUTAGE_SECONDS = 0.3


class Moment(NamedTuple):
    """:param turn: 0 is the first time."""

    kind: str
    point: str
    turn: int = 0

    def __str__(self) -> str:
        return f"{self.kind} {self.point}" + (f" #{self.turn + 1}" if self.turn else "")

    @classmethod
    def parse(cls, text: str) -> "Moment":
        """The moment that is written so."""
        named, _, turn = text.partition(" #")
        kind, _, point = named.partition(" ")
        return cls(kind, point, int(turn or 1) - 1)


class Failure(NamedTuple):
    """A step that fails.

    :param point: where.
    :param times: how often; None is always.
    :param error: what is raised.
    :param also: another point at which it does.
    """

    name: str
    point: str
    times: int | None
    error: Callable[[], errors.NovalikeError]
    also: str | None = None


class Mishap(NamedTuple):
    """The one thing that goes wrong at a moment.

    :param what: ``kill``; ``freeze`` (until everybody has given it up); ``away`` (nobody answers, once); ``outage``
        (nothing of that sort answers for a while); ``deadlock``; of messages ``lose``, ``double``, ``delay``,
        ``lose reply``; ``guests die``; ``host reboots`` (its process dies, its guests are off, its interfaces gone).
    """

    what: str
    moment: Moment

    def __str__(self) -> str:
        return f"{self.what} @ {self.moment}"


class Plan:
    """Watches the processes of one trial.

    :param failures: steps that fail, whatever else happens.
    :param mishap: None only records.
    :param second: when the process that comes there dies as well. It is counted from the mishap on.
    :param on_kill, on_freeze: called with the process that dies, or freezes.
    :param on_guests_die: called when all guests are to die.
    :param on_reboot: called with the process whose hosts reboot.
    """

    def __init__(
        self,
        failures: tuple[Failure, ...] = (),
        mishap: Mishap | None = None,
        second: Moment | None = None,
        *,
        on_kill: Callable[[Process], None] = lambda process: None,
        on_freeze: Callable[[Process], None] = lambda process: None,
        on_guests_die: Callable[[], None] = lambda: None,
        on_reboot: Callable[[Process], None] = lambda process: None,
    ) -> None:
        self.failures = failures
        self.mishap = mishap
        self.second = second
        self._on_kill = on_kill
        self._on_freeze = on_freeze
        self._on_guests_die = on_guests_die
        self._on_reboot = on_reboot
        self.moments: list[Moment] = []
        # Those after the mishap.
        self.aftermath: list[Moment] = []
        self.reached = mishap is None
        self._second_reached = second is None
        self._turns: Counter[tuple[str, str]] = Counter()
        self._turns_since: Counter[tuple[str, str]] = Counter()
        self._failed: Counter[str] = Counter()
        self._away_until = 0.0
        self._lock = threading.Lock()

    def watch(self, process: Process, point: str) -> None:
        """A process is at a point. Raises what happens to it there."""
        with self._lock:
            moment = Moment(process.kind, point, self._turns[process.kind, point])
            self._turns[process.kind, point] += 1
            self.moments.append(moment)
            dies = self._note_since(process, point)
            struck = self.mishap is not None and self.mishap.moment == moment
            self.reached = self.reached or struck
        if dies:
            self._on_kill(process)
        if struck:
            assert self.mishap is not None
            self._strike(process, self.mishap)
        if self._away_until and time.monotonic() < self._away_until and self._concerns(point):
            raise errors.Unavailable(reason="away for a while, as ordered")
        self._fail(point)

    def _note_since(self, process: Process, point: str) -> bool:
        """Note a moment after the mishap. Gives whether it is the second one at which somebody dies."""
        if self.mishap is None or not self.reached:
            return False
        moment = Moment(process.kind, point, self._turns_since[process.kind, point])
        self._turns_since[process.kind, point] += 1
        self.aftermath.append(moment)
        dies = moment == self.second
        self._second_reached = self._second_reached or dies
        return dies

    @property
    def came_about(self) -> bool:
        """Whether all that was to go wrong did."""
        return self.reached and self._second_reached

    def _strike(self, process: Process, mishap: Mishap) -> None:
        if mishap.what == "kill":
            self._on_kill(process)
        elif mishap.what == "freeze":
            self._on_freeze(process)
        elif mishap.what == "away":
            raise errors.Unavailable(reason="away, as ordered")
        elif mishap.what == "outage":
            self._away_until = time.monotonic() + OUTAGE_SECONDS
        elif mishap.what == "guests die":
            self._on_guests_die()
        elif mishap.what == "host reboots":
            self._on_reboot(process)

    def is_over(self) -> bool:
        """Whether nobody is away any more."""
        return time.monotonic() >= self._away_until

    def _concerns(self, point: str) -> bool:
        assert self.mishap is not None
        return _seam(point) == _seam(self.mishap.moment.point)

    def _fail(self, point: str) -> None:
        for failure in self.failures:
            if point in (failure.point, failure.also):
                with self._lock:
                    self._failed[failure.name] += 1
                    due = failure.times is None or self._failed[failure.name] <= failure.times
                if due:
                    raise failure.error()

    def spoils(self, process: Process, asker: str) -> None:
        """A transaction is about to be committed.

        :raises _Conflict: it lost a deadlock.
        """
        mishap = self.mishap
        if mishap is None or mishap.what != "deadlock" or self.reached:
            return
        if mishap.moment.kind == process.kind and mishap.moment.point == f"before sql.write in {asker}":
            self.reached = True
            raise engine._Conflict(reason="deadlock, as ordered")

    def message(self, interface: str, method: str) -> str | float | None:
        """What becomes of a message."""
        mishap = self.mishap
        if mishap is None or mishap.what not in ("lose", "double", "delay", "lose reply") or self.reached:
            return None
        if mishap.moment.point.endswith(f" {interface}.{method}"):
            with self._lock:
                turn = self._turns["message", f"{interface}.{method}"]
                self._turns["message", f"{interface}.{method}"] += 1
                self.reached = turn == mishap.moment.turn
                if self.reached:
                    return 0.2 if mishap.what == "delay" else mishap.what
        return None


def _seam(point: str) -> str:
    """Which neighbour a point is about: ``sql``, ``bus``, ``placement`` …"""
    name = point.split(" ", 1)[1]
    return "bus" if name.startswith(("call ", "cast ")) else name.split(".", 1)[0]
