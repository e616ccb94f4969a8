"""Keeps the snapshot of the hosts current."""

import logging
import threading
import time
from typing import Any

from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.scheduler.snapshot import EMPTY, Snapshot, take, update

LOG = logging.getLogger(__name__)

FIRST_WAIT = 60.0
RETRY_DELAY = 0.5


class SnapshotCache:
    """Holds the newest snapshot, and fetches a newer one when asked to.

    :param reads: a client of ``SchedulerReads``.
    :param snapshot: to begin with.
    """

    def __init__(self, reads: Any, snapshot: Snapshot = EMPTY) -> None:
        self._reads = reads
        self._snapshot = snapshot
        self._lock = threading.Lock()

    def current(self, wait: float = FIRST_WAIT) -> Snapshot:
        """The newest snapshot that is here. The first one is waited for.

        :param wait: seconds.
        :raises Unavailable: there is none yet, and no conductor has answered.
        """
        deadline = time.monotonic() + wait
        while self._snapshot.version is None:
            try:
                self.refresh()
            except errors.Unavailable:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(RETRY_DELAY)
        return self._snapshot

    def refresh(self) -> bool:
        """Fetch a newer snapshot if there is one. Says whether there was.

        :raises Unavailable: no conductor answers.
        """
        asked_at = self._snapshot
        with self._lock:
            if self._snapshot is not asked_at:
                return True  # somebody fetched one while we waited for the lock
            states = self._reads.inventory(admin_context(), known_version=asked_at.version, changes=True)
            if states is None:
                return False
            self._snapshot = take(states) if states.whole else update(asked_at, states)
            LOG.debug("Snapshot %s: %s nodes came", states.version, len(states.hosts))
            return True

    def forget(self) -> None:
        """Fetch a whole snapshot next time."""
        with self._lock:
            self._snapshot = EMPTY
