"""Bytes to and fro between a WebSocket and a TCP connection."""

import selectors
import socket
from collections.abc import Callable
from typing import Any

from websockify.websocket import WebSocketWantReadError, WebSocketWantWriteError

# Seconds after which we look whether to stop.
TICK_SECONDS = 1.0
# Seconds that either side may refuse to take anything before we give up on it.
STALL_SECONDS = 60.0
_PIECE = 65536
# Codes of RFC 6455, section 7.4.1.
NORMAL, GOING_AWAY, BROKEN = 1000, 1001, 1011


def run(client: Any, target: socket.socket, is_stopping: Callable[[], bool]) -> None:
    """Carry bytes until one side has ended, or we stop. The client is told why.

    :param client: a ``websockify.websocket.WebSocket`` that has been accepted.
    """
    client.settimeout(STALL_SECONDS)
    target.settimeout(STALL_SECONDS)
    code, reason = BROKEN, "The connection broke"
    try:
        code, reason = _carry(client, target, is_stopping)
    except OSError:
        pass  # gone without a word: as good a way to end as any
    finally:
        try:
            client.shutdown(socket.SHUT_RDWR, code, reason)
        except (OSError, WebSocketWantWriteError):
            pass


def _carry(client: Any, target: socket.socket, is_stopping: Callable[[], bool]) -> tuple[int, str]:
    with selectors.DefaultSelector() as selector:
        selector.register(client.fileno(), selectors.EVENT_READ, client)
        selector.register(target.fileno(), selectors.EVENT_READ, target)
        while not is_stopping():
            for key, _ in selector.select(TICK_SECONDS):
                if key.data is client:
                    if not _from_client(client, target):
                        return NORMAL, ""
                else:
                    data = target.recv(_PIECE)
                    if not data:
                        return NORMAL, "Target closed"
                    _send(client, data)
    return GOING_AWAY, "The proxy stops"


def _from_client(client: Any, target: socket.socket) -> bool:
    """Pass on what has come. False when the client has ended."""
    while True:
        try:
            message = client.recvmsg()
        except WebSocketWantReadError:
            return True
        except WebSocketWantWriteError:
            continue  # an answer to a ping that goes out with what is sent next
        if message is None:
            return False
        target.sendall(message)
        if not client.pending():
            return True


def _send(client: Any, data: bytes) -> None:
    """Send all of a message; each round waits until there is room, STALL_SECONDS at most."""
    while True:
        try:
            client.sendmsg(data)
            return
        except WebSocketWantWriteError:
            continue
