"""RabbitMQ: the transport of real daemons.

What may be repeated goes by ``rabbit_questions``, all else by oslo.messaging.

Nothing in here waits for longer than it was told to, whatever the broker does. oslo.messaging by itself does: for a
free connection, for a broker that was stopped in the middle of a handshake, for an answer that can't be sent. So
what may hang runs on a thread that nobody has to wait for.
"""

import concurrent.futures
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import amqp
import kombu.exceptions
import kombu.transport.pyamqp  # or kombu does when it connects: again in each worker
import oslo_messaging
from oslo_config import cfg
from oslo_messaging.rpc import dispatcher as rpc_dispatcher

from novalike.bus import rabbit_options, versions
from novalike.bus.interface import Interface, methods
from novalike.bus.rabbit_answers import Answerer
from novalike.bus.rabbit_questions import Asker, Nobody, Unanswered, are_possible, encode, queue
from novalike.bus.rabbit_server import RabbitServer
from novalike.bus.transport import NoAnswer, Offer, Server, Transport
from novalike.objects import errors
from novalike.objects.context import RequestContext

LOG = logging.getLogger(__name__)
T = TypeVar("T")

# Once more: a connection out of the pool may be one that the broker has closed meanwhile.
_RETRIES = 1
_UNREACHABLE = (oslo_messaging.MessagingException, kombu.exceptions.KombuError, amqp.AMQPError, OSError)
# Seconds that sending may take, for which the broker keeps a hint, and that an answer may be late.
_SEND_SECONDS = 8.0
_HINT_SECONDS = 30.0
_LATE_SECONDS = 1.0
# Seconds between two looks whether the broker is there, and whether somebody serves what is asked for.
_NOBODY_PAUSE = 0.25
_GOODBYE_SECONDS = 2.0
# Calls that may be under way in one process.
_CALLS_MAX = 2000

# A call comes back when no queue is there to take it: after a restart of the broker, until the servers are back.
# Without this the broker drops it, and we would wait for nothing.
_COMES_BACK = oslo_messaging.TransportOptions(at_least_once=True)


class ContextSerializer(oslo_messaging.NoOpSerializer):
    """Our messages are strings already; only the context needs turning into a dict and back."""

    def serialize_context(self, ctxt: RequestContext) -> dict[str, Any]:
        return ctxt.to_wire()

    def deserialize_context(self, ctxt: dict[str, Any]) -> dict[str, Any]:
        return ctxt


