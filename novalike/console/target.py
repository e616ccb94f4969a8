"""Connections to consoles of guests."""

import socket

from novalike.bus.consoles import ConsoleGrant

CONNECT_SECONDS = 10.0
_LONGEST_ANSWER = 8192


def connect(grant: ConsoleGrant) -> socket.socket:
    """A connection to a guest's console.

    :raises OSError: there is nobody, or it doesn't give us that console.
    """
    target = socket.create_connection((grant.host, grant.port), timeout=CONNECT_SECONDS)
    try:
        target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        target.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if grant.internal_access_path:
            _ask_for(target, grant.internal_access_path)
    except BaseException:
        target.close()
        raise
    return target


def _ask_for(target: socket.socket, path: str) -> None:
    """Tell a listener that several guests share which of them is meant."""
    target.sendall(f"CONNECT {path} HTTP/1.1\r\n\r\n".encode())
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        # By the byte: what follows the answer is the console's.
        byte = target.recv(1)
        if not byte or len(answer) >= _LONGEST_ANSWER:
            raise ConnectionError("the console's host closed the connection")
        answer += byte
    words = answer.split(b"\r\n", 1)[0].split()
    if len(words) < 2 or words[1] != b"200":
        raise ConnectionRefusedError("the console's host does not give us this console")
