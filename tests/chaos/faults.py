"""Faults, drawn at random from a seed, and how they are brought about."""

import logging
import random
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.chaos import processes
from tests.chaos.targets import BROKER, DATABASE, HYPERVISOR, NEIGHBOURS, OURS, Program, Target

LOG = logging.getLogger(__name__)

# What happens to whom, and how often, in parts of the whole.
_WEIGHTS = {
    ("kill", OURS): 24,
    ("kill worker", OURS): 14,
    ("terminate", OURS): 16,
    ("freeze", OURS): 14,
    ("freeze", NEIGHBOURS): 20,
    ("stop", (BROKER,)): 3,
    ("kill and keep down", (BROKER,)): 3,
    ("stop", (DATABASE,)): 3,
    ("kill and keep down", (DATABASE,)): 3,
    ("kill", (HYPERVISOR,)): 8,
    ("kill guest", ("guest",)): 16,
}
_KIND_WEIGHTS = {"api": 2, "metadata": 1, "conductor": 3, "scheduler": 2, "compute": 4}
# Seconds that something is frozen or away.
_SHORTEST, _LONGEST = 1.0, 6.0
# Seconds that broker and database are left alone after an outage: else nothing would happen that could break.
_BREATH = 25.0
# Seconds that are waited for a program that is just starting, and for one that shall listen again.
_PATIENCE = 4.0
_RETURN = 90.0

GUEST = Program("guest", "guest")


@dataclass(frozen=True)
class Fault:
    """A fault to come.

    :param seconds: how long it lasts; 0 is an instant.
    :param pick: in [0, 1), which one of several processes.
    """

    action: str
    program: Program
    seconds: float
    pick: float


@dataclass(frozen=True)
class Happened:
    """A fault that has happened, in seconds of ``time.monotonic``; it ends when its program listens again."""

    fault: Fault
    began: float
    ended: float


def draw(seed: str, programs: Sequence[Program], *, guests: bool) -> Iterator[Fault]:
    """Faults without end, always the same ones for a seed.

    :param guests: whether guests are processes that can be killed.
    """
    dice = random.Random(seed)
    there = [*programs, *([GUEST] if guests else [])]
    kinds = {program.kind for program in there}
    rows = [row for row in _WEIGHTS if kinds.intersection(row[1])]
    while True:
        action, wanted = dice.choices(rows, [_WEIGHTS[row] for row in rows])[0]
        kind = _choose_kind(dice, sorted(kinds.intersection(wanted)))
        program = dice.choice([each for each in there if each.kind == kind])
        lasts = action in ("freeze", "stop", "kill and keep down")
        seconds = round(dice.uniform(_SHORTEST, _LONGEST), 1)
        yield Fault(action, program, seconds if lasts else 0.0, dice.random())


def _choose_kind(dice: random.Random, kinds: list[str]) -> str:
    return dice.choices(kinds, [_KIND_WEIGHTS.get(kind, 1) for kind in kinds])[0]


class Havoc:
    """Brings faults about.

    :param count: how many, evenly over ``seconds``.
    """

    def __init__(self, target: Target, faults: Iterator[Fault], count: int, seconds: float) -> None:
        self._target = target
        self._faults = faults
        self._count = count
        self._seconds = seconds
        self._lock = threading.Lock()
        self._busy: set[Program] = set()
        self._away_until: dict[str, float] = {}
        self._threads: list[threading.Thread] = []
        self.happened: list[Happened] = []

    def run(self) -> None:
        """Bring all about, one after the other; those that last overlap. Returns when the last one has ended."""
        began = time.monotonic()
        for number in range(self._count):
            time.sleep(max(0.0, began + (number + 0.5) * self._seconds / self._count - time.monotonic()))
            while not self._begin(next(self._faults)):
                pass
        for thread in self._threads:
            thread.join()

    def _begin(self, fault: Fault) -> bool:
        """Begin a fault. False when it can't be now; another one is drawn then."""
        now = time.monotonic()
        if fault.program in self._busy or now < self._away_until.get(fault.program.kind, 0.0):
            return False
        pids = self._pids(fault)
        if not pids:
            return False
        if fault.action in ("stop", "kill and keep down"):
            self._away_until[fault.program.kind] = float("inf")
        LOG.info("%s %s%s", fault.action, fault.program.name, f" for {fault.seconds} s" if fault.seconds else "")
        if fault.seconds:
            with self._lock:
                self._busy.add(fault.program)
        thread = threading.Thread(target=self._act, args=(fault, pids), name=f"fault {fault.program.name}")
        self._threads.append(thread)
        thread.start()
        return True

    def _pids(self, fault: Fault) -> list[int]:
        if fault.program == GUEST:
            pids = self._target.guest_pids()
            return [pids[int(fault.pick * len(pids))]] if pids else []
        give_up = time.monotonic() + _PATIENCE
        while not (pids := self._target.pids(fault.program)) and time.monotonic() < give_up:
            time.sleep(0.2)
        if fault.action == "kill worker":
            # Without workers the main process is the worker.
            workers = pids[1:] or pids
            return [workers[int(fault.pick * len(workers))]] if workers else []
        return pids[:1] if fault.action == "terminate" else pids

    def _act(self, fault: Fault, pids: list[int]) -> None:
        began = time.monotonic()
        try:
            getattr(self, "_" + fault.action.replace(" ", "_"))(fault, pids)
        except Exception:
            LOG.exception("%s %s went wrong", fault.action, fault.program.name)
            raise
        finally:
            with self._lock:
                self._busy.discard(fault.program)
        port = fault.program.port
        while port is not None and not processes.listens(port) and time.monotonic() < began + fault.seconds + _RETURN:
            time.sleep(0.2)
        ended = time.monotonic()
        if fault.action in ("stop", "kill and keep down"):
            self._away_until[fault.program.kind] = ended + _BREATH
        self.happened.append(Happened(fault, began, ended))

    def _kill(self, fault: Fault, pids: list[int]) -> None:
        processes.send(pids, signal.SIGKILL)
        self._target.revive(fault.program)

    def _kill_worker(self, fault: Fault, pids: list[int]) -> None:
        self._kill(fault, pids)

    def _kill_guest(self, fault: Fault, pids: list[int]) -> None:
        processes.send(pids, signal.SIGKILL)

    def _terminate(self, fault: Fault, pids: list[int]) -> None:
        processes.send(pids, signal.SIGTERM)
        self._target.revive(fault.program)

    def _freeze(self, fault: Fault, pids: list[int]) -> None:
        frozen = processes.send(pids, signal.SIGSTOP)
        try:
            time.sleep(fault.seconds)
        finally:
            processes.send(frozen, signal.SIGCONT)

    def _stop(self, fault: Fault, pids: list[int]) -> None:
        try:
            self._target.stop(fault.program)
            time.sleep(fault.seconds)
        finally:
            self._target.start(fault.program)

    def _kill_and_keep_down(self, fault: Fault, pids: list[int]) -> None:
        processes.send(pids, signal.SIGKILL)
        self._stop(fault, pids)
