"""Real threads of the operating system, also in a process that eventlet has patched.

C libraries (libvirt) and system calls that block (fsync) stop every green thread of a process: they are called
through :meth:`NativeThreads.run`. This is the one module besides ``novalike.concurrency`` that knows eventlet.

What is run must not log, sleep or take locks of the standard library: in a patched process those belong to
green threads.
"""

import collections
import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from novalike import concurrency

LOG = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")


class NativeThreads:
    """Calls functions in real threads.

    :param size: threads at most, in a patched process (elsewhere the caller's own thread is a real one).
    """

    def __init__(self, size: int) -> None:
        self._green = concurrency.is_green()
        if self._green:
            from eventlet import tpool

            with contextlib.suppress(RuntimeError):  # the pool, one per process, runs already
                tpool.set_num_threads(size)

    def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call ``function`` and wait for it, without stopping other (green) threads."""
        if not self._green:
            return function(*args, **kwargs)
        from eventlet import tpool

        result: R = tpool.execute(function, *args, **kwargs)
        return result


def spawn(function: Callable[[], Any], name: str) -> None:
    """Start a real thread that ends with the process."""
    if concurrency.is_green():
        from eventlet import patcher

        thread = patcher.original("threading").Thread(target=function, name=name, daemon=True)
    else:
        thread = threading.Thread(target=function, name=name, daemon=True)
    thread.start()


class Mailbox:
    """Hands things from real threads over to a thread of the process's own kind, green or not.

    A deque holds them (its two ends need no lock), a socket pair wakes the reader: its reading end is what the
    standard library gives, so green where that is patched; the writing end is used as a bare descriptor.

    :param deliver: called with each thing, in the reader's thread.
    """

    def __init__(self, deliver: Callable[[Any], None], name: str) -> None:
        self._deliver = deliver
        self._items: collections.deque[Any] = collections.deque()
        self._reading, self._writing = socket.socketpair()
        self._writing.setblocking(False)
        self._wake = self._writing.fileno()
        threading.Thread(target=self._read, name=name, daemon=True).start()

    def put(self, item: Any) -> None:
        """Hand something over; from any thread, never blocks."""
        self._items.append(item)
        with contextlib.suppress(BlockingIOError, OSError):  # full: the reader is awake anyway
            os.write(self._wake, b"x")

    def close(self) -> None:
        """End the reader."""
        with contextlib.suppress(OSError):
            self._writing.shutdown(socket.SHUT_RDWR)

    def _read(self) -> None:
        while self._reading.recv(4096):
            while self._items:
                item = self._items.popleft()
                try:
                    self._deliver(item)
                except Exception:
                    LOG.exception("Handling %r failed", item)
