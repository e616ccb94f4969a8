"""Signs of life, written many at a time: of a thousand hosts a hundred come in each second."""

import threading
import time
from collections.abc import Callable, Sequence

from novalike.objects.host import Heartbeat


class Heartbeats:
    """Gathers heartbeats for a moment. Safe for threads.

    :param write: records heartbeats of different processes.
    :param gather: seconds for which the first one waits for others.
    """

    def __init__(self, write: Callable[[Sequence[Heartbeat]], None], gather: float) -> None:
        self._write = write
        self._gather = gather
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, str], Heartbeat] = {}
        # Process → its incarnation, of those that we have heard of.
        self._known: dict[tuple[str, str], str] = {}

    def note(self, beat: Heartbeat) -> None:
        """Record a heartbeat: at once if it is a process's first one that we hear; otherwise soon. Then the first
        one's caller waits, and writes all that came meanwhile; the others' don't.

        :raises Unavailable: the database can't be reached; the next heartbeats will tell.
        """
        process = beat.binary, beat.endpoint
        if self._known.get(process) != beat.incarnation:
            self._write([beat])
            self._known[process] = beat.incarnation
            return
        with self._lock:
            is_first = not self._waiting
            self._waiting[process] = beat
        if is_first:
            time.sleep(self._gather)
            with self._lock:
                beats, self._waiting = list(self._waiting.values()), {}
            self._write(beats)
