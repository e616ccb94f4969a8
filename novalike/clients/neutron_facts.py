"""Names and shapes of networks, kept for some seconds.

Builds come in crowds, and the servers of a crowd share their networks. What changes all the time (ports,
floating addresses) is not kept.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

Json = dict[str, Any]

# Seconds. A renamed network or a new name server may reach a server's record that much later.
KEPT_SECONDS = 10.0
_MOST = 5000


class Source(Protocol):
    """What is needed of :class:`novalike.clients.neutron.NeutronClient`."""

    def networks(self, user: None = None, **filters: Any) -> list[Json]: ...
    def subnets(self, user: None = None, **filters: Any) -> list[Json]: ...
    def security_groups(self, user: None = None, **filters: Any) -> list[Json]: ...


class NetworkFacts:
    """Networks, subnets and security groups by id.

    :param seconds: how long they are kept; 0 is not at all.
    """

    def __init__(self, neutron: Source, seconds: float = KEPT_SECONDS) -> None:
        self._neutron = neutron
        self._seconds = seconds
        self._kept: dict[str, tuple[float, Json]] = {}
        self._lock = threading.Lock()

    def networks(self, ids: Iterable[str], *, fresh: bool = False) -> dict[str, Json]:
        """:param fresh: ask in any case."""
        return self._get(ids, fresh, lambda ids: self._neutron.networks(id=ids, fields=["id", "name", "mtu"]))

    def subnets(self, ids: Iterable[str], *, fresh: bool = False) -> dict[str, Json]:
        """:param fresh: ask in any case."""
        return self._get(ids, fresh, lambda ids: self._neutron.subnets(id=ids))

    def security_groups(self, ids: Iterable[str], *, fresh: bool = False) -> dict[str, Json]:
        """:param fresh: ask in any case."""
        return self._get(ids, fresh, lambda ids: self._neutron.security_groups(id=ids, fields=["id", "name"]))

    def _get(self, ids: Iterable[str], fresh: bool, ask: Callable[[list[str]], list[Json]]) -> dict[str, Json]:
        wanted = sorted(set(ids))
        now = time.monotonic()
        found: dict[str, Json] = {}
        if not fresh:
            with self._lock:
                for one in wanted:
                    kept = self._kept.get(one)
                    if kept is not None and kept[0] > now:
                        found[one] = kept[1]
        missing = [one for one in wanted if one not in found]
        if missing:
            asked = {thing["id"]: thing for thing in ask(missing)}
            found |= asked
            if self._seconds > 0:
                with self._lock:
                    if len(self._kept) > _MOST:
                        self._kept.clear()
                    self._kept |= {one: (now + self._seconds, thing) for one, thing in asked.items()}
        return found
