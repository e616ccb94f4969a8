"""Sockets that daemons listen on: our own, or one that was opened for us and stays open when we end.

* systemd passes them from descriptor 3 on and says so in the environment (``LISTEN_PID``, ``LISTEN_FDS``).
* supervisord (``fcgi-program``) and inetd make it descriptor 0.

While we are restarted, connections to such a socket wait in the kernel's queue instead of being refused.
"""

import errno
import logging
import os
import socket

LOG = logging.getLogger(__name__)

_FIRST = 3  # SD_LISTEN_FDS_START


def listen(address: str, port: int, backlog: int, group: str, options: str = "listen, port") -> socket.socket:
    """A listening socket: the one that we were given, or one that is opened now.

    :param group, options: what in the configuration the address comes from, for the message.
    :raises SystemExit: it can't be had.
    """
    listener = take_inherited() or _open(address, port, f"[{group}] {options}")
    # What is accepted inherits it.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    listener.listen(backlog)
    return listener


def _open(address: str, port: int, options: str) -> socket.socket:
    family, _, _, _, where = socket.getaddrinfo(address, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(where)
        listener.listen(1)
    except OSError as error:
        listener.close()
        why = "the port is taken" if error.errno == errno.EADDRINUSE else error.strerror
        raise SystemExit(f"{options}: can't listen on {address}:{port}: {why}") from error
    return listener


def take_inherited() -> socket.socket | None:
    """The socket that we were started with, if any. It is given once.

    :raises SystemExit: there are several, or it is none for TCP.
    """
    fd = _from_systemd()
    if fd is None:
        fd = _from_stdin()
    if fd is None:
        return None
    listener = socket.socket(fileno=fd)
    if listener.family not in (socket.AF_INET, socket.AF_INET6) or listener.type != socket.SOCK_STREAM:
        raise SystemExit(f"the socket that was passed (descriptor {fd}) is none for TCP")
    LOG.info("listening on the socket that was passed: %s:%s", *listener.getsockname()[:2])
    return listener


def _from_systemd() -> int | None:
    told = {name: os.environ.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")}
    if told["LISTEN_PID"] != str(os.getpid()) or told["LISTEN_FDS"] in ("", "0"):
        return None
    if told["LISTEN_FDS"] != "1":
        raise SystemExit(f"{told['LISTEN_FDS']} sockets were passed: one ListenStream= is wanted in the .socket unit")
    os.set_inheritable(_FIRST, False)
    return _FIRST


def _from_stdin() -> int | None:
    try:
        with socket.socket(fileno=os.dup(0)) as found:
            if not found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                return None
            fd = os.dup(found.fileno())
    except OSError:  # it is closed, or no socket
        return None
    # Programs that we start must not find it in place of their input.
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    return fd


def has_data(connection: socket.socket) -> bool:
    """Whether something has come that nobody has read yet.

    :param connection: a real socket, not one of eventlet's.
    """
    try:
        return bool(connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
    except OSError:  # nothing, or broken
        return False
