"""A bus inside one process, with the same encoding as the real one, and faults to order.

Calls run in the caller's thread, casts in a thread of their own. ``fault`` is asked before each delivery and says
what becomes of the message: None (delivered), or ``lose``, ``double``, ``lose reply``, or seconds to wait.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from novalike.bus import versions, wire
from novalike.bus.interface import Interface, methods
from novalike.bus.transport import NoAnswer, Offer, Server, Transport
from novalike.objects import errors
from novalike.objects.context import RequestContext

Fault = Callable[[str, str], str | float | None]


class LocalServer(Server):
    def __init__(self, bus: "LocalBus", offers: Sequence[Offer], endpoint: str) -> None:
        self.bus, self.offers, self.endpoint = bus, list(offers), endpoint
        self.alive = True

    def offer(self, interface: type[Interface]) -> Offer | None:
        """What is served by this name; a daemon of another release has another declaration of it."""
        return next((offer for offer in self.offers if offer[0].__name__ == interface.__name__), None)

    def stop(self) -> None:
        self.alive = False
        with self.bus.lock:
            if self in self.bus.servers:
                self.bus.servers.remove(self)

    def wait(self) -> None:
        pass


class LocalBus:
    """What the local transports of all daemons share."""

    def __init__(self) -> None:
        self.servers: list[LocalServer] = []
        self.lock = threading.Lock()
        self.pool = ThreadPoolExecutor(64, thread_name_prefix="bus")
        self.fault: Fault = lambda interface, method: None
        self.sent: list[tuple[str, str]] = []
        self.casts: set[Future[None]] = set()
        self.calls: set[object] = set()
        self.closed = False
        self._turn = 0

    def find(self, interface: type[Interface], endpoint: str | None) -> Offer | None:
        with self.lock:
            able = [
                s for s in self.servers
                if s.offer(interface) is not None and (endpoint is None or s.endpoint == endpoint)
            ]  # fmt: skip
            self._turn += 1
            return able[self._turn % len(able)].offer(interface) if able else None

    @contextmanager
    def calling(self) -> Iterator[None]:
        """While somebody waits for an answer."""
        call = object()
        self.calls.add(call)
        try:
            yield
        finally:
            self.calls.discard(call)

    @property
    def under_way(self) -> bool:
        """Whether there are casts or calls that have not been dealt with yet."""
        self.casts = {cast for cast in list(self.casts) if not cast.done()}
        return bool(self.casts or self.calls)

    def transport(self) -> "LocalTransport":
        return LocalTransport(self)

    def close(self) -> None:
        self.closed = True  # whoever still asks would do so again and again, into the next tests
        self.pool.shutdown(wait=False, cancel_futures=True)


def _answer(
    offer: Offer, interface: type[Interface], method: str, ctx: RequestContext, payload: str
) -> dict[str, Any] | None:
    """What whoever offers it answers, as the real bus has it done."""
    offered, handler = offer
    version = versions.needed(methods(interface)[method], payload)
    try:
        known = versions.find(offered, interface.__name__, method, version)
    except errors.Unavailable as error:
        return {"e": error.to_wire()}
    return wire.answer(known, getattr(handler, method), ctx.to_wire(), payload)


class LocalTransport(Transport):
    def __init__(self, bus: LocalBus) -> None:
        self._bus = bus
        self._mine: list[LocalServer] = []
        self.cut = False

    def call(
        self,
        interface: type[Interface],
        endpoint: str | None,
        method: str,
        ctx: RequestContext,
        payload: str,
        timeout: float | None,
    ) -> dict[str, Any]:
        fault = self._fault(interface, method)
        offer = None if fault == "lose" else self._bus.find(interface, endpoint)
        if offer is None:
            time.sleep(0.02)  # instead of the whole time-out
            raise NoAnswer(reason=f"no answer from {interface.topic} in time")
        for _ in range(2 if fault == "double" else 1):
            reply = _answer(offer, interface, method, ctx, payload)
        if fault == "lose reply":
            raise NoAnswer(reason=f"no answer from {interface.topic} in time")
        assert reply is not None
        return reply

    def cast(
        self, interface: type[Interface], endpoint: str | None, method: str, ctx: RequestContext, payload: str
    ) -> None:
        fault = self._fault(interface, method)
        if fault == "lose":
            return
        wait = fault if isinstance(fault, float) else 0.0

        def deliver() -> None:
            time.sleep(wait)
            offer = self._bus.find(interface, endpoint)
            if offer is not None:
                _answer(offer, interface, method, ctx, payload)

        for _ in range(2 if fault == "double" else 1):
            self._bus.casts.add(self._bus.pool.submit(deliver))

    def _fault(self, interface: type[Interface], method: str) -> str | float | None:
        if self.cut or self._bus.closed:
            raise errors.Unavailable(reason="the message bus can't be reached")
        self._bus.sent.append((interface.__name__, method))
        fault = self._bus.fault(interface.__name__, method)
        if isinstance(fault, float):
            time.sleep(0 if methods(interface)[method].is_cast else fault)
        return fault

    def serve(self, offers: Sequence[Offer], endpoint: str, pool_size: int) -> Server:
        assert len({interface.topic for interface, _ in offers}) == 1
        server = LocalServer(self._bus, offers, endpoint)
        with self._bus.lock:
            self._bus.servers.append(server)
        self._mine.append(server)
        return server

    def close(self) -> None:
        for server in self._mine:
            server.stop()
