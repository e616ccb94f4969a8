"""Servers resized, and their resizes confirmed and reverted: one after the other; and what is sent for it."""

import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks.boots import let_neutron_speak, warm
from tests.benchmarks.contenders import Contender
from tests.benchmarks.costs import traffic_of
from tests.benchmarks.course import Course
from tests.benchmarks.figures import Figures
from tests.benchmarks.servers import Servers

_TO_MS = 1000.0
# Seconds from one resize to the next while statements are counted: each has come to its end by then.
_PACE = 3.0


@dataclass(frozen=True)
class Amount:
    """How much is done.

    :param rounds: turns of each contender.
    :param plain, port: servers in each turn, without a network and with a port, each resized twice: the resize is
        reverted, then confirmed.
    :param counted: servers that are resized, and then confirmed, one every three seconds, while statements and
        messages are counted; before that nothing is, for as long.
    """

    rounds: int = 3
    plain: int = 5
    port: int = 3
    counted: int = 10


QUICK = Amount(rounds=1, plain=2, port=1, counted=3)


class Moves:
    """This part of the race."""

    def __init__(self, course: Course, servers: dict[str, Servers], figures: Figures, amount: Amount) -> None:
        self._course, self._servers, self._figures, self._amount = course, servers, figures, amount

    def run(self) -> None:
        """Measure it all."""
        for contender in self._course.turns():
            warm(self._servers[contender.name])
        self._one_by_one("plain", self._amount.plain, port=False)
        self._one_by_one("port", self._amount.port, port=True)
        for contender in self._course.turns():
            self._count(contender)

    def _one_by_one(self, kind: str, count: int, port: bool) -> None:
        times: dict[tuple[str, str], list[float]] = defaultdict(list)
        for contender in self._course.turns(self._amount.rounds):
            servers = self._servers[contender.name]
            # Not counted: after a while in the cold everything takes longer once.
            _move(servers, f"moved-{kind}-warm", port)
            for number in range(count):
                for what, seconds in _move(servers, f"moved-{kind}-{number}", port):
                    times[what, contender.name].append(seconds)
            let_neutron_speak(port)
        for (what, name), seconds in times.items():
            self._figures.note_all(f"{kind}: {what}", name, seconds, unit=_TO_MS)

    def _count(self, contender: Contender) -> None:
        servers, count, prefix = self._servers[contender.name], self._amount.counted, "counted"
        uuids = [servers.create(f"{prefix}-{number}") for number in range(count + 1)]
        servers.await_all_active(prefix, count + 1)
        # So that what is done once is done, and what was put off while they were frozen.
        first = uuids.pop()
        servers.resize(first)
        servers.await_status(first, "VERIFY_RESIZE")
        servers.confirm_resize(first)
        contender.settle(at_least=2 * _PACE)
        idle = traffic_of(self._course, contender, lambda _number: None, count, _PACE)
        sql = messages = 0.0
        for ask, status in ((servers.resize, "VERIFY_RESIZE"), (servers.confirm_resize, "ACTIVE")):

            def do(number: int, ask: Callable[[str], None] = ask) -> None:
                ask(uuids[number])

            sent = traffic_of(self._course, contender, do, count, _PACE).per(count, idle)
            servers.await_all(prefix, count, status)
            sql, messages = sql + sent[0], messages + sent[1]
        self._figures.note("move: SQL", contender.name, sql)
        self._figures.note("move: messages", contender.name, messages)
        servers.remove([first, *uuids], prefix)


def _move(servers: Servers, name: str, port: bool) -> list[tuple[str, float]]:
    """Boot a server, resize it, revert that, resize it again, confirm that, and delete it.

    :returns: what was done, and how many seconds it took from the request to its end.
    """
    uuid = servers.create(name, port)
    servers.await_status(uuid, "ACTIVE")
    steps: tuple[tuple[str, Callable[[str], None], str], ...] = (
        ("resized", servers.resize, "VERIFY_RESIZE"),
        ("reverted", servers.revert_resize, "ACTIVE"),
        ("resized", servers.resize, "VERIFY_RESIZE"),
        ("confirmed", servers.confirm_resize, "ACTIVE"),
    )
    found = []
    for what, ask, status in steps:
        began = time.monotonic()
        ask(uuid)
        servers.await_status(uuid, status)
        found.append((what, time.monotonic() - began))
    servers.delete(uuid)
    servers.await_gone(uuid)
    return found
