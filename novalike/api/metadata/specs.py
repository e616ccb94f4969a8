"""What we know of servers, kept for some seconds: a booting guest asks for thirty documents in a row."""

import threading
import time
from typing import NamedTuple

from novalike.bus.metadata import MetadataReads
from novalike.objects.context import admin_context
from novalike.objects.server import ServerSpec

_MOST = 2000

Key = tuple[str, str]


class _Kept(NamedTuple):
    until: float
    spec: ServerSpec


class Specs:
    """Server specs, by server and project.

    :param seconds: how long one is kept.
    """

    def __init__(self, reads: MetadataReads, seconds: float) -> None:
        self._reads = reads
        self._seconds = seconds
        self._kept: dict[Key, _Kept] = {}
        self._asking: dict[Key, threading.Lock] = {}
        self._lock = threading.Lock()

    def get(self, server_id: str, project_id: str) -> ServerSpec:
        """A server. Many requests for the same one at the same time are one question to the conductor.

        :raises InstanceNotFound: no such server in the project.
        :raises Unavailable: the conductor doesn't answer.
        """
        key = (server_id, project_id)
        known = self._fresh(key)
        if known is not None:
            return known
        with self._lock:
            asking = self._asking.setdefault(key, threading.Lock())
        try:
            with asking:
                known = self._fresh(key)
                if known is not None:
                    return known
                spec = self._reads.get_spec(admin_context(), server_id=server_id, project_id=project_id)
                if self._seconds > 0:
                    self._keep(key, spec)
                return spec
        finally:
            with self._lock:
                self._asking.pop(key, None)

    def forget(self, server_id: str, project_id: str) -> None:
        """Ask anew next time."""
        with self._lock:
            self._kept.pop((server_id, project_id), None)

    def _fresh(self, key: Key) -> ServerSpec | None:
        with self._lock:
            kept = self._kept.get(key)
        return kept.spec if kept is not None and kept.until > time.monotonic() else None

    def _keep(self, key: Key, spec: ServerSpec) -> None:
        now = time.monotonic()
        with self._lock:
            if len(self._kept) >= _MOST:
                self._kept = {k: kept for k, kept in self._kept.items() if kept.until > now}
            if len(self._kept) >= _MOST:
                self._kept.clear()
            self._kept[key] = _Kept(now + self._seconds, spec)
