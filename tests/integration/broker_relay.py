"""A way to the stack's broker that can be cut, or blocked."""

import contextlib
import socket
import ssl
import threading

_CHUNK = 65536


class BrokerRelay:
    """Passes connections to a port of 127.0.0.1 on.

    :ivar open: cleared: nothing passes any more, and nobody is told.
    """

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self.port = 0
        self.open = threading.Event()
        self.open.set()
        self._sockets: list[socket.socket] = []

    def start(self, tls: ssl.SSLContext | None = None) -> None:
        """Accept connections; at the same port as before."""
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near: socket.socket) -> None:
        with contextlib.suppress(OSError):  # whoever comes may be gone again, or not like our certificate
            if self._tls is not None:
                near = self._tls.wrap_socket(near, server_side=True)
            far = socket.create_connection(self._to)
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                self.open.wait()
                sink.sendall(data)
        for each in (source, sink):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def cut(self) -> None:
        """End all connections. New ones are accepted."""
        for each in self._sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._sockets.clear()

    def stop(self) -> None:
        """End all connections, and accept no more."""
        with contextlib.suppress(OSError):  # stopped already
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._listener.close()
        self.open.set()
        self.cut()
