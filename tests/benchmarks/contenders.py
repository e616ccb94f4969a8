"""The two that race: their processes, which are frozen while the other one is measured."""

import signal
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

from tests.benchmarks.place import Place
from tests.benchmarks.usage import Size, cpu_seconds, size_of
from tests.chaos import processes

NOVA, NOVALIKE = "nova", "novalike"

# Processes that have processes below them do nothing but watch over them; some kill those that have been silent. So
# they are let go this many seconds after the others, who have given a sign of life by then.
WATCHERS_WAIT = 3.0
# Quiet is: twice in a row less than this share of a core over so many seconds.
_QUIET_SHARE, _LOOK = 0.12, 0.3


class Contender:
    """One of the two.

    :param url: of its Compute API.
    :param daemons: the names of its programs under supervisord; what is measured.
    :param aides: more programs that only it uses (a Placement of its own): frozen with it, not measured.
    """

    def __init__(self, name: str, url: str, place: Place, daemons: Sequence[str], aides: Sequence[str]) -> None:
        self.name, self.url = name, url
        self.daemons, self._aides = tuple(daemons), tuple(aides)
        self._supervisor = place.supervisor
        self._frozen: list[int] = []
        self._late: threading.Timer | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Where its API listens."""
        parts = urlsplit(self.url)
        return str(parts.hostname), int(parts.port or 80)

    def pids(self, names: Sequence[str] | None = None) -> list[int]:
        """All its processes; of some programs, when they are named."""
        mains = (self._supervisor.pid(name) for name in names or (*self.daemons, *self._aides))
        return [pid for main in mains if main is not None for pid in processes.tree(main)]

    # -- frozen or not

    def freeze(self) -> None:
        """Stop all its processes where they are."""
        self._wake_watchers_no_more()
        # Those who watch first, or they would see the others fall silent.
        self._frozen = self.pids()
        processes.send(self._frozen, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._wake_watchers_no_more()
        pids, self._frozen = self._frozen or self.pids(), []
        watchers = [pid for pid in pids if len(processes.tree(pid)) > 1]
        processes.send(set(pids) - set(watchers), signal.SIGCONT)
        self._late = threading.Timer(WATCHERS_WAIT, processes.send, (watchers, signal.SIGCONT))
        self._late.daemon = True
        self._late.start()

    def _wake_watchers_no_more(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late.join()
            self._late = None

    def settle(self, at_least: float = 0.0, at_most: float = 30.0) -> None:
        """Wait until it does next to nothing.

        :param at_least, at_most: seconds.
        """
        time.sleep(at_least)
        pids, end, quiet = self.pids(), time.monotonic() + at_most, 0
        while quiet < 2 and time.monotonic() < end:
            before = cpu_seconds(pids)
            time.sleep(_LOOK)
            quiet = quiet + 1 if cpu_seconds(pids) - before < _QUIET_SHARE * _LOOK else 0

    # -- what it costs

    def cpu(self) -> float:
        """Seconds that its daemons have computed."""
        return cpu_seconds(self.pids(self.daemons))

    def size(self) -> Size:
        """The memory of its daemons."""
        found = [size_of(pid) for pid in self.pids(self.daemons)]
        return Size(sum(each.rss for each in found), sum(each.pss for each in found))
