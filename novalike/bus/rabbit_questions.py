"""Questions that may be asked again, their answers, and hints, over RabbitMQ without oslo.messaging.

A question is one message to a queue that those who answer share, and its answer is one to the asker's pseudo-queue
(RabbitMQ's "direct reply-to"). Nobody waits for the broker's word that it has them, and nothing is kept on disk: who
misses an answer asks again (``transport``). The envelope is one JSON document. What oslo.messaging does for each
message costs four times as much processor time as all of this (``docs/performance.md``).

A hint is a question that says nobody to answer to.

Whoever takes a question tells the broker when it is answered. Until then it is the broker's, so one that a dying
process had taken goes to another process at once.
"""

import itertools
import threading
import time
from typing import Any

import amqp
import msgspec
import oslo_messaging
from oslo_config import cfg

from novalike import concurrency
from novalike.bus import versions
from novalike.bus.interface import Interface, methods
from novalike.bus.rabbit_connection import TROUBLE, Connection
from novalike.bus.rabbit_options import driver_options
from novalike.objects.context import RequestContext

# RabbitMQ's name for whoever has this connection.
_MYSELF = "amq.rabbitmq.reply-to"
# Seconds in which nobody tries to connect again after it has failed.
_PAUSE = 0.2


class Question(msgspec.Struct):
    """What is asked.

    :param i, v, m: interface, the version of it that is needed (:mod:`novalike.bus.versions`), method.
    :param c: who asks.
    :param p: the arguments.
    """

    i: str
    v: str
    m: str
    c: dict[str, Any]
    p: msgspec.Raw


class Answer(msgspec.Struct):
    """What is answered: ``r``, the result, or ``e``, an error."""

    r: msgspec.Raw = msgspec.Raw()
    e: dict[str, Any] | None = None


class Unanswered(Exception):
    """The connection was lost meanwhile, or time is up: whether anybody has taken the question is not known."""


class Nobody(Exception):
    """There is no queue for such questions: nobody has answered any of them for long."""


def queue(topic: str, endpoint: str | None) -> str:
    """The queue of questions to anybody who serves a topic, or to one of them."""
    return f"questions.{topic}.{endpoint}" if endpoint else f"questions.{topic}"


def encode(interface: type[Interface], method: str, ctx: RequestContext, payload: str) -> bytes:
    """A question, as it is sent.

    :param payload: the arguments, encoded.
    """
    version = versions.needed(methods(interface)[method], payload)
    return _encode(Question(interface.__name__, version, method, ctx.to_wire(), msgspec.Raw(payload.encode())))


def are_possible(conf: cfg.ConfigOpts) -> bool:
    """Whether the broker is one that can be asked this way."""
    if oslo_messaging.TransportURL.parse(conf).transport != "rabbit":
        return False
    # OpenSSL doesn't let one thread write to a connection while another one reads it.
    return concurrency.is_green() or not driver_options(conf).ssl


class _Pending:
    """A question under way."""

    def __init__(self) -> None:
        self._done = threading.Lock()
        self._done.acquire()
        self.answer: bytes | None = None
        self.nobody = False

    def end(self) -> None:
        self._done.release()

    def wait(self, seconds: float) -> bool:
        return self._done.acquire(timeout=seconds)


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Answer).decode


