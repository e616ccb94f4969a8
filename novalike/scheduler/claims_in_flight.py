"""Claims that are being written while other requests choose.

Requests that this process works on at the same time all got Placement's answer before any of them wrote its
claim. Without this they would all choose the same best host, and lose to each other.
"""

import itertools
import threading
from collections.abc import Iterable

from novalike.clients.placement_types import Choice
from novalike.scheduler.candidate import Taken, count


class ClaimsInFlight:
    """What has been chosen and may not be in Placement's answers yet. Safe for threads."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._clock = itertools.count(1)
        self._readers: set[int] = set()
        self._entries: dict[int, tuple[list[Choice], int | None]] = {}

    def begin(self) -> int:
        """A request is going to ask Placement and to choose. The reader's number."""
        with self.lock:
            reader = next(self._clock)
            self._readers.add(reader)
            return reader

    def end(self, reader: int) -> None:
        """The reader has chosen, or has given up."""
        with self.lock:
            self._readers.discard(reader)
            oldest = min(self._readers, default=None)
            for key, (_, written) in list(self._entries.items()):
                if written is not None and (oldest is None or written < oldest):
                    del self._entries[key]

    def taken_since(self, moment: int) -> Taken:
        """What was chosen and may not be in an answer that Placement began to give at this moment."""
        taken: Taken = {}
        with self.lock:
            for choices, written in self._entries.values():
                if written is None or written > moment:
                    for choice in choices:
                        count(taken, choice)
        return taken

    def enter(self, choices: Iterable[Choice]) -> int:
        """Note choices that are about to be claimed. Their number."""
        with self.lock:
            key = next(self._clock)
            self._entries[key] = (list(choices), None)
            return key

    def settle(self, key: int, claimed: bool) -> None:
        """The claim was written, or it was not."""
        with self.lock:
            choices, _ = self._entries.pop(key)
            if claimed and self._readers:
                self._entries[key] = (choices, next(self._clock))
