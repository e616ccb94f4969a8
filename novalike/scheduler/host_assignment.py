"""A host for each server: the best one, then the best of what that leaves, and so on.

The hosts are weighed once; each server that is placed changes one host only, and only that is weighed again.
"""

import heapq
import random
from collections.abc import Sequence
from typing import NamedTuple

from novalike.clients.placement_types import Choice
from novalike.objects.host import HostState
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check
from novalike.scheduler.rejections import Rejections
from novalike.scheduler.weighers.normalize import Normalizer

STAGE = "capacity"

_Entry = tuple[float, float, int]
"""Weight (less is better), tie, number of the host."""


class AssignedHost(NamedTuple):
    """A server's host, and what to claim there."""

    instance_uuid: str
    state: HostState
    choice: Choice


class HostAssignment:
    """The hosts of one request, best first.

    :param subset_size: choose at random among this many of the best hosts.
    :param shuffle: choose at random among hosts of equal weight; otherwise the first.
    """

    def __init__(self, hosts: Sequence[Candidate], normalizer: Normalizer, subset_size: int, shuffle: bool) -> None:
        self._hosts = hosts
        self._normalizer = normalizer
        self._subset_size = subset_size
        weights = [-weight for weight in normalizer.weigh_all()]
        ties = [random.random() for _ in hosts] if shuffle else None  # noqa: S311
        key = weights.__getitem__ if ties is None else lambda index: (weights[index], ties[index])
        self._weights, self._ties = weights, ties
        # Hosts that were not looked at yet, the best one last.
        self._order = sorted(range(len(hosts)), key=key)[::-1]
        # Those that were: put back, or weighed again.
        self._again: list[_Entry] = []

    def assign(
        self,
        servers: Sequence[str],
        rechecks: Sequence[tuple[str, Check]],
        placed: dict[str, int],
        rejections: Rejections,
    ) -> list[AssignedHost]:
        """Hosts for as many of the servers as there is room for.

        :param rechecks: checks whose verdict depends on what was placed, with their stages.
        :param placed: host → servers of this request there; counted up.
        """
        assignments: list[AssignedHost] = []
        for server in servers:
            best = self._next(rechecks, rejections)
            if best is None:
                break
            index, choice = best
            host = self._hosts[index]
            host.take(choice)
            placed[host.state.host] = placed.get(host.state.host, 0) + 1
            self._put_back(index)
            assignments.append(AssignedHost(server, host.state, choice))
        return assignments

    def _next(self, rechecks: Sequence[tuple[str, Check]], rejections: Rejections) -> tuple[int, Choice] | None:
        """The best host that can still take a server; it is not put back. Nor are those that can't."""
        best: list[tuple[_Entry, Choice]] = []
        while len(best) < self._subset_size and (entry := self._pop()) is not None:
            choice = self._usable(self._hosts[entry[2]], rechecks, rejections)
            if choice is not None:
                best.append((entry, choice))
        if not best:
            return None
        chosen = random.randrange(len(best)) if len(best) > 1 else 0  # noqa: S311
        for position, (entry, _) in enumerate(best):
            if position != chosen:
                heapq.heappush(self._again, entry)
        (_, _, index), choice = best[chosen]
        return index, choice

    def _pop(self) -> _Entry | None:
        """Take the best host: the best of those that were not looked at, or one that was."""
        if not self._order:
            return heapq.heappop(self._again) if self._again else None
        index = self._order[-1]
        first = (self._weights[index], 0.0 if self._ties is None else self._ties[index], index)
        if self._again and self._again[0] < first:
            return heapq.heappop(self._again)
        self._order.pop()
        return first

    def _put_back(self, index: int) -> None:
        """Weigh a host again, which has got a server."""
        tie = random.random() if self._ties is not None else 0.0  # noqa: S311
        heapq.heappush(self._again, (-self._normalizer.weigh(self._hosts[index]), tie, index))

    def _usable(self, host: Candidate, rechecks: Sequence[tuple[str, Check]], rejections: Rejections) -> Choice | None:
        for stage, check in rechecks:
            if reason := check(host):
                rejections.add(stage, reason, host.state.host)
                return None
        choice = host.fitting()
        if choice is None:
            rejections.add(STAGE, "servers of this request and of others fill it", host.state.host)
        return choice