class Asker:
    """Asks, over one connection for all of a process."""

    def __init__(self, conf: cfg.ConfigOpts, name: str) -> None:
        self._conf, self._name = conf, name
        self._connection: _Asking | None = None
        self._connecting = threading.Lock()
        self._failed_at = 0.0
        self._closed = False

    def ask(self, question: bytes, to: str, seconds: float) -> Answer:
        """The answer to a question.

        :param question: see :func:`encode`.
        :param to: see :func:`queue`.
        :raises Unanswered, Nobody: there is none.
        :raises TROUBLE: no broker can be reached; nobody was asked.
        """
        deadline = time.monotonic() + seconds
        connection = self._connected(deadline)
        return connection.ask(question, to, max(deadline - time.monotonic(), 0.1))

    def tell(self, hint: bytes, to: str, seconds: float, kept: float) -> None:
        """Send something that nobody answers, and that may get lost.

        :param hint: see :func:`encode`.
        :param to: see :func:`queue`. Without such a queue the broker drops it.
        :param seconds: for which a connection is waited for.
        :param kept: seconds for which the broker keeps the hint.
        :raises TROUBLE: no broker can be reached.
        """
        self._connected(time.monotonic() + seconds).tell(hint, to, kept)

    def _connected(self, deadline: float) -> "_Asking":
        connection = self._connection
        if connection is not None and connection.is_up:
            return connection
        if not self._connecting.acquire(timeout=max(deadline - time.monotonic(), 0.0)):
            raise ConnectionError("connecting to the broker takes too long")
        try:
            if self._connection is None or not self._connection.is_up:
                if self._closed or time.monotonic() < self._failed_at + _PAUSE:
                    raise ConnectionError("the broker could not be reached")
                try:
                    self._connection = _Asking(self._conf, self._name)
                except TROUBLE:
                    self._failed_at = time.monotonic()
                    raise
            return self._connection
        finally:
            self._connecting.release()

    def close(self) -> None:
        """Ask nothing more."""
        self._closed = True
        if self._connection is not None:
            self._connection.close()


def _message(body: bytes, seconds: float, **properties: str) -> amqp.Message:
    """:param seconds: for which the broker keeps it."""
    return amqp.Message(body, expiration=str(int(seconds * 1000)), content_encoding="binary", **properties)


class _Asking:
    """A connection for as long as it lasts."""

    def __init__(self, conf: cfg.ConfigOpts, name: str) -> None:
        self.is_up = True
        self._numbers = itertools.count(1)
        self._pending: dict[str, _Pending] = {}
        self._connection = Connection(conf, f"{name} asks", self._lost)
        try:
            self._connection.channel.basic_consume(_MYSELF, no_ack=True, callback=self._answered)
        except TROUBLE:
            self._connection.close()
            raise
        self._connection.channel.events["basic_return"].add(self._came_back)
        self._connection.start()

    def ask(self, question: bytes, to: str, seconds: float) -> Answer:
        """See :meth:`Asker.ask`."""
        number = str(next(self._numbers))
        pending = self._pending[number] = _Pending()
        message = _message(question, seconds, reply_to=_MYSELF, correlation_id=number)
        try:
            if not self.is_up:
                raise Unanswered("the connection to the broker was lost")
            try:
                self._connection.send(message, to, mandatory=True)
            except TROUBLE as error:
                raise Unanswered(str(error)) from error
            if not pending.wait(seconds):
                raise Unanswered("time is up")
        finally:
            self._pending.pop(number, None)
        if pending.nobody:
            raise Nobody(to)
        if pending.answer is None:
            raise Unanswered("the connection to the broker was lost")
        return _decode(pending.answer)

    def tell(self, hint: bytes, to: str, kept: float) -> None:
        """See :meth:`Asker.tell`."""
        self._connection.send(_message(hint, kept), to)

    def _answered(self, message: amqp.Message) -> None:
        pending = self._pending.pop(message.properties["correlation_id"], None)
        if pending is not None:  # else it is late
            pending.answer = message.body
            pending.end()

    def _came_back(self, _error: Exception, _exchange: str, _queue: str, message: amqp.Message) -> None:
        pending = self._pending.pop(message.properties["correlation_id"], None)
        if pending is not None:
            pending.nobody = True
            pending.end()

    def _lost(self) -> None:
        self.is_up = False
        for number in list(self._pending):
            pending = self._pending.pop(number, None)
            if pending is not None:
                pending.end()

    def close(self) -> None:
        """Take leave."""
        self._connection.close()
