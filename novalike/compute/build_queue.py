"""Which builds begin when: so many at a time on each host, in the order in which they came.

A build that may not begin yet is an entry in a queue, and holds no thread.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from typing import Generic, TypeVar

Build = TypeVar("Build")


class BuildQueue(Generic[Build]):
    """The builds of a process's hosts. Whoever uses it holds a lock of his own.

    :param limit: how many may run at a time on a host; 0 is any number.
    :param begin: has a build begin. Called by :meth:`put` and :meth:`ended`; must not wait.
    """

    def __init__(self, limit: Callable[[], int], begin: Callable[[Build], None]) -> None:
        self._limit = limit
        self._begin = begin
        self._running: Counter[str] = Counter()
        self._waiting: defaultdict[str, deque[Build]] = defaultdict(deque)

    def put(self, host: str, build: Build) -> None:
        """Have a build begin, now or when others have ended."""
        self._waiting[host].append(build)
        self._fill(host)

    def withdraw(self, host: str, build: Build) -> bool:
        """Take a build out that has not begun. Gives whether that was so."""
        try:
            self._waiting[host].remove(build)
        except ValueError:
            return False
        return True

    def ended(self, host: str) -> None:
        """A build that had begun has ended."""
        self._running[host] -= 1
        self._fill(host)

    def _fill(self, host: str) -> None:
        waiting, limit = self._waiting[host], self._limit()
        while waiting and (limit == 0 or self._running[host] < limit):
            self._running[host] += 1
            self._begin(waiting.popleft())