class RabbitTransport(Transport):
    """RabbitMQ at ``[DEFAULT] transport_url``.

    :raises SystemExit: the URL can't be used.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        rabbit_options.set_defaults(conf)
        try:
            self._transport = oslo_messaging.get_rpc_transport(conf)
        except (oslo_messaging.InvalidTransportURL, oslo_messaging.DriverLoadFailure) as error:
            raise SystemExit(f"[DEFAULT] transport_url: {error}") from error
        self.try_timeout = conf.rpc_try_timeout
        self.read_timeout = conf.rpc_read_timeout
        self._clients: dict[tuple[type[Interface], str | None], Any] = {}
        self._reached = False
        self._name = f"{conf.prog} {conf.host} {os.getpid()}"
        self._asker = Asker(conf, self._name) if are_possible(conf) else None
        self._senders = concurrent.futures.ThreadPoolExecutor(_CALLS_MAX, thread_name_prefix="call")

    def _rpc(self, interface: type[Interface], endpoint: str | None) -> Any:
        key = (interface, endpoint)
        if key not in self._clients:
            target = oslo_messaging.Target(topic=interface.topic, namespace=interface.__name__, server=endpoint)
            self._clients[key] = oslo_messaging.get_rpc_client(
                self._transport, target, serializer=ContextSerializer(), retry=_RETRIES
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
        if self._asker is not None and methods(interface)[method].repeatable:
            seconds = self.read_timeout if timeout is None else timeout
            question = encode(interface, method, ctx, payload)
            return _ask(self._asker, interface.topic, question, queue(interface.topic, endpoint), seconds)
        if not self._reached:
            # oslo.messaging makes its queue for answers at the first call, and waits for the broker for ever then.
            if not self.ping():
                raise _unreachable()
            self._reached = True
        client = self._rpc(interface, endpoint)
        version = versions.needed(methods(interface)[method], payload)
        seconds = self._conf.rpc_response_timeout if timeout is None else timeout
        deadline = time.monotonic() + seconds
        while True:
            left = max(deadline - time.monotonic(), 0.1)
            asking = client.prepare(version=version, timeout=left, transport_options=_COMES_BACK)
            try:
                return self._within(left + _LATE_SECONDS, asking.call, ctx, method, p=payload)
            except oslo_messaging.MessageUndeliverable as error:
                if time.monotonic() + _NOBODY_PAUSE > deadline:
                    raise errors.Unavailable(reason=f"nobody serves {interface.topic}") from error
                time.sleep(_NOBODY_PAUSE)
            except (oslo_messaging.MessagingTimeout, concurrent.futures.TimeoutError) as error:
                raise NoAnswer(reason=f"no answer from {interface.topic} in time") from error
            except (oslo_messaging.RemoteError, rpc_dispatcher.RPCDispatcherError) as error:
                raise _misunderstood(interface, method, version, error) from error
            except _UNREACHABLE as error:
                raise _unreachable() from error

    def cast(
        self, interface: type[Interface], endpoint: str | None, method: str, ctx: RequestContext, payload: str
    ) -> None:
        try:
            if self._asker is not None:
                hint = encode(interface, method, ctx, payload)
                self._asker.tell(hint, queue(interface.topic, endpoint), _SEND_SECONDS, _HINT_SECONDS)
                return
            version = versions.needed(methods(interface)[method], payload)
            telling = self._rpc(interface, endpoint).prepare(version=version)
            self._within(_SEND_SECONDS, telling.cast, ctx, method, p=payload)
        except (*_UNREACHABLE, concurrent.futures.TimeoutError) as error:
            raise _unreachable() from error

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
        offered = [method for interface, _ in offers for method in methods(interface).values()]
        servers: list[Server] = []
        if self._asker is not None and any(method.repeatable for method in offered):
            servers.append(Answerer(self._conf, self._name, offers, endpoint, pool_size))
        if self._asker is None or not all(method.repeatable for method in offered):
            servers.append(RabbitServer(self._transport, offers, endpoint, pool_size, ContextSerializer()))
        return servers[0] if len(servers) == 1 else _Servers(servers)

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
        if self._asker is not None:
            self._asker.close()
        closing = threading.Thread(target=self._transport.cleanup, name="goodbye", daemon=True)
        closing.start()
        closing.join(_GOODBYE_SECONDS)


class _Servers(Server):
    """Several that are one."""

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = servers

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def wait(self) -> None:
        for server in self._servers:
            server.wait()


def _ask(asker: Asker, topic: str, question: bytes, to: str, seconds: float) -> dict[str, Any]:
    """What :meth:`RabbitTransport.call` does for what may be asked again. It outlasts a short absence of the broker."""
    deadline = time.monotonic() + seconds
    while True:
        over = time.monotonic() + _NOBODY_PAUSE > deadline
        try:
            answer = asker.ask(question, to, max(deadline - time.monotonic(), 0.1))
            return {"r": answer.r} if answer.e is None else {"e": answer.e}
        except Unanswered as error:
            raise NoAnswer(reason=f"no answer from {topic} in time") from error
        except Nobody as error:
            if over:
                raise errors.Unavailable(reason=f"nobody serves {topic}") from error
        except _UNREACHABLE as error:
            if over:
                raise _unreachable() from error
        time.sleep(_NOBODY_PAUSE)


def _misunderstood(interface: type[Interface], method: str, version: str, error: Any) -> errors.NovalikeError:
    """What a server says before its handler was even called: it is of another release, in the middle of an upgrade."""
    kind = getattr(error, "exc_type", type(error).__name__)
    if kind in ("UnsupportedVersion", "NoSuchMethod"):
        name = interface.__name__
        return errors.Unavailable(reason=f"{name}.{method} needs version {version} of {name}; who was asked has less")
    return errors.Internal(f"{kind} in {interface.topic}")


def _unreachable() -> errors.Unavailable:
    return errors.Unavailable(reason="the message bus can't be reached")
