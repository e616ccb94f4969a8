"""The noVNC proxy: a small web server, whose WebSockets lead to screens of guests."""

import contextlib
import logging
import os
import socket
import ssl
import threading
from collections.abc import Collection

from oslo_config import cfg

from novalike.bus.consoles import ConsoleCommands, ConsoleGrant
from novalike.bus.transport import Transport
from novalike.console.handler import Handler
from novalike.objects.context import admin_context

LOG = logging.getLogger(__name__)

# Each connection has a thread.
CONNECTIONS_MAX = 1000
_TICK_SECONDS = 0.5
_HANDSHAKE_SECONDS = 10.0
_GOODBYE_SECONDS = 5.0


class NovncProxy:
    """The daemon object of the proxy's process.

    :param listener: an open, listening socket.
    :raises SystemExit: the page's files or the certificate aren't there; the message names the option.
    """

    def __init__(self, conf: cfg.ConfigOpts, transport: Transport, listener: socket.socket) -> None:
        self._conf = conf
        self._commands: ConsoleCommands = transport.client(ConsoleCommands)
        self._listener = listener
        self.web = os.path.abspath(conf.vnc.web)
        if not os.path.isdir(self.web):
            raise SystemExit(f"[vnc] web: there is no folder {self.web}; noVNC's files should be there")
        self._tls = self._load_tls()
        self._stopping = threading.Event()
        self._free = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._threads: set[threading.Thread] = set()
        self._accepting = threading.Thread(target=self._accept, name="accept", daemon=True)

    def _load_tls(self) -> ssl.SSLContext | None:
        if not self._conf.vnc.cert:
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        try:
            context.load_cert_chain(self._conf.vnc.cert, self._conf.vnc.key or None)
        except OSError as error:  # ssl.SSLError is one
            raise SystemExit(f"[vnc] cert, key: {error}") from error
        return context

    # -- what handlers need

    @property
    def allowed_origins(self) -> Collection[str]:
        """Host names besides our own whose pages may connect."""
        return self._conf.vnc.allowed_origins

    @property
    def believes_headers(self) -> bool:
        """Whether the X-Forwarded headers of a request are a proxy's before us."""
        return bool(self._conf.oslo_middleware.enable_proxy_headers_parsing)

    def admit(self, token: str) -> ConsoleGrant:
        """What a token opens.

        :raises ConsoleTokenInvalid: nothing.
        :raises Unavailable: nobody could tell.
        """
        return self._commands.admit(admin_context(), token=token)

    def is_stopping(self) -> bool:
        """Whether connections should be ended."""
        return self._stopping.is_set()

    # -- the daemon

    def start(self) -> None:
        """Accept connections."""
        self._accepting.start()

    def stop(self) -> None:
        """Accept no more connections, and end those that there are: a console has no end of its own."""
        self._stopping.set()

    def wait(self) -> None:
        """Wait until they have ended."""
        if self._accepting.ident is not None:
            self._accepting.join()
        self._listener.close()
        for thread in list(self._threads):
            thread.join(_GOODBYE_SECONDS)

    def reload(self) -> None:
        """Read the certificate again. What is wrong with it is logged, and the old one stays."""
        try:
            self._tls = self._load_tls()
        except SystemExit as error:
            LOG.error("the certificate was not taken up: %s", error)

    def health(self) -> dict[str, bool]:
        """Whether there is a page to show."""
        return {"pages": os.path.isdir(self.web)}

    def _accept(self) -> None:
        self._listener.settimeout(_TICK_SECONDS)
        while not self._stopping.is_set():
            try:
                connection, address = self._listener.accept()
            except TimeoutError:
                continue
            except OSError as error:  # such as: no more file descriptors
                LOG.warning("a connection could not be accepted: %s", error)
                self._stopping.wait(_TICK_SECONDS)
                continue
            if not self._free.acquire(blocking=False):
                LOG.warning("%s is sent away: there are %s connections", address[0], CONNECTIONS_MAX)
                connection.close()
                continue
            thread = threading.Thread(target=self._serve, args=(connection, address), name="console", daemon=True)
            self._threads.add(thread)
            thread.start()

    def _serve(self, connection: socket.socket, address: tuple[str, int]) -> None:
        try:
            with contextlib.closing(self._secure(connection)) as secured:
                secured.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                Handler(secured, address, self)
        except OSError as error:
            LOG.debug("%s: %s", address[0], error)
        except Exception:
            LOG.exception("a connection of %s failed", address[0])
        finally:
            self._threads.discard(threading.current_thread())
            self._free.release()

    def _secure(self, connection: socket.socket) -> socket.socket:
        """The connection, in TLS if there is a certificate.

        :raises OSError: the client doesn't speak TLS.
        """
        if self._tls is None:
            return connection
        connection.settimeout(_HANDSHAKE_SECONDS)
        try:
            return self._tls.wrap_socket(connection, server_side=True)
        except BaseException:
            connection.close()
            raise
