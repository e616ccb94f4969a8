"""Servers booted and deleted: one after the other, a hundred at once, by several clients."""

import threading
import time
from collections import defaultdict
from dataclasses import dataclass

from tests.benchmarks.contenders import Contender
from tests.benchmarks.course import Course
from tests.benchmarks.figures import Figures
from tests.benchmarks.servers import BATCH, Servers

_TO_MS = 1000.0
_CLIENTS = 8
# Two for each host.
_WARMING = 20


@dataclass(frozen=True)
class Amount:
    """How much is done.

    :param rounds: turns of each contender.
    :param boots: servers booted and deleted in each turn.
    :param burst: servers at once.
    :param cycling: seconds in each turn during which clients begin new cycles.
    :param cycling_rounds: such turns of each contender: what two cores do in a second is, from minute to minute, up to
        twice as much.
    """

    rounds: int = 3
    boots: int = 8
    burst: int = 100
    cycling: float = 12.0
    cycling_rounds: int = 4


QUICK = Amount(rounds=1, boots=3, burst=20, cycling=4.0, cycling_rounds=1)


class Boots:
    """This part of the race."""

    def __init__(self, course: Course, servers: dict[str, Servers], figures: Figures, amount: Amount) -> None:
        self._course, self._servers, self._figures, self._amount = course, servers, figures, amount

    def run(self) -> None:
        """Measure it all."""
        for contender in self._course.turns():
            warm(self._servers[contender.name])
        for kind, port in (("plain", False), ("port", True)):
            self._one_by_one(kind, port)
        for kind, port in (("plain", False), ("port", True)):
            for contender in self._course.turns():
                self._burst(contender, kind, port)
        self._cycles()

    def _one_by_one(self, kind: str, port: bool) -> None:
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        for contender in self._course.turns(self._amount.rounds):
            servers = self._servers[contender.name]
            # Not counted: after a while in the cold everything takes longer once.
            _boot(servers, f"{kind}-warm", port)
            for number in range(self._amount.boots):
                for what, seconds in _boot(servers, f"{kind}-{number}", port).items():
                    times[what, contender.name].append(seconds)
            let_neutron_speak(port)
        for (what, name), seconds in times.items():
            self._figures.note_all(f"{kind}: {what}", name, seconds, unit=_TO_MS)

    def _burst(self, contender: Contender, kind: str, port: bool) -> None:
        servers, prefix = self._servers[contender.name], f"burst-{kind}"
        began = time.monotonic()
        for _ in range(0, self._amount.burst, BATCH):
            servers.create(prefix, port, min(BATCH, self._amount.burst))
        servers.await_all_active(prefix, self._amount.burst)
        self._figures.note(f"{kind}: burst", contender.name, time.monotonic() - began)
        uuids = servers.listed(prefix)
        began = time.monotonic()
        servers.remove(uuids, prefix)
        self._figures.note(f"{kind}: burst gone", contender.name, time.monotonic() - began)
        let_neutron_speak(port)

    def _cycles(self) -> None:
        done: dict[str, int] = defaultdict(int)
        took: dict[str, float] = defaultdict(float)
        for contender in self._course.turns(self._amount.cycling_rounds):
            # Not counted: as with one by one, after a while in the cold everything takes longer once.
            self._cycle_together(contender, until=time.monotonic())
            began = time.monotonic()
            done[contender.name] += self._cycle_together(contender, until=began + self._amount.cycling)
            took[contender.name] += time.monotonic() - began
        for name, count in done.items():
            self._figures.note("cycles", name, count / took[name])

    def _cycle_together(self, contender: Contender, until: float) -> int:
        """At least one cycle of each client.

        :param until: time.monotonic() when the last cycle may begin. Gives how many cycles ended.
        """
        count, failures, lock = [0], list[BaseException](), threading.Lock()

        def work(number: int) -> None:
            servers = self._servers[contender.name].anew()
            try:
                while True:
                    _boot(servers, f"cycle-{number}", port=False)
                    with lock:
                        count[0] += 1
                    if time.monotonic() >= until:
                        return
            except BaseException as failure:
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(_CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        return count[0]


def warm(servers: Servers) -> None:
    """Servers on each host: the first one waits for the host's tokens, connections and the image."""
    prefix = "warm-hosts"
    servers.create(prefix, port=True, count=_WARMING)
    servers.await_all_active(prefix, _WARMING)
    servers.remove(servers.listed(prefix), prefix)


def let_neutron_speak(port: bool) -> None:
    """What it says of ports it says up to a second later; the next one shall not hear it."""
    if port:
        time.sleep(2.0)


def _boot(servers: Servers, name: str, port: bool) -> dict[str, float]:
    """One server, from the request to its end; seconds."""
    began = time.monotonic()
    uuid = servers.create(name, port)
    accepted = time.monotonic() - began
    servers.await_status(uuid, "ACTIVE")
    active = time.monotonic() - began
    began = time.monotonic()
    servers.delete(uuid)
    deleted = time.monotonic() - began
    servers.await_gone(uuid)
    return {"accepted": accepted, "active": active, "deleted": deleted, "gone": time.monotonic() - began}
