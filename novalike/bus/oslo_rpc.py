"""The bus over oslo.messaging's own RPC.

It is for two things. Daemons of the release before send over RabbitMQ what must not be repeated through oslo.messaging
(and on native threads with TLS everything): ours serve that too. And whatever transport is named by ``[DEFAULT]
transport_url`` that isn't RabbitMQ, ``fake:///`` for one, is left to oslo.messaging.

It acknowledges a message when it gets it, so those that a process has taken are lost with it, and it takes all there
are. Nothing in here waits for longer than it was told to: oslo.messaging by itself does, for a free connection, for a
broker that was stopped in the middle of a handshake, for an answer that can't be sent. So what may hang runs on a
thread that nobody has to wait for.
"""

import concurrent.futures
import logging
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import kombu.exceptions
import oslo_messaging
from oslo_config import cfg

from novalike.bus import versions, wire
from novalike.bus.interface import Interface, methods
from novalike.bus.rabbit import options
from novalike.bus.rabbit.work import Work
from novalike.bus.transport import NoAnswer, Offer, Server, Transport
from novalike.objects import errors
from novalike.objects.context import RequestContext

LOG = logging.getLogger(__name__)
T = TypeVar("T")

_UNREACHABLE = (oslo_messaging.MessagingException, kombu.exceptions.KombuError, OSError)
# Seconds that sending may take, and that an answer may be late.
_SEND_SECONDS = 8.0
_LATE_SECONDS = 1.0
# Seconds that a broker may take to take leave, and to take the last answers. oslo.messaging can't be told to be quick:
# it looks every five seconds at last whether it should stop.
_LEAVE_SECONDS = 1.0
# Calls that may be under way in one process.
_CALLS_MAX = 2000


def unreachable() -> errors.Unavailable:
    """What is said of a broker that is away."""
    return errors.Unavailable(reason="the message bus can't be reached")


class ContextSerializer(oslo_messaging.NoOpSerializer):
    """Our messages are strings already; only the context needs turning into a dict and back."""

    def serialize_context(self, ctxt: RequestContext) -> dict[str, Any]:
        return ctxt.to_wire()

    def deserialize_context(self, ctxt: dict[str, Any]) -> dict[str, Any]:
        return ctxt


