"""Connecting to RabbitMQ: any of the hosts in ``[DEFAULT] transport_url``, by the options of oslo.messaging."""

import random
import ssl
import threading
from typing import Any

import amqp
import kombu
import kombu.transport.pyamqp  # or kombu does when it connects: again in each worker
import oslo_messaging
from kombu.exceptions import KombuError
from oslo_config import cfg

from novalike.bus.rabbit.options import GROUP, driver_options, transport_url

# What goes wrong when the broker, or the way to it, does.
TROUBLE = (amqp.AMQPError, KombuError, OSError)
# An amqp connection that is lost meanwhile has no transport, no channels, … and one over TLS no session.
LOST = (*TROUBLE, AttributeError, ValueError)

# Seconds, for each step of connecting.
_CONNECT_SECONDS = 5.0

# ``ssl_version``, as oslo.messaging spells it → Python's name for the protocol. Not every Python has all of them.
_TLS_VERSIONS = {
    "tlsv1": "PROTOCOL_TLSv1",
    "tlsv1_1": "PROTOCOL_TLSv1_1",
    "tlsv1_2": "PROTOCOL_TLSv1_2",
    "sslv2": "PROTOCOL_SSLv2",
    "sslv3": "PROTOCOL_SSLv3",
    "sslv23": "PROTOCOL_TLS",
}


class Brokers:
    """The hosts of one broker: who is asked first is chance, who is asked next is ``kombu_failover_strategy``.

    :ivar are_several: there is more than one host.
    :ivar options: see :func:`novalike.bus.rabbit.options.driver_options`.
    :raises SystemExit: the URL or an option can't be used.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        url = transport_url(conf)
        self.options = driver_options(conf)
        self._virtual_host = url.virtual_host or "/"
        self._hosts = random.sample(url.hosts, len(url.hosts)) or [oslo_messaging.TransportHost("localhost")]
        self.are_several = len(self._hosts) > 1
        self._turns = kombu.Connection.failover_strategies[self.options.kombu_failover_strategy](self._hosts)
        self._choosing = threading.Lock()
        self._tls(None)

    def connect(self, name: str) -> Any:
        """A connection, py-amqp's, to the first of the hosts that takes it. Each is tried once.

        :param name: how the broker's tools call it.
        :raises TROUBLE: none can be reached.
        """
        trouble: Exception | None = None
        for _ in self._hosts:
            with self._choosing:
                host = next(self._turns)
            try:
                return self._connect(host, name)
            except LOST as error:
                trouble = error
        raise ConnectionError(f"no broker can be reached: {trouble}") from trouble

    def _connect(self, host: oslo_messaging.TransportHost, name: str) -> Any:
        hostname = host.hostname or "localhost"
        broker = kombu.Connection(
            f"[{hostname}]" if ":" in hostname else hostname,
            transport="pyamqp",
            port=host.port or 5672,
            userid=host.username,
            password=host.password,
            virtual_host=self._virtual_host,
            login_method=self.options.rabbit_login_method,
            ssl=self._tls(hostname),
            connect_timeout=_CONNECT_SECONDS,
            heartbeat=self.options.heartbeat_timeout_threshold,
            transport_options={"client_properties": {"connection_name": name}},
        )
        broker.ensure_connection(max_retries=0)
        connection = broker.connection
        # To look whether the broker has said so, every sender would have to read.
        connection.client_properties["capabilities"].pop("connection.blocked", None)
        return connection

    def _tls(self, hostname: str | None) -> dict[str, Any] | bool:
        """What oslo.messaging makes of these options.

        :raises SystemExit: a version that this Python doesn't have.
        """
        options = self.options
        if not options.ssl:
            return False
        files = {"keyfile": options.ssl_key_file, "certfile": options.ssl_cert_file, "ca_certs": options.ssl_ca_file}
        found: dict[str, Any] = {name: path for name, path in files.items() if path}
        if options.ssl_version:
            protocol = getattr(ssl, _TLS_VERSIONS.get(options.ssl_version.lower(), ""), None)
            if protocol is None:
                raise SystemExit(f"[{GROUP}] ssl_version: there is no {options.ssl_version} in this Python")
            found["ssl_version"] = protocol
        if options.ssl_ca_file:
            found |= {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": hostname}
        return found or True
