"""What it costs: statements and messages per boot and delete, and everything of those who do nothing."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests.benchmarks import statements
from tests.benchmarks.contenders import Contender
from tests.benchmarks.course import Course
from tests.benchmarks.figures import Figures
from tests.benchmarks.place import Place
from tests.benchmarks.servers import Servers

LOG = logging.getLogger("benchmarks")


@dataclass(frozen=True)
class Amount:
    """How much is done. A minute, for both, is what the periodic tasks have done once in, of either contender.

    :param boots: servers that are booted, and then deleted, one every two seconds, while statements and messages are
        counted; before that nothing is, for as long.
    :param idle: seconds during which nothing is asked.
    """

    boots: int = 30
    idle: int = 60


QUICK = Amount(boots=4, idle=10)

# Seconds from one thing that is counted to the next. Nobody looks meanwhile whether it is done, since that would be
# counted too.
PACE = 2.0


@dataclass(frozen=True)
class Traffic:
    """What was sent within some seconds."""

    seconds: float
    statements: int
    messages: int

    def per(self, count: int, idle: "Traffic") -> tuple[float, float]:
        """Statements and messages for each of so many things, without what would have been sent anyway."""
        share = self.seconds / idle.seconds
        return (
            max(0.0, self.statements - idle.statements * share) / count,
            max(0.0, self.messages - idle.messages * share) / count,
        )


def traffic_of(
    course: Course, contender: Contender, function: Callable[[int], None], count: int, pace: float = PACE
) -> Traffic:
    """What is sent while something is done so many times.

    :param function: is called with 0, 1, 2 …
    :param pace: seconds from one time to the next.
    """
    place, began = course.place, time.monotonic()
    messages = place.published()
    with statements.counted(place) as log:
        for number in range(count):
            function(number)
            time.sleep(pace)
    messages = place.published() - messages
    user = statements.USERS[contender.name]
    LOG.info("%s: %s", contender.name, dict(log.verbs.get(user, {})))
    return Traffic(time.monotonic() - began, log.counts[user], messages)


class Costs:
    """This part of the race."""

    def __init__(self, course: Course, servers: dict[str, Servers], figures: Figures, amount: Amount) -> None:
        self._course, self._servers, self._figures, self._amount = course, servers, figures, amount

    def per_server(self) -> None:
        """Statements and messages per boot and per delete."""
        for contender in self._course.turns():
            servers, count = self._servers[contender.name], self._amount.boots
            uuids: list[str] = []

            def boot(number: int, servers: Servers = servers, uuids: list[str] = uuids) -> None:
                uuids.append(servers.create(f"counted-{number}"))

            def delete(number: int, servers: Servers = servers, uuids: list[str] = uuids) -> None:
                servers.delete(uuids[number])

            # So that what is done once is done, and what was put off while they were frozen.
            servers.delete(servers.create("counted-first"))
            contender.settle(at_least=4 * PACE)
            idle = traffic_of(self._course, contender, lambda _number: None, count)
            for what, function in (("boot", boot), ("delete", delete)):
                traffic = traffic_of(self._course, contender, function, count)
                sql, messages = traffic.per(count, idle)
                self._figures.note(f"{what}: SQL", contender.name, sql)
                self._figures.note(f"{what}: messages", contender.name, messages)
                if what == "boot":
                    servers.await_all_active("counted", count)

    def idle(self) -> None:
        """What those cost who are asked nothing, and how big they are."""
        for contender in self._course.turns():
            contender.settle(at_least=5.0)
            with statements.counted(self._course.place) as log:
                began, computed = time.monotonic(), contender.cpu()
                time.sleep(self._amount.idle)
                seconds, computed = time.monotonic() - began, contender.cpu() - computed
            sent = log.counts[statements.USERS[contender.name]]
            self._figures.note("idle: SQL", contender.name, sent / seconds)
            self._figures.note("idle: CPU", contender.name, 100 * computed / seconds)
            size = contender.size()
            self._figures.note("memory: RSS", contender.name, size.rss)
            self._figures.note("memory: PSS", contender.name, size.pss)


def describe(place: Place) -> str:
    """What the database is, for the report."""
    return f"MariaDB {place.sql('SELECT version()')[0][0]}"
