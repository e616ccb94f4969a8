"""Questions: by one client and by eight, of a thousand servers."""

import json
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass

from tests.benchmarks import shape, wrk
from tests.benchmarks.course import Course
from tests.benchmarks.figures import Figures
from tests.benchmarks.servers import Servers

_TO_MS = 1000.0
_CLIENTS = 8
_NOBODY = "00000000-0000-4000-8000-000000000000"
FILL = "fill"


@dataclass(frozen=True)
class Question:
    """A path that is asked again and again.

    :param path: ``{id}`` stands for a server's.
    :param longer: it is asked for so many times as long as others: with few answers a median says little, and those
        that are on their way at the end don't count.
    """

    key: str
    path: str
    longer: int = 1
    missing: bool = False


QUESTIONS = (
    Question("version", "/"),
    Question("flavors", "/flavors/detail"),
    Question("limits", "/limits"),
    Question("missing", f"/servers/{_NOBODY}", missing=True),
    Question("show", "/servers/{id}"),
    Question("list 50", "/servers?limit=50"),
    Question("details 50", "/servers/detail?limit=50", longer=2),
)


@dataclass(frozen=True)
class Amount:
    """How much is asked.

    :param servers: that are there.
    :param seconds: of each load.
    :param pages: times that all servers are asked for at once, in each turn.
    """

    servers: int = 1000
    rounds: int = 2
    seconds: int = 4
    pages: int = 3


QUICK = Amount(servers=100, rounds=1, seconds=2, pages=1)


class Reads:
    """This part of the race."""

    def __init__(self, course: Course, servers: dict[str, Servers], figures: Figures, amount: Amount) -> None:
        self._course, self._servers, self._figures, self._amount = course, servers, figures, amount

    def fill(self) -> None:
        """Both have the servers that are asked for.

        :raises SystemExit: one of them has others, too.
        """
        there = {}
        for contender in self._course.turns():
            servers, began = self._servers[contender.name], time.monotonic()
            made = servers.fill(FILL, self._amount.servers)
            if made:
                self._figures.note("fill", contender.name, made / (time.monotonic() - began))
            there[contender.name] = len(servers.listed())
            if there[contender.name] != len(servers.listed(FILL, "ACTIVE")):
                raise SystemExit(f"{contender.name} has {there} servers, and not all of them are ours and ACTIVE")
        if len(set(there.values())) > 1:
            raise SystemExit(f"the contenders don't have equally many servers: {there}")

    def run(self) -> None:
        """Measure it all."""
        paths: dict[str, dict[str, str]] = {}
        for contender in self._course.turns():
            ids = self._servers[contender.name].listed(FILL)
            paths[contender.name] = {each.key: each.path.format(id=ids[len(ids) // 2]) for each in QUESTIONS}
        for question in QUESTIONS:
            self._compare(question, paths)
            self._ask(question, paths)
        self._ask_for_all()

    def _compare(self, question: Question, paths: dict[str, dict[str, str]]) -> None:
        """Both must answer the same, but for the values.

        :raises SystemExit: they don't.
        """
        answers = [
            self._servers[each.name].client("GET", paths[each.name][question.key]) for each in self._course.turns()
        ]
        (status, theirs), (own_status, ours) = answers
        found = list(shape.differences(theirs, ours, question.path))
        if not status == own_status == (404 if question.missing else 200):
            found.append(f"{question.path}: {status} and {own_status}")
        if found:
            raise SystemExit("the contenders don't answer the same:\n" + "\n".join(found))

    def _ask(self, question: Question, paths: dict[str, dict[str, str]]) -> None:
        loads: dict[tuple[str, int], list[wrk.Load]] = defaultdict(list)
        for contender in self._course.turns(self._amount.rounds):
            client = self._servers[contender.name].client
            url = contender.url + paths[contender.name][question.key]
            wrk.warm(url, client.headers())
            for clients in (1, _CLIENTS):
                seconds = self._amount.seconds * question.longer
                load = wrk.run(url, client.headers(), clients, seconds, question.missing)
                loads[contender.name, clients].append(load)
        for (name, clients), found in loads.items():
            if clients == 1:
                p50, p95 = (statistics.median(getattr(load, what) for load in found) for what in ("p50", "p95"))
                self._figures.note(question.key, name, p50, p95)
            else:
                self._figures.note(f"{question.key}, rate", name, statistics.median(load.rate for load in found))

    def _ask_for_all(self) -> None:
        times: dict[str, list[float]] = defaultdict(list)
        for contender in self._course.turns(self._amount.rounds):
            client = self._servers[contender.name].client
            for _ in range(self._amount.pages):
                began = time.monotonic()
                status, body = client.raw("GET", "/servers/detail?limit=1000")
                times[contender.name].append(time.monotonic() - began)
                if status != 200 or len(json.loads(body)["servers"]) < self._amount.servers:
                    raise SystemExit(f"{contender.name} did not show all servers: {status}, {len(body)} bytes")
        for name, seconds in times.items():
            self._figures.note_all("details all", name, seconds, unit=_TO_MS)
