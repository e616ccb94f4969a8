"""Removing from the image cache what nothing uses any more.

Every file is removed by who holds its image's lock, after another look at what is in use: whoever takes an image
writes down that he uses it while he holds the same lock. On a file system that hosts share, what others have
written down may be seen late; an image's time of last use, which is asked of the server, covers that.
"""

import contextlib
import logging
import os
import stat
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from novalike.virt.images import names
from novalike.virt.images.locks import Busy, ImageLocks
from novalike.virt.native_threads import NativeThreads

LOG = logging.getLogger(__name__)

MIB = 1024**2
# So many images at a time: each holds a lock, which is an open file.
_AT_A_TIME = 64

InUse = Callable[[], Collection[str]]


class Pruner:
    """Removes files of the cache in ``folder``."""

    def __init__(self, folder: Path, locks: ImageLocks, threads: NativeThreads) -> None:
        self._folder = folder
        self._locks = locks
        self._threads = threads

    def leftovers(self) -> tuple[str, ...]:
        """Remove what interrupted downloads left, and locks of images that aren't there.

        :returns: names of the removed files; locks are not named.
        :raises OSError: the folder can't be read.
        """
        removed = []
        for name in sorted(self._files()):
            if names.LEFTOVER.fullmatch(name):
                with self._held([_stem(name)]) as held:
                    if held and self._remove(name, "left by an interrupted download"):
                        removed.append(name)
        wanted = {_stem(name) for name in self._files()}
        for stem in self._locks.names():
            if names.LOCK.fullmatch(stem) and stem not in wanted:
                self._remove_locks([stem])
        return tuple(removed)

    def unused(self, in_use: InUse, min_age: float) -> tuple[str, ...]:
        """Remove the complete files that are not in use and were last used ``min_age`` seconds ago or earlier.

        :param in_use: gives the names of the files that are in use. It is called in a real thread; what it raises is
            raised, and then nothing more is removed.
        :returns: names of the removed files.
        :raises OSError: the folder can't be read.
        """
        used = self._threads.run(in_use)
        idle = set()
        for name, facts in self._files().items():
            if names.COMPLETE.fullmatch(name):
                if name in used:
                    with contextlib.suppress(OSError):
                        os.utime(self._folder / name, follow_symlinks=False)
                elif time.time() - facts.st_mtime >= min_age:
                    idle.add(_stem(name))
        stems = sorted(idle)
        removed: list[str] = []
        for start in range(0, len(stems), _AT_A_TIME):
            with self._held(stems[start : start + _AT_A_TIME]) as held:
                used = self._threads.run(in_use)
                candidates = (name for stem in held for name in names.complete(stem) if name not in used)
                removed += [
                    name for name in candidates if self._is_idle(name, min_age) and self._remove(name, "unused")
                ]
        self._remove_locks(sorted({_stem(name) for name in removed}))
        return tuple(removed)

    @contextlib.contextmanager
    def _held(self, stems: Collection[str]) -> Iterator[list[str]]:
        """Hold the locks of those images that nobody works on."""
        with contextlib.ExitStack() as locks:
            held = []
            for stem in stems:
                with contextlib.suppress(Busy):
                    locks.enter_context(self._locks.held(stem, blocking=False))
                    held.append(stem)
            yield held

    def _is_idle(self, name: str, min_age: float) -> bool:
        """Whether a file's last use is long ago. It is opened: NFS asks the server only then."""
        try:
            descriptor = os.open(self._folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            facts = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        return stat.S_ISREG(facts.st_mode) and time.time() - facts.st_mtime >= min_age

    def _remove(self, name: str, why: str) -> bool:
        path = self._folder / name
        try:
            facts = path.lstat()
            self._threads.run(os.unlink, path)
        except FileNotFoundError:
            return False
        except OSError as e:
            LOG.warning("Image cache: %s can't be removed: %s", path, e.strerror or e)
            return False
        last_used = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(facts.st_mtime))
        freed = facts.st_blocks * 512 / MIB
        LOG.info("Image cache: removed %s (%s, last used %s UTC), %.1f MiB freed", path, why, last_used, freed)
        return True

    def _remove_locks(self, stems: Collection[str]) -> None:
        for stem in stems:
            with self._held([stem]) as held:
                expected = (*names.complete(stem), *names.leftovers(stem))
                if held and not any(os.path.lexists(self._folder / name) for name in expected):
                    self._locks.remove(stem)

    def _files(self) -> dict[str, os.stat_result]:
        """The regular files of the cache's folder, by name."""
        found = {}
        with os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.is_file(follow_symlinks=False):
                    with contextlib.suppress(FileNotFoundError):
                        found[entry.name] = entry.stat(follow_symlinks=False)
        return found


def _stem(name: str) -> str:
    return name.partition(".")[0]
