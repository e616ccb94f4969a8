"""Serving interfaces over RabbitMQ: how many messages a process takes, and how it stops.

oslo.messaging tells the broker that a message was dealt with as soon as it is there, and keeps as many in memory as
come: all of them are lost when the process dies, and wait when it is slow. So no more are taken than are worked on,
and the broker keeps the others, for whoever is free.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import oslo_messaging
from oslo_messaging.rpc import dispatcher as rpc_dispatcher
from oslo_messaging.rpc import server as rpc_server

from novalike.bus import wire
from novalike.bus.interface import Interface, methods
from novalike.bus.transport import Offer, Server
from novalike.bus.work import Work

LOG = logging.getLogger(__name__)

# Seconds that a broker may take to take leave, and to take the last answers. When it is away nobody waits for them.
_LEAVE_SECONDS = 3.0


class _Taker(rpc_server.RPCServer):
    """oslo.messaging's server, which takes a message when there is a thread for it."""

    work: Work

    def _on_incoming(self, incoming: Any) -> None:
        self.work.begin()
        try:
            super()._on_incoming(incoming)
        except BaseException:
            self.work.end()
            raise

    def _process_incoming(self, incoming: Any) -> None:
        # Its answer is part of it.
        try:
            super()._process_incoming(incoming)
        finally:
            self.work.end()


class RabbitServer(Server):
    """A server that runs as soon as it is made.

    :param transport: oslo.messaging's.
    :param offers: (interface, object with its methods), all of one topic.
    :param pool_size: messages worked on at a time.
    """

    def __init__(
        self, transport: Any, offers: Sequence[Offer], endpoint: str, pool_size: int, serializer: Any
    ) -> None:
        (topic,) = {interface.topic for interface, _ in offers}
        self._work = Work(pool_size)
        endpoints = [_endpoint(interface, handler) for interface, handler in offers]
        dispatcher = rpc_dispatcher.RPCDispatcher(endpoints, serializer, oslo_messaging.DefaultRPCAccessPolicy)
        self._server = _Taker(transport, oslo_messaging.Target(topic=topic, server=endpoint), dispatcher)
        self._server.work = self._work
        self._left = threading.Event()
        self._stopped_at: float | None = None
        self._leaving = threading.Thread(target=self._leave, name=f"leave-{topic}", daemon=True)
        self._server.start(override_pool_size=pool_size)

    def stop(self) -> None:
        """Take no more messages. Returns at once: oslo.messaging would wait for a broker that is away."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
            self._leaving.start()

    def _leave(self) -> None:
        try:
            self._server.stop()
            # With the connection goes what the broker has sent in advance: others get it at once.
            self._server.listener.cleanup()
        except Exception as error:
            LOG.warning("the bus was not left properly: %s", error)
        self._left.set()

    def wait(self) -> None:
        """Wait until what was taken has been dealt with; for the broker only for some seconds."""
        if self._stopped_at is None:
            return
        if not self._left.wait(max(0.0, self._stopped_at + _LEAVE_SECONDS - time.monotonic())):
            LOG.warning("the broker is away: leaving without taking leave")
        self._work.wait()


def _endpoint(interface: type[Interface], handler: object) -> object:
    """What oslo.messaging dispatches to: one method per method of the interface."""

    def serve_with(name: str) -> Callable[..., Any]:
        method, function = methods(interface)[name], getattr(handler, name)

        def serve(_self: object, ctxt: dict[str, Any], p: str) -> dict[str, Any] | None:
            answer = wire.answer(method, function, ctxt, p)
            return {"r": answer["r"].decode()} if answer and "r" in answer else answer

        return serve

    body: dict[str, Any] = {name: serve_with(name) for name in methods(interface)}
    body["target"] = oslo_messaging.Target(namespace=interface.__name__, version=interface.version)
    return type(f"{interface.__name__}Endpoint", (), body)()
