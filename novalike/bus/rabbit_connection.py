"""A connection to RabbitMQ that one thread reads and anyone may write to.

oslo.messaging's connections are for one user at a time, who sends and then waits for the broker's word. Questions and
answers (``rabbit_questions``, ``rabbit_answers``) need neither: several are under way on one connection, and whoever
misses an answer asks again.
"""

import contextlib
import logging
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable
from typing import Any

import amqp
import oslo_messaging
from amqp import spec
from oslo_config import cfg
from oslo_messaging._drivers import impl_rabbit

from novalike.bus.rabbit_options import driver_options

LOG = logging.getLogger(__name__)

# What goes wrong when the broker, or the way to it, does.
TROUBLE = (amqp.AMQPError, OSError)
# An amqp connection that is lost meanwhile has no transport, no channels, …
_LOST = (*TROUBLE, AttributeError)

# Seconds: for each step of connecting; between two looks at a connection's health; for taking leave.
_CONNECT_SECONDS = 5.0
_LOOK_SECONDS = 10.0
_GOODBYE_SECONDS = 2.0


class _AMQP(amqp.Connection):
    # Without "connection.blocked": to look whether the broker has said so, every sender would have to read.
    negotiate_capabilities = {"consumer_cancel_notify": True, "authentication_failure_close": True}


class Connection:
    """One connection with one channel, to be set up and then started.

    :ivar channel: for declaring and consuming before the start; after it only the reader may wait for the broker.
    :param name: how the broker's tools call it.
    :param on_lost: called once when nothing will be read any more, whoever ended it, if it was started.
    :raises TROUBLE: no broker can be reached.
    """

    def __init__(self, conf: cfg.ConfigOpts, name: str, on_lost: Callable[[], None]) -> None:
        self._connection, self.channel = _connect(conf, name)
        self._socket = self._connection.transport.sock
        self._on_lost = on_lost
        self._closing = False
        self._sending = threading.Lock()
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
            except _LOST as error:
                # Half a frame may have been sent.
                self._hang_up()
                raise ConnectionError(f"the connection to the broker is lost: {error}") from error

    def close(self) -> None:
        """Take leave of the broker, but not for long. What it has sent and nobody is done with goes to others."""
        self._closing = True
        with contextlib.suppress(*TROUBLE):
            self._write(lambda: self._connection.send_method(spec.Connection.Close, "BsBB", (0, "", 0, 0)))
        if self._reader.is_alive():
            self._reader.join(_GOODBYE_SECONDS)
        self._hang_up()
        if not self._reader.is_alive():
            self._connection.collect()

    def _hang_up(self) -> None:
        """Make the reader end."""
        with contextlib.suppress(*_LOST):  # it may have ended
            self._socket.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        try:
            while self._connection.connected:
                try:
                    self._connection.drain_events()
                except TimeoutError:
                    pass
                if time.monotonic() - self._looked_at >= self._look_every:
                    self._look()
        except _LOST as error:
            if not self._closing:
                LOG.warning("a connection to the broker is lost: %s", error)
        finally:
            self._connection.collect()
            self._on_lost()

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


def _connect(conf: cfg.ConfigOpts, name: str) -> tuple[_AMQP, Any]:
    """A connection to any of the brokers in ``transport_url``, by oslo.messaging's options, and its channel.

    :raises TROUBLE: none can be reached.
    """
    url = oslo_messaging.TransportURL.parse(conf)
    options = driver_options(conf)
    hosts = url.hosts or [oslo_messaging.TransportHost("localhost", username="guest", password="guest")]  # noqa: S106
    for host in random.sample(hosts, len(hosts)):
        connection = _AMQP(
            f"{host.hostname or 'localhost'}:{host.port or 5672}",
            userid=host.username or "",
            password=host.password or "",
            login_method=options.rabbit_login_method,
            virtual_host=url.virtual_host or "/",
            ssl=_tls(options, host.hostname),
            connect_timeout=_CONNECT_SECONDS,
            heartbeat=options.heartbeat_timeout_threshold,
            client_properties={"connection_name": name},
        )
        try:
            connection.connect()
            return connection, connection.channel()
        except _LOST as error:
            connection.collect()
            trouble = error
    raise ConnectionError(f"no broker can be reached: {trouble}") from trouble


def _tls(options: Any, hostname: str) -> dict[str, Any] | bool:
    """What oslo.messaging makes of these options."""
    if not options.ssl:
        return False
    files = {"keyfile": options.ssl_key_file, "certfile": options.ssl_cert_file, "ca_certs": options.ssl_ca_file}
    found: dict[str, Any] = {name: path for name, path in files.items() if path}
    if options.ssl_version:
        found["ssl_version"] = impl_rabbit.Connection.validate_ssl_version(options.ssl_version)
    if options.ssl_ca_file:
        found |= {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": hostname}
    return found or True
