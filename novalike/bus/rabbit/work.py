"""How many messages a process works on."""

import threading

# Seconds for which no message is taken when all threads are busy. Not for ever: the connection's signs of life are
# given by the same thread.
_FULL_SECONDS = 5.0


class Work:
    """Counts the messages that are worked on.

    :param limit: how many there may be.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._count = 0
        self._changed = threading.Condition()

    def begin(self) -> None:
        """Wait until there is room, but not for long."""
        with self._changed:
            self._changed.wait_for(lambda: self._count < self._limit, _FULL_SECONDS)
            self._count += 1

    def end(self) -> None:
        """One less."""
        with self._changed:
            self._count -= 1
            self._changed.notify_all()

    def wait(self) -> None:
        """Wait until there are none."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0)
