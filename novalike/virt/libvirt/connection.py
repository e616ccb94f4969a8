"""The connection to libvirt: calls run in real threads, a lost daemon is found again at the next call."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

import libvirt

from novalike.objects.errors import Unavailable
from novalike.virt.native_threads import NativeThreads

LOG = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
Opened = Callable[[libvirt.virConnect], None]

# Seconds between signs of life that libvirt's client asks the daemon for, and how many may be missed.
_KEEPALIVE = (5, 4)
_BROKEN_CODES = frozenset({
    libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_NO_CONNECT,
    libvirt.VIR_ERR_INVALID_CONN, libvirt.VIR_ERR_RPC,
})  # fmt: skip
_REMOTE_DOMAINS = frozenset({libvirt.VIR_FROM_REMOTE, libvirt.VIR_FROM_RPC})


class Connection:
    """A connection that is opened when it is needed.

    :param on_open: called in a real thread with each new connection, to ask for its events.
    """

    def __init__(self, uri: str, threads: NativeThreads, on_open: Opened) -> None:
        self.uri = uri
        self._threads = threads
        self._on_open = on_open
        self._lock = threading.Lock()
        self._current: libvirt.virConnect | None = None

    def call(
        self, function: Callable[Concatenate[libvirt.virConnect, P], R], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """``function(connection, …)`` in a real thread. It must do nothing but libvirt calls.

        :raises Unavailable: the daemon isn't there.
        :raises libvirt.libvirtError: what libvirt says.
        """
        connection = self._open()
        try:
            return self._threads.run(function, connection, *args, **kwargs)
        except libvirt.libvirtError as e:
            if not is_broken(e):
                raise
            LOG.warning("Lost the connection to libvirt: %s", e)
            self._drop(connection)
            raise Unavailable(reason=f"libvirt at {self.uri} went away: {e}") from e

    def close(self) -> None:
        """Let go."""
        with self._lock:
            connection, self._current = self._current, None
        if connection is not None:
            self._threads.run(_close, connection)

    def _open(self) -> libvirt.virConnect:
        with self._lock:
            if self._current is not None:
                if self._threads.run(_is_alive, self._current):
                    return self._current
                LOG.warning("The connection to libvirt was closed; opening a new one")
                self._current = None
            started = time.monotonic()
            try:
                self._current = self._threads.run(_connect, self.uri, self._on_open)
            except libvirt.libvirtError as e:
                raise Unavailable(reason=f"no libvirt at {self.uri}: {e}") from e
            LOG.info("Connected to libvirt at %s in %.2f s", self.uri, time.monotonic() - started)
            return self._current

    def _drop(self, connection: libvirt.virConnect) -> None:
        with self._lock:
            if self._current is connection:
                self._current = None


def is_broken(error: libvirt.libvirtError) -> bool:
    """Whether an error says that the connection is gone."""
    if error.get_error_code() == libvirt.VIR_ERR_INVALID_CONN:
        return True  # somebody else noticed first, and closed it
    return error.get_error_domain() in _REMOTE_DOMAINS and error.get_error_code() in _BROKEN_CODES


def _connect(uri: str, on_open: Opened) -> libvirt.virConnect:
    connection = libvirt.open(uri)
    try:
        connection.setKeepAlive(*_KEEPALIVE)
    except libvirt.libvirtError as e:
        if e.get_error_code() != libvirt.VIR_ERR_NO_SUPPORT:  # a hypervisor without a daemon has no need
            raise
    on_open(connection)
    return connection


def _is_alive(connection: libvirt.virConnect) -> bool:
    try:
        return bool(connection.isAlive())
    except libvirt.libvirtError:
        return False


def _close(connection: libvirt.virConnect) -> None:
    try:
        connection.close()
    except libvirt.libvirtError:
        pass
