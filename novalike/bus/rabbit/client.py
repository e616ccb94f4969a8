"""Asking: questions, and hints that nobody answers, over one connection for all of a process.

Nobody waits for the broker's word that it has them: who misses an answer asks again (``novalike.bus.transport``), or,
when that must not be, says that nobody knows.
"""

import itertools
import logging
import threading
import time

import amqp

from novalike.bus.rabbit.brokers import LOST, TROUBLE, Brokers
from novalike.bus.rabbit.connection import Connection
from novalike.bus.rabbit.questions import Answer, decode_answer

LOG = logging.getLogger(__name__)

# RabbitMQ's name for whoever has this connection.
_MYSELF = "amq.rabbitmq.reply-to"
# A queue that there isn't: what is sent to it comes back.
_NOBODYS = "questions.nobody's"
# Seconds in which nobody tries to connect again after it has failed.
_PAUSE = 0.2


class Unanswered(Exception):
    """The connection was lost meanwhile, or time is up: whether anybody has taken the question is not known."""


class Nobody(Exception):
    """There is no queue for such questions: nobody has answered any of them for long."""


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


class Asker:
    """Asks, over one connection for all of a process."""

    def __init__(self, brokers: Brokers, name: str) -> None:
        self._brokers, self._name = brokers, name
        self._connection: _Asking | None = None
        self._connecting = threading.Lock()
        self._failed_at = 0.0
        self._closed = False

    def ask(self, question: bytes, to: str, seconds: float) -> Answer:
        """The answer to a question.

        :param question: see :func:`novalike.bus.rabbit.questions.encode`.
        :param to: see :func:`novalike.bus.rabbit.questions.queue`.
        :raises Nobody: there is nobody to ask.
        :raises Unanswered: there is none; whether anybody has taken the question is not known.
        :raises TROUBLE: no broker can be reached; nobody was asked.
        """
        deadline = time.monotonic() + seconds
        connection = self._connected(deadline)
        return connection.ask(question, to, max(deadline - time.monotonic(), 0.1))

    def tell(self, hint: bytes, to: str, seconds: float, kept: float) -> None:
        """Send something that nobody answers, and that may get lost.

        :param hint: see :func:`novalike.bus.rabbit.questions.encode`.
        :param to: see :func:`novalike.bus.rabbit.questions.queue`. Without such a queue the broker drops it.
        :param seconds: for which a connection is waited for.
        :param kept: seconds for which the broker keeps the hint.
        :raises TROUBLE: no broker can be reached.
        """
        self._connected(time.monotonic() + seconds).tell(hint, to, kept)

    def ping(self, seconds: float) -> bool:
        """Whether the broker answers."""
        try:
            self.ask(b"", _NOBODYS, seconds)
        except Nobody:
            return True
        except (*TROUBLE, Unanswered) as error:
            LOG.debug("the message bus can't be reached: %s", error)
        return False

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
                    self._connection = _Asking(self._brokers, self._name)
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

    def __init__(self, brokers: Brokers, name: str) -> None:
        self.is_up = True
        self._numbers = itertools.count(1)
        self._pending: dict[str, _Pending] = {}
        self._connection = Connection(brokers, f"{name} asks", self._lost)
        try:
            self._connection.channel.basic_consume(_MYSELF, no_ack=True, callback=self._answered)
        except LOST as error:
            self._connection.close()
            raise ConnectionError(f"the connection to the broker was lost: {error}") from error
        self._connection.channel.events["basic_return"].add(self._came_back)
        self._connection.start()

    def ask(self, question: bytes, to: str, seconds: float) -> Answer:
        """See :meth:`Asker.ask`."""
        number = str(next(self._numbers))
        pending = self._pending[number] = _Pending()
        message = _message(question, seconds, reply_to=_MYSELF, correlation_id=number)
        try:
            if not self.is_up:
                raise ConnectionError("the connection to the broker was lost")
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
        return decode_answer(pending.answer)

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
