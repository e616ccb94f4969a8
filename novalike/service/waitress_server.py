"""The HTTP server under native threads: waitress, with a way to stop that cuts nothing off.

Its own shutdown gives running requests five seconds, and idle connections none.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import waitress
from oslo_config import cfg
from waitress import channel as waitress_channel
from waitress import task as waitress_task
from waitress import wasyncore

from novalike.service.listening import has_data

LOG = logging.getLogger(__name__)

CONNECTIONS_MAX = 10_000
# A body is in memory, or in a temporary file, before the application sees that it is too large; of more than so many
# times [api] max_request_body_size waitress refuses it unseen.
BODY_FACTOR = 16


class WaitressServer:
    """Serves an application on a thread of its own."""

    def __init__(
        self,
        listener: socket.socket,
        app: Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]],
        conf: cfg.ConfigOpts,
    ) -> None:
        listener.setblocking(False)
        self._drain_seconds = conf.wsgi.drain_seconds
        self._sockets: dict[int, Any] = {}
        self._server: Any = waitress.create_server(
            app,
            map=self._sockets,
            sockets=[listener],
            threads=conf.wsgi.native_threads,
            backlog=conf.wsgi.backlog,
            connection_limit=CONNECTIONS_MAX,
            channel_timeout=conf.wsgi.client_socket_timeout,
            max_request_header_size=4 * conf.wsgi.max_header_line,
            max_request_body_size=BODY_FACTOR * conf.api.max_request_body_size,
            asyncore_use_poll=True,
            # Whether they are believed is the application's decision, under any server.
            clear_untrusted_proxy_headers=False,
            ident=None,
        )
        self._stopping = threading.Event()
        self._server.channel_class = _channel_class(self._stopping)
        self._thread = threading.Thread(target=self._run, name="http", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        server = self._server
        while not self._stopping.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=self._sockets, count=1)
        wasyncore.dispatcher.close(server)
        patient_until = time.monotonic() + self._drain_seconds
        while channels := list(server.active_channels.values()):
            if time.monotonic() > patient_until:
                for channel in channels:
                    if _is_idle(channel):
                        channel.will_close = True
            wasyncore.loop(timeout=0.1, use_poll=True, map=self._sockets, count=1)
        server.task_dispatcher.shutdown()
        server.trigger.close()

    def stop(self) -> None:
        """Accept nothing more."""
        self._stopping.set()
        self._server.pull_trigger()

    def wait(self) -> None:
        """Wait until all connections have ended."""
        self._thread.join()


def _is_idle(channel: Any) -> bool:
    busy = channel.request is not None or channel.requests or channel.total_outbufs_len
    return not busy and not has_data(channel.socket)


def _channel_class(stopping: threading.Event) -> type[waitress_channel.HTTPChannel]:
    """Connections that end with the answer that is given after ``stopping`` is set."""

    class Task(waitress_task.WSGITask):  # type: ignore[misc]
        def build_response_header(self) -> bytes:
            if stopping.is_set():
                self.set_close_on_finish()
            header: bytes = super().build_response_header()
            return header

    class Channel(waitress_channel.HTTPChannel):  # type: ignore[misc]
        task_class = Task

    return Channel
