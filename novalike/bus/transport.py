"""Transports: how a message gets from one daemon to another.

:class:`RabbitTransport` is the real one. Tests bring their own, which drops, doubles and delays messages; it
has the same four methods.
"""

import abc
import logging
from collections.abc import Callable, Sequence
from typing import Any

import kombu.exceptions
import oslo_messaging
from oslo_config import cfg

from novalike.bus import wire
from novalike.bus.interface import Interface, methods
from novalike.objects import errors
from novalike.objects.context import RequestContext

LOG = logging.getLogger(__name__)

# Tries to reach a broker that is gone: some seconds. Whoever can wait longer tries again himself.
_RETRIES = 2
_UNREACHABLE = (oslo_messaging.MessageDeliveryFailure, kombu.exceptions.OperationalError, OSError)

Offer = tuple[type[Interface], object]


class Server(abc.ABC):
    """A running server of one interface."""

    @abc.abstractmethod
    def stop(self) -> None:
        """Take no more messages."""

    @abc.abstractmethod
    def wait(self) -> None:
        """Wait until the messages that were taken have been dealt with."""


class Transport(abc.ABC):
    """A way to send messages."""

    @abc.abstractmethod
    def call(
        self,
        interface: type[Interface],
        endpoint: str | None,
        method: str,
        ctx: RequestContext,
        payload: str,
        timeout: float | None,
    ) -> dict[str, Any]:
        """Ask one server of the interface (the one at ``endpoint``, if given) and wait for its answer.

        :raises Unavailable: no answer in time.
        """

    @abc.abstractmethod
    def cast(
        self, interface: type[Interface], endpoint: str | None, method: str, ctx: RequestContext, payload: str
    ) -> None:
        """Send, and don't wait."""

    @abc.abstractmethod
    def serve(self, offers: Sequence[Offer], endpoint: str, pool_size: int) -> Server:
        """Start to serve interfaces that share a topic.

        :param offers: (interface, object with its methods).
        :param pool_size: messages dealt with at a time.
        """

    @abc.abstractmethod
    def close(self) -> None:
        """Close all connections."""

    def ping(self) -> bool:
        """Whether a message can be sent now."""
        return True

    def client(self, interface: type[Interface], endpoint: str | None = None) -> Any:
        """An object with the interface's methods, each of which sends a message.

        Typed as Any: give the variable that holds it the interface as its type.
        """
        return _client_class(interface)(self, endpoint)


class _Client:
    def __init__(self, transport: Transport, endpoint: str | None) -> None:
        self._transport = transport
        self._endpoint = endpoint


_client_classes: dict[type[Interface], type[_Client]] = {}


def _client_class(interface: type[Interface]) -> type[_Client]:
    if interface not in _client_classes:
        body: dict[str, Any] = {m.name: _sender(interface, m.name) for m in methods(interface).values()}
        _client_classes[interface] = type(f"{interface.__name__}Client", (_Client,), body)
    return _client_classes[interface]


def _sender(interface: type[Interface], name: str) -> Callable[..., Any]:
    method = methods(interface)[name]

    def send(self: _Client, ctx: RequestContext, **arguments: Any) -> Any:
        payload = wire.ask(method, arguments)
        if method.is_cast:
            self._transport.cast(interface, self._endpoint, name, ctx, payload)
            return None
        reply = self._transport.call(interface, self._endpoint, name, ctx, payload, method.timeout)
        return wire.read(method, reply)

    send.__name__ = name
    send.__doc__ = getattr(interface, name).__doc__
    return send


class _ContextSerializer(oslo_messaging.NoOpSerializer):
    """Our messages are strings already; only the context needs turning into a dict and back."""

    def serialize_context(self, ctxt: RequestContext) -> dict[str, Any]:
        return ctxt.to_wire()

    def deserialize_context(self, ctxt: dict[str, Any]) -> dict[str, Any]:
        return ctxt


