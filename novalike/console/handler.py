"""What the proxy does with a connection: serve a file of noVNC's page, or carry a console's bytes."""

import io
import logging
import os
import socket
from collections.abc import Collection
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler
from typing import Any, Protocol

from websockify.websocketserver import WebSocketRequestHandlerMixIn
from websockify.websockifyserver import CompatibleWebSocket

from novalike.bus.consoles import ConsoleGrant
from novalike.console import admission, relay, target
from novalike.objects import errors

LOG = logging.getLogger(__name__)

# Seconds after which a browser that was told 503 may ask again.
_RETRY_AFTER = "5"


class Proxy(Protocol):
    """What a handler needs to know.

    :ivar web: the folder with the page's files.
    """

    web: str

    @property
    def allowed_origins(self) -> Collection[str]: ...
    @property
    def believes_headers(self) -> bool: ...
    def admit(self, token: str) -> ConsoleGrant: ...
    def is_stopping(self) -> bool: ...


class Handler(WebSocketRequestHandlerMixIn, SimpleHTTPRequestHandler):
    """Handles one connection, in the thread that makes it."""

    SocketClass = CompatibleWebSocket
    protocol_version = "HTTP/1.1"
    server_version = "novalike-novncproxy"
    sys_version = ""
    # Seconds that a client may take for a request.
    timeout = 30

    def __init__(self, connection: socket.socket, address: Any, proxy: Proxy) -> None:
        self._proxy = proxy
        super().__init__(connection, address, proxy, directory=proxy.web)  # type: ignore[arg-type,call-arg]

    # -- files

    def list_directory(self, path: str | os.PathLike[str]) -> io.BytesIO | None:
        """Nobody needs to see what there is."""
        self.send_error(HTTPStatus.NOT_FOUND)
        return None

    def end_headers(self) -> None:
        """The page's URL has the token: don't let the browser tell others."""
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    # -- the console

    def handle_upgrade(self) -> None:
        """A WebSocket is asked for: find out what for before there is one."""
        self.close_connection = True
        origin = self.headers.get("Origin")
        try:
            token = admission.read_token(self.path, self.headers.get("Cookie"))
            admission.check_origin(origin, self.headers.get("Host"), self._proxy.allowed_origins)
            grant = self._proxy.admit(token)
            admission.check_scheme(origin, self._forwarded_proto(), grant.access_url_base)
        except (errors.Forbidden, errors.ConsoleTokenInvalid) as error:
            self._refuse(HTTPStatus.FORBIDDEN, error)
            return
        except errors.NovalikeError as error:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, error)
            return
        try:
            self._target = target.connect(grant)
        except OSError as error:
            LOG.warning("server %s: its console at %s:%s can't be reached: %s",
                        grant.instance_uuid, grant.host, grant.port, error)  # fmt: skip
            self._answer(HTTPStatus.BAD_GATEWAY)
            return
        with self._target:
            LOG.info("server %s: %s looks at its console", grant.instance_uuid, self.client_address[0])
            super().handle_upgrade()
            LOG.info("server %s: %s has left its console", grant.instance_uuid, self.client_address[0])

    def _forwarded_proto(self) -> str | None:
        """What a proxy before us says the page was fetched over, if that is to be believed."""
        return self.headers.get("X-Forwarded-Proto") if self._proxy.believes_headers else None

    def _refuse(self, status: HTTPStatus, error: errors.NovalikeError) -> None:
        LOG.info("%s is refused: %s", self.client_address[0], error)
        self._answer(status)

    def _answer(self, status: HTTPStatus) -> None:
        """Say no without a body: clients of WebSockets take what follows the headers for frames."""
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        if status is HTTPStatus.SERVICE_UNAVAILABLE:
            self.send_header("Retry-After", _RETRY_AFTER)
        self.end_headers()

    def handle_websocket(self) -> None:
        """Carry bytes until one side has ended."""
        relay.run(self.request, self._target, self._proxy.is_stopping)

    # -- the log: never a URL's query, which has the token

    def log_request(self, code: Any = "-", size: Any = "-") -> None:
        """At DEBUG: a page is thirty files."""
        status = code.value if isinstance(code, HTTPStatus) else code
        LOG.debug('%s "%s %s" %s', self.client_address[0], self.command, self.path.partition("?")[0], status)

    def log_error(self, format: str, *args: Any) -> None:
        """What Python's server says has pieces of the request in it."""

    def log_message(self, format: str, *args: Any) -> None:
        """See log_error."""
