"""Names and shapes of networks, kept for some seconds.

Builds come in crowds, and the servers of a crowd share their networks. What changes all the time (ports,
floating addresses) is not kept.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from novalike.objects import errors

LOG = logging.getLogger(__name__)

Json = dict[str, Any]

# Seconds. A renamed network or a new name server may reach a server's record that much later.
KEPT_SECONDS = 10.0
_MOST = 5000


class Source(Protocol):
    """What is needed of :class:`novalike.clients.neutron.NeutronClient`."""

    def networks(self, user: None = None, **filters: Any) -> list[Json]: ...
    def subnets(self, user: None = None, **filters: Any) -> list[Json]: ...
    def security_groups(self, user: None = None, **filters: Any) -> list[Json]: ...


class NetworkCache:
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

    def prefetch(
        self, network_ids: Iterable[str], group_ids: Sequence[str], project_id: str
    ) -> list[Callable[[], None]]:
        """What to call while ports are made, so that what will be asked for of their networks is kept by then.

        Nothing, while it is kept or somebody is fetching it. The calls raise no error of Neutron's: who needs what
        they did not get asks again, and hears why.

        :param group_ids: the ports' security groups; none is the project's ``default``, which Neutron chooses then.
        """
        networks, groups = self._claim("network", network_ids), self._claim("group", group_ids)
        asks: list[Callable[[], Any]] = []
        if networks:
            asks.append(lambda: self.networks(networks, fresh=True))
            asks.append(lambda: self._keep(lambda: self._neutron.subnets(network_id=networks)))
        if groups:
            asks.append(lambda: self.security_groups(groups, fresh=True))
        elif not group_ids and self._claim("default of", [project_id]):
            asks.append(lambda: self._keep(lambda: self._default_group(project_id)))
        return [lambda ask=ask: _try(ask) for ask in asks]  # type: ignore[misc]

    def _default_group(self, project_id: str) -> list[Json]:
        return self._neutron.security_groups(tenant_id=project_id, name="default", fields=["id", "name"])

    def _claim(self, kind: str, ids: Iterable[str]) -> list[str]:
        """Those that nobody has claimed in the seconds for which things are kept. They are the caller's to fetch."""
        if self._seconds <= 0:
            return []
        now = time.monotonic()
        with self._lock:
            claims = {one: f"{kind} {one}" for one in sorted(set(ids))}
            free = [one for one, claim in claims.items() if claim not in self._kept or self._kept[claim][0] <= now]
            self._kept |= {claims[one]: (now + self._seconds, {}) for one in free}
        return free

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
            found |= self._keep(lambda: ask(missing))
        return found

    def _keep(self, ask: Callable[[], list[Json]]) -> dict[str, Json]:
        until = time.monotonic() + self._seconds
        asked = {thing["id"]: thing for thing in ask()}
        if self._seconds > 0:
            with self._lock:
                if len(self._kept) > _MOST:
                    self._kept.clear()
                self._kept |= {one: (until, thing) for one, thing in asked.items()}
        return asked


def _try(ask: Callable[[], Any]) -> None:
    try:
        ask()
    except errors.NovalikeError as error:
        LOG.debug("Facts of a network could not be read ahead: %s", error)