class _RabbitServer(Server):
    def __init__(self, server: Any) -> None:
        self._server = server

    def stop(self) -> None:
        self._server.stop()

    def wait(self) -> None:
        self._server.wait()


class RabbitTransport(Transport):
    """oslo.messaging over ``[DEFAULT] transport_url``.

    :raises SystemExit: the URL can't be used.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        try:
            self._transport = oslo_messaging.get_rpc_transport(conf)
        except (oslo_messaging.InvalidTransportURL, oslo_messaging.DriverLoadFailure) as error:
            raise SystemExit(f"[DEFAULT] transport_url: {error}") from error
        self._clients: dict[tuple[type[Interface], str | None], Any] = {}
        self._reached = False

    def _rpc(self, interface: type[Interface], endpoint: str | None) -> Any:
        key = (interface, endpoint)
        if key not in self._clients:
            target = oslo_messaging.Target(
                topic=interface.topic, namespace=interface.__name__, version=interface.version, server=endpoint
            )
            self._clients[key] = oslo_messaging.get_rpc_client(
                self._transport, target, serializer=_ContextSerializer(), retry=_RETRIES
            )
        return self._clients[key]

    def call(
        self,
        interface: type[Interface],
        endpoint: str | None,
        method: str,
        ctx: RequestContext,
        payload: str,
        timeout: float | None,
    ) -> dict[str, Any]:
        if not self._reached:
            # oslo.messaging makes its queue for answers at the first call, and waits for the broker for ever then.
            if not self.ping():
                raise errors.Unavailable(reason="the message bus can't be reached")
            self._reached = True
        client = self._rpc(interface, endpoint)
        if timeout is not None:
            client = client.prepare(timeout=timeout)
        try:
            return client.call(ctx, method, p=payload)
        except oslo_messaging.MessagingTimeout as error:
            raise errors.Unavailable(reason=f"no answer from {interface.topic} in time") from error
        except _UNREACHABLE as error:
            raise errors.Unavailable(reason="the message bus can't be reached") from error

    def cast(
        self, interface: type[Interface], endpoint: str | None, method: str, ctx: RequestContext, payload: str
    ) -> None:
        try:
            self._rpc(interface, endpoint).cast(ctx, method, p=payload)
        except _UNREACHABLE as error:
            raise errors.Unavailable(reason="the message bus can't be reached") from error

    def serve(self, offers: Sequence[Offer], endpoint: str, pool_size: int) -> Server:
        (topic,) = {interface.topic for interface, _ in offers}
        server = oslo_messaging.get_rpc_server(
            self._transport,
            oslo_messaging.Target(topic=topic, server=endpoint),
            [_endpoint(interface, handler) for interface, handler in offers],
            serializer=_ContextSerializer(),
            access_policy=oslo_messaging.DefaultRPCAccessPolicy,
        )
        server.start(override_pool_size=pool_size)
        return _RabbitServer(server)

    def ping(self) -> bool:
        # A topic that nobody listens to: the broker takes the message and drops it.
        target = oslo_messaging.Target(topic="novalike-nobody")
        client = oslo_messaging.get_rpc_client(self._transport, target, retry=0)
        try:
            client.cast({}, "ping")
        except Exception as error:  # oslo.messaging lets kombu's and the socket's own through
            LOG.debug("the message bus can't be reached: %s", error)
            return False
        return True

    def close(self) -> None:
        self._transport.cleanup()


def _endpoint(interface: type[Interface], handler: object) -> object:
    """What oslo.messaging dispatches to: one method per method of the interface."""

    def serve_with(name: str) -> Callable[..., Any]:
        method, function = methods(interface)[name], getattr(handler, name)

        def serve(_self: object, ctxt: dict[str, Any], p: str) -> dict[str, Any] | None:
            return wire.answer(method, function, ctxt, p)

        return serve

    body: dict[str, Any] = {name: serve_with(name) for name in methods(interface)}
    body["target"] = oslo_messaging.Target(namespace=interface.__name__, version=interface.version)
    return type(f"{interface.__name__}Endpoint", (), body)()
