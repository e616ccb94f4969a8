"""A relay of connections: Neutron knows one compute service, and that is whoever is measured at the time."""

import contextlib
import socket
import socketserver
import threading

_CHUNK = 65536


class Relay:
    """Passes connections to a port of 127.0.0.1 on to its target.

    :ivar target: host and port; connections are closed as long as it is None.
    """

    def __init__(self, port: int = 0) -> None:
        self.target: tuple[str, int] | None = None
        relay = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                if relay.target is not None:
                    _join(self.request, relay.target)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads = True, True

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="relay", daemon=True)

    def start(self) -> None:
        """Listen."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more. Connections that there are go on."""
        self._server.shutdown()
        self._server.server_close()


def _join(client: socket.socket, target: tuple[str, int]) -> None:
    with contextlib.suppress(OSError), socket.create_connection(target, timeout=10) as server:
        server.settimeout(None)
        back = threading.Thread(target=_pump, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)
