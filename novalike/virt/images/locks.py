"""Locks on images: between threads, processes, and hosts that share the folder.

A lock is a file, which may be removed by who holds the lock. So whoever gets one looks whether it still is the lock:
others may have a new file of the same name.
"""

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from oslo_concurrency import lockutils

from novalike.virt import cancellation

# By a thread of this process or by another process.
Busy = lockutils.AcquireLockFailedException
# Seconds between two looks whether a lock is free.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.01, 0.2


class ImageLocks:
    """The locks in ``folder``, by name.

    Nothing else may open the files: a process that closes one of them loses its lock on it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def prepare(self) -> None:
        """Make the folder.

        :raises OSError: it can't be written.
        """
        self._folder.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def held(self, name: str, *, blocking: bool = True) -> Iterator[None]:
        """Hold a lock.

        :param blocking: wait until it is free, or until what this thread works for is broken off.
        :raises Busy: it is not free, and was not to be waited for.
        :raises Cancelled: what this thread works for is to stop.
        :raises OSError: its file can't be written.
        """
        with contextlib.ExitStack() as stack:
            pause = _FIRST_PAUSE
            while True:
                try:
                    stack.enter_context(self._held_now(name))
                    break
                except Busy:
                    if not blocking:
                        raise
                cancellation.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            yield

    @contextlib.contextmanager
    def _held_now(self, name: str) -> Iterator[None]:
        with lockutils.internal_lock(name, blocking=False):
            release = self._acquire(name)
            try:
                yield
            finally:
                release()

    def _acquire(self, name: str) -> Callable[[], None]:
        """Get a lock from other processes. Gives what lets go of it.

        :raises Busy: another one has it.
        """
        while True:
            lock = lockutils.external_lock(name, lock_path=str(self._folder))
            try:
                if not lock.acquire(blocking=False):
                    lock.lockfile.close()  # now: later another thread may have the lock
                    raise Busy(name)
            except threading.ThreadError as e:
                if not isinstance(e.__context__, OSError):
                    raise
                if e.__context__.errno != errno.ESTALE:
                    raise e.__context__ from None
                continue  # NFS: another host has removed the file
            if _is_linked(lock.lockfile.fileno(), self._folder / name):
                return lock.release
            lock.release()

    def remove(self, name: str) -> None:
        """Remove a lock's file. Only for who holds the lock, as the last thing: from now on others may hold it."""
        (self._folder / name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """What there are files of."""
        with os.scandir(self._folder) as entries:
            return [entry.name for entry in entries if entry.is_file(follow_symlinks=False)]


def _is_linked(descriptor: int, path: Path) -> bool:
    """Whether an open file can be reached by its path.

    On NFS a removal by another host shows in the count of links, one by this host in the name.
    """
    opened = os.fstat(descriptor)
    try:
        return opened.st_nlink > 0 and os.path.samestat(opened, path.stat())
    except FileNotFoundError:
        return False
