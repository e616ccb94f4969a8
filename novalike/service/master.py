"""The master of a daemon with several worker processes.

It forks before any thread or connection exists, starts workers again when they die (less and less often while
they die young), kills those that hang, and passes signals on. It never runs an event loop: signals are blocked and
looked for with ``sigtimedwait``, and workers write to a pipe that is read without blocking.

A worker writes one letter per event: ``r`` ready, ``l`` reloading, ``.`` alive.
"""

import logging
import os
import signal
import time
from collections.abc import Callable

from novalike.service import systemd

LOG = logging.getLogger(__name__)

# A worker that ends with this status said what is wrong with its configuration: it isn't started again.
WRONG_CONFIGURATION = 78

_SIGNALS = frozenset((signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD))
_LONGEST_PAUSE = 30.0
# Seconds between two looks for a signal, and while somebody waits for the workers to be ready.
_TICK = 0.1
_SHORT_TICK = 0.02
# Seconds between two signs of life for systemd.
_ALIVE_EVERY = 1.0
_YOUNG = 10.0


class WorkerVoice:
    """A worker's end of its pipe to the master."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def _say(self, letter: bytes) -> None:
        try:
            os.write(self._pipe, letter)
        except (BlockingIOError, BrokenPipeError):
            pass

    def ready(self) -> None:
        """The worker serves."""
        self._say(b"r")

    def reloading(self) -> None:
        """The worker reads its configuration again."""
        self._say(b"l")

    def stopping(self) -> None:
        """The master knows: it said so."""

    def alive(self) -> None:
        """The worker is not stuck."""
        self._say(b".")


class _Worker:
    def __init__(self, pid: int, pipe: int) -> None:
        self.pid = pid
        self.pipe = pipe
        self.started_at = self.heard_at = time.monotonic()
        self.is_ready = False


class Master:
    """Runs ``count`` workers.

    :param work: what a worker does, given its voice and its lifeline; gives the exit status.
    :param patience: seconds of silence after which a worker is killed.
    :param grace: seconds that workers may take to stop; 0 is for ever.
    :param let_go: called when told to stop: frees what workers shared.
    """

    def __init__(
        self,
        prog: str,
        count: int,
        work: Callable[[WorkerVoice, int], int],
        *,
        patience: float,
        grace: float,
        let_go: Callable[[], None] = lambda: None,
    ) -> None:
        self._prog = prog
        self._count = count
        self._work = work
        self._patience = patience
        self._grace = grace
        self._let_go = let_go
        self._workers: dict[int, _Worker] = {}
        self._early_deaths = 0
        self._next_start = 0.0
        self._stop_by: float | None = None
        self._status = 0
        self._said_ready = False
        self._alive_again_at = 0.0
        # Only the master holds the writing end: workers see the other one close when it dies.
        self._lifeline_reader, self._lifeline_writer = os.pipe()

    def run(self) -> int:
        """Run until told to stop. Gives the exit status."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        while True:
            if self._stop_by is None:
                self._fill_up()
            elif not self._workers:
                return self._status
            # Without waiting: CPython's sigtimedwait gives a signal made of garbage when it is interrupted (by SIGSTOP
            # and SIGCONT, for example) and its time is up.
            heard = signal.sigtimedwait(_SIGNALS, 0)
            if heard is None:
                time.sleep(_TICK if self._said_ready else _SHORT_TICK)
            elif heard.si_signo != signal.SIGCHLD:
                self._obey(heard.si_signo)
            self._bury()
            self._hear()
            self._watch()

    def _fill_up(self) -> None:
        while len(self._workers) < self._count and time.monotonic() >= self._next_start:
            self._fork()

    def _fork(self) -> None:
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        os.set_blocking(writer, False)
        pid = os.fork()
        if pid:
            os.close(writer)
            self._workers[pid] = _Worker(pid, reader)
            return
        status = 1
        try:
            os.close(self._lifeline_writer)
            os.close(reader)
            for other in self._workers.values():
                os.close(other.pipe)
            status = self._work(WorkerVoice(writer), self._lifeline_reader)
        finally:
            os._exit(status)

    def _obey(self, number: int) -> None:
        if number != signal.SIGHUP:
            if self._stop_by is not None:
                self._kill_all(signal.SIGKILL)
                os._exit(1)
            self._stop()
            return
        self._kill_all(signal.SIGHUP)

    def _stop(self) -> None:
        systemd.stopping()
        self._let_go()
        # A little longer than the workers, who end by themselves when their time is up.
        self._stop_by = time.monotonic() + self._grace + 5 if self._grace else float("inf")
        self._kill_all(signal.SIGTERM)

    def _kill_all(self, number: int) -> None:
        for pid in self._workers:
            os.kill(pid, number)

    def _bury(self) -> None:
        for pid, worker in list(self._workers.items()):
            dead, how = os.waitpid(pid, os.WNOHANG)
            if not dead:
                continue
            os.close(worker.pipe)
            del self._workers[pid]
            status = os.waitstatus_to_exitcode(how)
            if self._stop_by is not None:
                self._status = self._status or (1 if status else 0)
            elif status == WRONG_CONFIGURATION:
                self._status = 1
                self._stop()
            else:
                self._mourn(worker, status)

    def _mourn(self, worker: _Worker, status: int) -> None:
        LOG.warning("worker %d of %s ended with status %d: starting another one", worker.pid, self._prog, status)
        young = time.monotonic() - worker.started_at < _YOUNG
        self._early_deaths = self._early_deaths + 1 if young else 0
        pause = min(0.5 * 2**self._early_deaths, _LONGEST_PAUSE) if young else 0.0
        self._next_start = time.monotonic() + pause

    def _hear(self) -> None:
        for worker in self._workers.values():
            try:
                letters = os.read(worker.pipe, 4096)
            except BlockingIOError:
                continue
            if letters:
                worker.heard_at = time.monotonic()
            for letter in letters:
                if letter == ord("r"):
                    worker.is_ready = True
                elif letter == ord("l"):
                    worker.is_ready = False
                    if self._said_ready:
                        systemd.reloading()
                        self._said_ready = False
        everyone = len(self._workers) == self._count and all(w.is_ready for w in self._workers.values())
        if everyone and not self._said_ready and self._stop_by is None:
            self._said_ready = True
            systemd.ready()

    def _watch(self) -> None:
        """Kill who hangs; tell systemd that we don't."""
        now = time.monotonic()
        for pid, worker in self._workers.items():
            if now - worker.heard_at > self._patience:
                LOG.error("worker %d of %s was silent for %.0f s: killing it", pid, self._prog, self._patience)
                worker.heard_at = now
                os.kill(pid, signal.SIGKILL)
        if self._stop_by is not None and now > self._stop_by:
            self._status = 1
            self._kill_all(signal.SIGKILL)
        if now >= self._alive_again_at:
            self._alive_again_at = now + _ALIVE_EVERY
            systemd.alive()