class OsloTransport(Transport):
    """oslo.messaging's transport at ``[DEFAULT] transport_url``.

    :raises SystemExit: the URL can't be used.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        options.set_defaults(conf)
        self._conf = conf
        try:
            self._transport = oslo_messaging.get_rpc_transport(conf)
        except (oslo_messaging.InvalidTransportURL, oslo_messaging.DriverLoadFailure) as error:
            raise SystemExit(f"[DEFAULT] transport_url: {error}") from error
        self.try_timeout = conf.rpc_try_timeout
        self.read_timeout = conf.rpc_read_timeout
        self._senders = concurrent.futures.ThreadPoolExecutor(_CALLS_MAX, thread_name_prefix="call")

    def _client(self, interface: type[Interface], endpoint: str | None, version: str) -> Any:
        target = oslo_messaging.Target(
            topic=interface.topic, namespace=interface.__name__, version=version, server=endpoint
        )
        return oslo_messaging.get_rpc_client(self._transport, target, serializer=ContextSerializer(), retry=1)

    def call(
        self,
        interface: type[Interface],
        endpoint: str | None,
        method: str,
        ctx: RequestContext,
        payload: str,
        timeout: float | None,
    ) -> dict[str, Any]:
        version = versions.needed(methods(interface)[method], payload)
        seconds = self._conf.rpc_response_timeout if timeout is None else timeout
        asking = self._client(interface, endpoint, version).prepare(timeout=seconds)
        try:
            return self._within(seconds + _LATE_SECONDS, asking.call, ctx, method, p=payload)
        except (oslo_messaging.MessagingTimeout, concurrent.futures.TimeoutError) as error:
            raise NoAnswer(reason=f"no answer from {interface.topic} in time") from error
        except (oslo_messaging.RemoteError, oslo_messaging.RPCDispatcherError) as error:
            raise _misunderstood(interface, method, version, error) from error
        except _UNREACHABLE as error:
            raise unreachable() from error

    def cast(
        self, interface: type[Interface], endpoint: str | None, method: str, ctx: RequestContext, payload: str
    ) -> None:
        version = versions.needed(methods(interface)[method], payload)
        try:
            self._within(_SEND_SECONDS, self._client(interface, endpoint, version).cast, ctx, method, p=payload)
        except (*_UNREACHABLE, concurrent.futures.TimeoutError) as error:
            raise unreachable() from error

    def _within(self, seconds: float, function: Callable[..., T], *args: Any, **keywords: Any) -> T:
        """What a function gives.

        :raises concurrent.futures.TimeoutError: nothing in time. The function is left to itself.
        """
        future = self._senders.submit(function, *args, **keywords)
        try:
            return future.result(seconds)
        except concurrent.futures.TimeoutError:
            future.cancel()
            raise

    def serve(self, offers: Sequence[Offer], endpoint: str, pool_size: int) -> Server:
        return OsloServer(self._transport, offers, endpoint, pool_size)

    def ping(self) -> bool:
        # A topic that nobody listens to: the broker takes the message and drops it.
        target = oslo_messaging.Target(topic="novalike-nobody")
        client = oslo_messaging.get_rpc_client(self._transport, target, retry=0)
        try:
            self._within(_SEND_SECONDS, client.cast, {}, "ping")
        except Exception as error:  # oslo.messaging lets kombu's and the socket's own through
            LOG.debug("the message bus can't be reached: %s", error)
            return False
        return True

    def close(self) -> None:
        # Closing says goodbye to the broker, and waits for it to say the same.
        closing = threading.Thread(target=self._transport.cleanup, name="goodbye", daemon=True)
        closing.start()
        closing.join(_LEAVE_SECONDS)


class OsloServer(Server):
    """A server that runs soon after it is made: nobody waits for its connection.

    :param transport: oslo.messaging's.
    :param offers: (interface, object with its methods), all of one topic.
    :param pool_size: messages worked on at a time.
    """

    def __init__(self, transport: Any, offers: Sequence[Offer], endpoint: str, pool_size: int) -> None:
        (topic,) = {interface.topic for interface, _ in offers}
        self._pool_size = pool_size
        self._work = Work(pool_size)
        self._server = oslo_messaging.get_rpc_server(
            transport,
            oslo_messaging.Target(topic=topic, server=endpoint),
            [self._endpoint(interface, handler) for interface, handler in offers],
            serializer=ContextSerializer(),
            access_policy=oslo_messaging.DefaultRPCAccessPolicy,
        )
        self._starting = threading.Thread(target=self._start, name=f"start-{topic}", daemon=True)
        self._leaving = threading.Thread(target=self._leave, name=f"leave-{topic}", daemon=True)
        self._stopped = False
        self._starting.start()

    def _start(self) -> None:
        try:
            self._server.start(override_pool_size=self._pool_size)
        except Exception as error:
            LOG.warning("oslo.messaging serves nothing: %s", error)

    def stop(self) -> None:
        """Take no more messages. Returns at once: oslo.messaging would wait for a broker that is away."""
        if not self._stopped:
            self._stopped = True
            self._leaving.start()

    def _leave(self) -> None:
        try:
            self._starting.join()
            self._server.stop()
            self._server.wait()
        except Exception as error:
            LOG.warning("the bus was not left properly: %s", error)

    def wait(self) -> None:
        """Wait until what was taken has been dealt with; for the broker no longer than it takes when it is there."""
        if self._stopped:
            self._work.wait()
            self._leaving.join(_LEAVE_SECONDS)

    def _endpoint(self, interface: type[Interface], handler: object) -> object:
        """What oslo.messaging dispatches to: one method per method of the interface."""

        def serve_with(name: str) -> Callable[..., Any]:
            method, function = methods(interface)[name], getattr(handler, name)

            def serve(_self: object, ctxt: dict[str, Any], p: str) -> dict[str, Any] | None:
                self._work.begin()
                try:
                    answer = wire.answer(method, function, ctxt, p)
                finally:
                    self._work.end()
                return {"r": answer["r"].decode()} if answer and "r" in answer else answer

            return serve

        body: dict[str, Any] = {name: serve_with(name) for name in methods(interface)}
        body["target"] = oslo_messaging.Target(namespace=interface.__name__, version=interface.version)
        return type(f"{interface.__name__}Endpoint", (), body)()


def _misunderstood(interface: type[Interface], method: str, version: str, error: Any) -> errors.NovalikeError:
    """What a server says before its handler was even called: it is of another release, in the middle of an upgrade."""
    kind = getattr(error, "exc_type", type(error).__name__)
    if kind in ("UnsupportedVersion", "NoSuchMethod"):
        name = interface.__name__
        return errors.Unavailable(reason=f"{name}.{method} needs version {version} of {name}; who was asked has less")
    return errors.Internal(f"{kind} in {interface.topic}")
