"""One request to Neutron for the ports of several servers that are built at about the same time.

A request for many ports costs Neutron less than many requests do, and in a burst of builds its CPU is what all wait
for. While as many requests are under way as Neutron should work on at a time, others gather, and are sent as one when
it is their turn. Who comes when there is a turn free waits for nobody.
"""

import logging
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from novalike.clients.neutron import NeutronClient
from novalike.clients.neutron_vifs import mark_of
from novalike.objects import errors

LOG = logging.getLogger(__name__)

Json = dict[str, Any]

AT_A_TIME = 2
PORTS_MAX = 8


class _Gathering:
    """Those who will ask in one request; the first of them does it. Changed only with the batcher's lock."""

    def __init__(self) -> None:
        self.bodies: list[Json] = []
        # What each will get: its ports, or None when it is to ask by itself.
        self.callers: list[tuple[Sequence[Json], Future[list[Json] | None]]] = []

    def join(self, bodies: Sequence[Json]) -> Future[list[Json] | None]:
        answer: Future[list[Json] | None] = Future()
        self.bodies += bodies
        self.callers.append((bodies, answer))
        return answer


class PortBatcher:
    """Asks Neutron for new ports. Safe for threads."""

    def __init__(self, neutron: NeutronClient) -> None:
        self._neutron = neutron
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_A_TIME)
        self._open: _Gathering | None = None

    def create(self, bodies: Sequence[Json], *, alone: bool = False) -> list[Json]:
        """Make ports, all or none, as :meth:`NeutronClient.create_ports` does. In the order of ``bodies``.

        :param bodies: of one server: each names its ``device_id``, and has our mark in its binding profile.
        :param alone: share the request with nobody: what went wrong with others' must not happen to these again.
        :raises Unavailable: no answer, perhaps because of somebody else's ports; these may have been made.
        :raises NovalikeError: what ``create_ports`` raises for these ports.
        """
        if alone:
            return self._create_alone(bodies)
        with self._lock:
            gathering = self._open
            leads = gathering is None or len(gathering.bodies) + len(bodies) > PORTS_MAX
            if gathering is None or leads:
                gathering = self._open = _Gathering()
            answer = gathering.join(bodies)
        if leads:
            self._ask(gathering)
        made = answer.result()
        return self._create_alone(bodies) if made is None else made

    def _create_alone(self, bodies: Sequence[Json]) -> list[Json]:
        with self._turns:
            return self._neutron.create_ports(bodies)

    def _ask(self, gathering: _Gathering) -> None:
        """Everybody's answer, whatever happens to us. What happens to us is raised."""
        try:
            with self._turns:
                self._close(gathering)
                made = self._neutron.create_ports(gathering.bodies)
            if len(gathering.callers) > 1:
                made = _as_asked(gathering.bodies, made)
        except BaseException as error:
            self._close(gathering)
            others = gathering.callers[1:]
            refused = isinstance(error, errors.NovalikeError) and not isinstance(error, errors.Unavailable)
            if refused and others:
                # Nothing was made. Who was refused, and for what, shows when each asks alone.
                LOG.debug("Neutron refused the ports of %s instances together: %s", len(gathering.callers), error)
                for _, answer in gathering.callers:
                    answer.set_result(None)
                return
            for _, answer in others:
                answer.set_exception(_for_others(error))
            raise
        for bodies, answer in gathering.callers:
            answer.set_result(made[: len(bodies)])
            made = made[len(bodies) :]

    def _close(self, gathering: _Gathering) -> None:
        """Nobody may join any more."""
        with self._lock:
            if self._open is gathering:
                self._open = None


def _for_others(error: BaseException) -> errors.NovalikeError:
    """What one of those hears for whom somebody asked who got an error. Its own: a traceback belongs to one thread."""
    if isinstance(error, errors.Unavailable):
        return errors.NovalikeError.from_wire(error.to_wire())
    return errors.Unavailable(reason=f"who asked Neutron for these ports ended with {type(error).__name__}")


def _as_asked(bodies: Sequence[Json], ports: Sequence[Json]) -> list[Json]:
    """The ports in the order in which they were asked for. So Neutron answers; but a server must never get another's.

    :raises Unavailable: they are not what was asked for.
    """
    left, found = list(ports), []
    for body in bodies:
        place = next((n for n, port in enumerate(left) if _key(port) == _key(body)), None)
        if place is None:
            raise errors.Unavailable(reason="Neutron's answer has not the ports that were asked for")
        found.append(left.pop(place))
    return found


def _key(port: Json) -> tuple[Any, ...]:
    return port.get("device_id"), port.get("network_id"), (mark_of(port) or {}).get("index")
