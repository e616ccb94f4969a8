"""A connection to RabbitMQ that one thread reads and anyone may write to.

kombu's and oslo.messaging's are for one user at a time, who sends and then waits for the broker's word. Questions and
answers (``client``, ``server``) need neither: several are under way on one connection, and whoever misses an answer
knows it.
"""

import contextlib
import logging
import select
import socket
import ssl
import threading
import time
from collections.abc import Callable

import amqp
from amqp import spec

from novalike import concurrency
from novalike.bus.rabbit.brokers import LOST, Brokers

LOG = logging.getLogger(__name__)

# Seconds: between two looks at a connection's health; for taking leave; for the rest of what has begun to come (TLS).
_LOOK_SECONDS = 10.0
_GOODBYE_SECONDS = 2.0
_REST_SECONDS = 0.05


class Connection:
    """One connection with one channel, to be set up and then started.

    :ivar channel: for declaring and consuming before the start; after it only the reader may wait for the broker.
    :param name: how the broker's tools call it.
    :param on_lost: called once when nothing will be read any more, whoever ended it, if it was started.
    :raises TROUBLE: no broker can be reached.
    """

    def __init__(self, brokers: Brokers, name: str, on_lost: Callable[[], None]) -> None:
        self._connection = brokers.connect(name)
        try:
            self.channel = self._connection.channel()
            self._socket = self._connection.sock
        except LOST as error:
            self._collect()
            raise ConnectionError(f"no broker can be reached: {error}") from error
        # OpenSSL doesn't let one thread read while another one writes; on eventlet there is only one.
        self._by_turns = isinstance(self._socket, ssl.SSLSocket) and not concurrency.is_green()
        self._on_lost = on_lost
        self._closing = False
        self._sending = threading.RLock()
        heartbeat = self._connection.heartbeat
        self._look_every = min(heartbeat / 3, _LOOK_SECONDS) if heartbeat else _LOOK_SECONDS
        self._looked_at = self._heard_at = time.monotonic()
        self._sent = self._received = 0
        self._reader = threading.Thread(target=self._read, name=f"read {name}", daemon=True)

    def start(self) -> None:
        """Read from now on."""
        # What reading and sending may take. It is also how often the reader looks up.
        self._socket.settimeout(self._look_every)
        self._reader.start()

    def send(self, message: amqp.Message, queue: str, *, mandatory: bool = False) -> None:
        """Send to a queue.

        :param mandatory: it comes back (``channel.events["basic_return"]``) when there is no such queue.
        :raises TROUBLE: the connection is lost. It may have been sent all the same.
        """
        self._write(lambda: self.channel.basic_publish(message, routing_key=queue, mandatory=mandatory))

    def done_with(self, message: amqp.Message) -> None:
        """The broker need not keep a message that came from it."""
        self._write(lambda: self.channel.basic_ack(message.delivery_tag))

    def answer(self, answer: amqp.Message, queue: str, question: amqp.Message) -> None:
        """Send an answer, and be done with what it answers: in one packet, since each costs more than what is in it.

        :raises TROUBLE: the connection is lost. The answer may have been sent all the same.
        """
        self._write(lambda: self._answer(answer, queue, question))

    def _answer(self, answer: amqp.Message, queue: str, question: amqp.Message) -> None:
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
        self.channel.basic_publish(answer, routing_key=queue)
        self.channel.basic_ack(question.delivery_tag)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)

    def give_back(self, message: amqp.Message) -> None:
        """Have the broker give a message to somebody else."""
        self._write(lambda: self.channel.basic_reject(message.delivery_tag, requeue=True))

    def take_no_more(self, consumer: str) -> None:
        """Have the broker send nothing more to a consumer."""
        self._write(lambda: self.channel.basic_cancel(consumer, nowait=True))

    def _write(self, write: Callable[[], None]) -> None:
        with self._sending:
            try:
                write()
            except LOST as error:
                # Half a frame may have been sent.
                self._hang_up()
                raise ConnectionError(f"the connection to the broker is lost: {error}") from error

    def close(self) -> None:
        """Take leave of the broker, but not for long. What it has sent and nobody is done with goes to others."""
        self._closing = True
        with contextlib.suppress(*LOST):
            self._write(lambda: self._connection.send_method(spec.Connection.Close, "BsBB", (0, "", 0, 0)))
        if self._reader.is_alive():
            self._reader.join(_GOODBYE_SECONDS)
        self._hang_up()
        if not self._reader.is_alive():
            self._collect()

    def _collect(self) -> None:
        """Close the socket. Over TLS this would say goodbye, to somebody who may not be there."""
        with contextlib.suppress(*LOST):
            self._connection.collect()

    def _hang_up(self) -> None:
        """Make the reader end."""
        with contextlib.suppress(*LOST):  # it may have ended
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        try:
            while self._connection.connected:
                try:
                    self._read_next()
                except TimeoutError:
                    pass
                if time.monotonic() - self._looked_at >= self._look_every:
                    self._look()
        except LOST as error:
            if not self._closing:
                LOG.warning("a connection to the broker is lost: %s", error)
        finally:
            self._collect()
            self._on_lost()

    def _read_next(self) -> None:
        """Take what comes next, and have it dealt with.

        :raises TimeoutError: nothing came, or not all of it yet.
        """
        if not self._by_turns:
            self._connection.drain_events()
            return
        with self._sending:
            waiting = self._socket.pending()
        if not waiting:
            poll = select.poll()
            poll.register(self._socket, select.POLLIN)
            if not poll.poll(self._look_every * 1000):
                return
        with self._sending:
            self._connection.drain_events(timeout=_REST_SECONDS)

    def _look(self) -> None:
        """Give a sign of life, and look for the broker's.

        :raises ConnectionError: there was none for too long.
        """
        now = self._looked_at = time.monotonic()
        if not self._connection.heartbeat:
            return
        if self._connection.bytes_recv != self._received:
            self._received, self._heard_at = self._connection.bytes_recv, now
        elif now - self._heard_at > self._connection.heartbeat:
            raise ConnectionError(f"no sign of life for {now - self._heard_at:.0f} s")
        if self._connection.bytes_sent == self._sent:
            self._write(self._connection.send_heartbeat)
        self._sent = self._connection.bytes_sent
