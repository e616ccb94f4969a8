"""A host for each server: the best one, then the best of what that leaves, and so on.

The hosts are weighed once; each server that is placed changes one host only, and only that is weighed again.
"""

import heapq
import random
from collections.abc import Sequence
from typing import NamedTuple

from novalike.clients.allocation import Choice
from novalike.objects.host import HostState
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check
from novalike.scheduler.tally import Tally
from novalike.scheduler.weighers.scale import Scale

STAGE = "capacity"


class Assignment(NamedTuple):
    """A server's host, and what to claim there."""

    instance_uuid: str
    state: HostState
    choice: Choice


class Spread:
    """The hosts of one request, best first.

    :param subset_size: choose at random among this many of the best hosts.
    :param shuffle: choose at random among hosts of equal weight; otherwise the first.
    """

    def __init__(self, hosts: Sequence[Candidate], scale: Scale, subset_size: int, shuffle: bool) -> None:
        self._hosts = hosts
        self._scale = scale
        self._subset_size = subset_size
        self._shuffle = shuffle
        self._heap = [self._entry(index) for index in range(len(hosts))]
        heapq.heapify(self._heap)

    def assign(
        self, servers: Sequence[str], rechecks: Sequence[tuple[str, Check]], placed: dict[str, int], tally: Tally
    ) -> list[Assignment]:
        """Hosts for as many of the servers as there is room for.

        :param rechecks: checks whose verdict depends on what was placed, with their stages.
        :param placed: host → servers of this request there; counted up.
        """
        assignments: list[Assignment] = []
        for server in servers:
            best = self._next(rechecks, tally)
            if best is None:
                break
            index, choice = best
            host = self._hosts[index]
            host.take(choice)
            placed[host.state.host] = placed.get(host.state.host, 0) + 1
            heapq.heappush(self._heap, self._entry(index))
            assignments.append(Assignment(server, host.state, choice))
        return assignments

    def _next(self, rechecks: Sequence[tuple[str, Check]], tally: Tally) -> tuple[int, Choice] | None:
        """Take the best host that can still take a server off the heap. Those that can't stay off it."""
        best: list[tuple[tuple[float, float, int], Choice]] = []
        while self._heap and len(best) < self._subset_size:
            entry = heapq.heappop(self._heap)
            choice = self._usable(self._hosts[entry[2]], rechecks, tally)
            if choice is not None:
                best.append((entry, choice))
        if not best:
            return None
        chosen = random.randrange(len(best)) if len(best) > 1 else 0  # noqa: S311
        for position, (entry, _) in enumerate(best):
            if position != chosen:
                heapq.heappush(self._heap, entry)
        (_, _, index), choice = best[chosen]
        return index, choice

    def _usable(self, host: Candidate, rechecks: Sequence[tuple[str, Check]], tally: Tally) -> Choice | None:
        for stage, check in rechecks:
            if reason := check(host):
                tally.add(stage, reason, host.state.host)
                return None
        choice = host.fitting()
        if choice is None:
            tally.add(STAGE, "servers of this request and of others fill it", host.state.host)
        return choice

    def _entry(self, index: int) -> tuple[float, float, int]:
        tie = random.random() if self._shuffle else 0.0  # noqa: S311
        return (-self._scale.weigh(self._hosts[index]), tie, index)
