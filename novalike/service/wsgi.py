"""Daemons that speak HTTP: a socket bound before the workers are forked, an application made in each worker.

Under eventlet the server is eventlet's, under native threads it is waitress. Both stop in the same way: nothing new
is accepted, every answer from now on says ``Connection: close``, and connections that are idle are kept for some
moments more, since a request may be on its way to us. A client that finds a connection closed in its face repeats a
GET by itself, but not a POST.
"""

import logging
import re
import socket
import time
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, Protocol

from oslo_config import cfg

from novalike import concurrency
from novalike.bus.transport import Transport
from novalike.service import daemon
from novalike.service.listening import has_data, listen

LOG = logging.getLogger(__name__)
REQUESTS = logging.getLogger("novalike.requests")

# What must not be logged although it is in a path: console tokens.
_SECRET = re.compile(r"(?<=/os-console-auth-tokens/)[^/?]+")

WSGI = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
MakeApp = Callable[[cfg.ConfigOpts, Transport], WSGI]


def run(prog: str, make_app: MakeApp, group: str) -> NoReturn:
    """Run a daemon that serves one application.

    :param group: the configuration group with ``listen``, ``port`` and ``workers``.
    """
    listening: list[socket.socket] = []

    def bind(conf: cfg.ConfigOpts) -> Callable[[], None]:
        listening.append(listen(conf[group].listen, conf[group].port, conf.wsgi.backlog, group))
        return listening[0].close

    daemon.run(
        prog,
        lambda conf, transport: WsgiDaemon(conf, lambda: make_app(conf, transport), listening[0]),
        workers=lambda conf: conf[group].workers,
        before_fork=bind,
    )


class Server(Protocol):
    """What answers requests."""

    def stop(self) -> None: ...
    def wait(self) -> None: ...


class WsgiDaemon:
    """The daemon object of one process that serves HTTP.

    :param make_app: called once, when the process starts.
    :param listener: an open, listening socket; each process closes its own copy.
    """

    def __init__(self, conf: cfg.ConfigOpts, make_app: Callable[[], WSGI], listener: socket.socket) -> None:
        self._conf = conf
        self._listener = listener
        self._app = RequestLog(make_app())
        self._server: Server | None = None

    def start(self) -> None:
        """Accept connections."""
        if concurrency.is_green():
            self._server = EventletServer(self._listener, self._app, self._conf)
        else:
            from novalike.service.waitress_server import WaitressServer

            self._server = WaitressServer(self._listener, self._app, self._conf)

    def stop(self) -> None:
        """Accept no more connections."""
        if self._server is not None:
            self._server.stop()

    def wait(self) -> None:
        """Finish the requests that were begun."""
        if self._server is not None:
            self._server.wait()

    def reload(self) -> None:
        """Options are read where they are used: nothing else to do."""

    def health(self) -> dict[str, bool]:
        """Nothing is needed but the bus."""
        return {}


class EventletServer:
    """eventlet's way with HTTP, and our own with connections."""

    def __init__(self, listener: socket.socket, app: WSGI, conf: cfg.ConfigOpts) -> None:
        import eventlet
        from eventlet import semaphore, wsgi

        wsgi.MAX_HEADER_LINE = conf.wsgi.max_header_line
        self._listener = listener
        self._timeout = conf.wsgi.client_socket_timeout
        self._drain_seconds = conf.wsgi.drain_seconds
        self._http = wsgi.Server(
            listener,
            listener.getsockname(),
            app,
            log=LOG,
            log_output=False,
            debug=False,
            keepalive=True,
            url_length_limit=conf.wsgi.max_header_line,
            socket_timeout=self._timeout,
        )
        self._idle = wsgi.STATE_IDLE
        self._room = semaphore.Semaphore(conf.wsgi.default_pool_size)
        self._spawn = eventlet.spawn_n
        # As eventlet knows a connection: address, socket, state.
        self._connections: list[list[Any]] = []
        self._thread = eventlet.spawn(self._accept)

    def _accept(self) -> None:
        while True:
            self._room.acquire()
            try:
                connection, address = self._listener.accept()
            except OSError as error:  # such as: no more file descriptors
                self._room.release()
                LOG.warning("a connection could not be accepted: %s", error)
                time.sleep(0.1)
                continue
            connection.settimeout(self._timeout)
            known = [address, connection, self._idle]
            self._connections.append(known)
            self._spawn(self._serve, known)

    def _serve(self, known: list[Any]) -> None:
        try:
            self._http.process_request(known)
        except Exception as error:
            LOG.debug("%s: %s", known[0], error)
        finally:
            self._connections.remove(known)
            _hang_up(known[1])
            known[1].close()
            self._room.release()

    def stop(self) -> None:
        """Accept nothing more."""
        self._http.keepalive = False
        self._thread.kill()
        self._listener.close()

    def wait(self) -> None:
        """Wait until all connections have ended."""
        patient_until = time.monotonic() + self._drain_seconds
        while self._connections:
            if time.monotonic() > patient_until:
                for _, connection, state in list(self._connections):
                    if state == self._idle and not has_data(connection.fd):
                        _hang_up(connection)
            time.sleep(0.05)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the client was faster


class RequestLog:
    """One line per request, with its id, at INFO."""

    def __init__(self, app: WSGI) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if not REQUESTS.isEnabledFor(logging.INFO):
            return self._app(environ, start_response)
        began = time.monotonic()

        def start(status: str, headers: list[tuple[str, str]], *exc_info: Any) -> Any:
            told = {name.lower(): value for name, value in headers}
            query = environ.get("QUERY_STRING")
            REQUESTS.info(
                '%s "%s %s%s" %s %s bytes %.3f s [%s]',
                environ.get("REMOTE_ADDR", "-"),
                environ.get("REQUEST_METHOD"),
                _SECRET.sub("***", environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")),
                f"?{query}" if query else "",
                status.split(" ", 1)[0],
                told.get("content-length", "-"),
                time.monotonic() - began,
                told.get("x-openstack-request-id", "-"),
            )
            return start_response(status, headers, *exc_info)

        return self._app(environ, start)
