"""Daemons that speak HTTP: a socket bound before the workers are forked, an application made in each worker.

Under eventlet the server is eventlet's, under native threads it is waitress.
"""

import contextlib
import errno
import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, NoReturn, Protocol

from oslo_config import cfg

from novalike import concurrency
from novalike.bus.transport import Transport
from novalike.cmd import daemon

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


def listen(address: str, port: int, backlog: int, group: str, options: str = "listen, port") -> socket.socket:
    """A listening socket.

    :param group, options: what in the configuration the address comes from, for the message.
    :raises SystemExit: it can't be had.
    """
    family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    # What is accepted inherits it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        listener.bind(where)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        why = "the port is taken" if error.errno == errno.EADDRINUSE else error.strerror
        raise SystemExit(f"[{group}] {options}: can't listen on {address}:{port}: {why}") from error
    return listener


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
        kind = EventletServer if concurrency.is_green() else WaitressServer
        self._server = kind(self._listener, self._app, self._conf)

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
    """eventlet's server."""

    def __init__(self, listener: socket.socket, app: WSGI, conf: cfg.ConfigOpts) -> None:
        import eventlet
        from eventlet import wsgi

        wsgi.MAX_HEADER_LINE = conf.wsgi.max_header_line
        self._listener = listener
        self._thread = eventlet.spawn(
            wsgi.server,
            listener,
            app,
            log=LOG,
            log_output=False,
            debug=False,
            keepalive=True,
            max_size=conf.wsgi.default_pool_size,
            socket_timeout=conf.wsgi.client_socket_timeout,
            url_length_limit=conf.wsgi.max_header_line,
        )

    def stop(self) -> None:
        """Accept nothing more; idle connections are closed, busy ones after their answer."""
        self._thread.kill()
        self._listener.close()

    def wait(self) -> None:
        """Wait for the busy ones."""
        import greenlet

        with contextlib.suppress(greenlet.GreenletExit, OSError):
            self._thread.wait()


class WaitressServer:
    """waitress, with a drain: its own shutdown cuts off requests that take longer than five seconds."""

    def __init__(self, listener: socket.socket, app: WSGI, conf: cfg.ConfigOpts) -> None:
        import waitress

        listener.setblocking(False)
        self._server: Any = waitress.create_server(
            app,
            sockets=[listener],
            threads=conf.wsgi.native_threads,
            backlog=conf.wsgi.backlog,
            connection_limit=10_000,
            channel_timeout=conf.wsgi.client_socket_timeout,
            max_request_header_size=4 * conf.wsgi.max_header_line,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=False,
            ident=None,
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        from waitress import wasyncore

        server = self._server
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=server._map, count=1)
        wasyncore.dispatcher.close(server)
        while channels := list(server.active_channels.values()):
            for channel in channels:
                if channel.request is None and not channel.requests and not channel.total_outbufs_len:
                    channel.will_close = True
            wasyncore.loop(timeout=0.1, use_poll=True, map=server._map, count=1)
        server.task_dispatcher.shutdown()
        server.trigger.close()

    def stop(self) -> None:
        """Accept nothing more; idle connections are closed, busy ones after their answer."""
        self._stopping.set()
        self._server.pull_trigger()

    def wait(self) -> None:
        """Wait for the busy ones."""
        self._thread.join()


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
