"""Base images on this host: each is downloaded and verified once, and then shared by all its guests' disks.

A base file is named after its image's id and its format, and appears by being renamed: a file that is there is
complete and verified. One process at a time works on an image, held by a file lock; a file left behind by a
process that died is overwritten by the next. Its time of modification is when it was last used.
"""

import contextlib
import logging
import os
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from novalike.objects.image import Image
from novalike.objects.record import Record
from novalike.virt.driver import GuestFailed, ImageRejected, ImageSource
from novalike.virt.images import download, inspection, qemu_img
from novalike.virt.images.locks import ImageLocks
from novalike.virt.images.names import BASE_FORMATS, BLOB, COMPLETE, PARTIAL, stem
from novalike.virt.images.pruning import InUse, Pruner
from novalike.virt.native_threads import NativeThreads

LOG = logging.getLogger(__name__)


class Base(Record, frozen=True):
    """A base file. ``virtual_size`` is in bytes."""

    path: str
    format: str
    virtual_size: int


@runtime_checkable
class DescribesImages(Protocol):
    """An :class:`ImageSource` that also knows images' facts: kernels and ramdisks are named by id only."""

    def show(self, image_id: str) -> Image:
        """An image.

        :raises ImageNotFound: it is gone.
        """


class ImageCache:
    """The base images in ``folder``.

    :param folder: usually ``instances/_base`` below ``state_path``; hosts may share it.
    """

    def __init__(self, folder: Path, source: ImageSource, threads: NativeThreads) -> None:
        self._folder = folder
        self._source = source
        self._threads = threads
        self._locks = ImageLocks(folder / "locks")
        self._pruner = Pruner(folder, self._locks, threads)

    def prepare(self) -> None:
        """Make the folder, which others may pass (QEMU is its own user); remove what interrupted downloads left.

        :raises OSError: it can't be written.
        """
        self._locks.prepare()
        if not (mode := stat.S_IMODE(self._folder.stat().st_mode)) & 0o001:
            self._folder.chmod(mode | 0o011)
        self._pruner.leftovers()

    def base(
        self, image: Image, max_virtual_size: int | None, note_use: Callable[[Base], object] | None = None
    ) -> Base:
        """The image's base file, downloaded and verified when it isn't there.

        :param max_virtual_size: bytes that the disk inside may have; None is any.
        :param note_use: writes down that the file is in use, where :meth:`prune` finds it. It is called while nobody
            can remove the file. Without it only the file's age keeps it from being removed.
        :raises ImageRejected: the content is not what it should be, or too large.
        :raises GuestFailed: no space.
        :raises ImageNotFound, Unavailable: from the source.
        """
        with _storing(image.id), self._locks.held(stem(image.id)):
            base = self._find(image.id) or self._add(image, max_virtual_size)
            _check_size(image, base.virtual_size, max_virtual_size)
            if note_use:
                note_use(base)
            return base

    def blob(self, image_id: str, project_id: str, note_use: Callable[[Path], object] | None = None) -> Path:
        """A file that QEMU reads itself (kernel, ramdisk): kept like a base image, with any content.

        Such an image is only named by another one's properties, which users write: what they may not see
        themselves must not reach their guest either.

        :param project_id: whose server it is for.
        :param note_use: as in :meth:`base`.
        :raises ImageRejected: not theirs, or not what it should be.
        :raises GuestFailed: no space, or a source that knows no facts.
        :raises ImageNotFound, Unavailable: from the source.
        """
        if not isinstance(self._source, DescribesImages):
            raise GuestFailed(reason=f"Image {image_id} can't be used as a kernel or ramdisk here")
        image = self._source.show(image_id)
        if image.visibility not in ("public", "community") and image.owner != project_id:
            raise ImageRejected(image_id=image_id, reason="It is not this project's")
        with _storing(image_id), self._locks.held(stem(image_id)):
            path = self._folder / f"{stem(image_id)}.{BLOB}"
            if not _touch(path):
                partial = self._folder / f"{stem(image_id)}.{PARTIAL}"
                download.fetch(self._source, image, partial, self._threads)
                partial.chmod(0o644)
                partial.rename(path)
            if note_use:
                note_use(path)
            return path

    def adopt(self, name: str, copy: Callable[[Path], object]) -> Path:
        """A file of another host's cache, which has verified it: for images that Glance doesn't have any more.

        :param name: what it is called in both.
        :param copy: writes it to a path, safely on disk. Who calls has written down that the file is in use.
        :returns: its path here; when it was there already, nothing is copied.
        :raises GuestFailed: no space, or a name that no such file has, or what ``copy`` raises.
        """
        if not COMPLETE.fullmatch(name):
            raise GuestFailed(reason=f"{name!r} is no name of a cached image")
        image_stem = name.partition(".")[0]
        path, partial = self._folder / name, self._folder / f"{image_stem}.{PARTIAL}"
        with _storing(name), self._locks.held(image_stem):
            if not _touch(path):
                try:
                    partial.unlink(missing_ok=True)
                    copy(partial)
                    partial.chmod(0o644)
                    partial.rename(path)
                    self._sync_folder()
                finally:
                    partial.unlink(missing_ok=True)
            return path

    def prune(self, in_use: InUse, min_age: float | None) -> tuple[str, ...]:
        """Remove what interrupted downloads left, and what nothing uses and nobody took for ``min_age`` seconds.

        :param in_use: gives the names of the files in use, as ``note_use`` and the disks say; called in a real thread.
        :param min_age: None keeps all complete files.
        :returns: names of the removed files.
        :raises GuestFailed: the folder can't be read, or what ``in_use`` raises.
        """
        try:
            removed = self._pruner.leftovers()
            return removed if min_age is None else removed + self._pruner.unused(in_use, min_age)
        except OSError as e:
            raise GuestFailed(reason=f"The image cache can't be read: {e.strerror or e}") from e

    def _find(self, image_id: str) -> Base | None:
        for file_format in BASE_FORMATS:
            path = self._folder / f"{stem(image_id)}.{file_format}"
            if _touch(path):
                size = path.stat().st_size
                if file_format != "raw":
                    try:
                        size = int(qemu_img.info(path, file_format)["virtual-size"])
                    except (ValueError, KeyError) as e:
                        raise GuestFailed(reason=f"The base file of image {image_id} can't be read: {e}") from e
                return Base(path=str(path), format=file_format, virtual_size=size)
        return None

    def _add(self, image: Image, max_virtual_size: int | None) -> Base:
        if image.container_format not in (None, "bare", "ami", "aki", "ari"):
            raise ImageRejected(
                image_id=image.id, reason=f"Container format {image.container_format} is not supported"
            )
        if image.disk_format not in inspection.DISK_FORMATS:  # before a download in vain
            raise ImageRejected(image_id=image.id, reason=f"Disk format {image.disk_format} is not supported")
        started = time.monotonic()
        partial = self._folder / f"{stem(image.id)}.{PARTIAL}"
        converted = self._folder / f"{stem(image.id)}.{PARTIAL}.raw"
        try:
            download.fetch(self._source, image, partial, self._threads)
            found = inspection.inspect(partial, image)
            _check_size(image, found.virtual_size, max_virtual_size)
            complete, file_format = partial, found.qemu_format
            if file_format not in BASE_FORMATS:
                qemu_img.convert(partial, file_format, converted, "raw")
                with converted.open("rb") as f:
                    self._threads.run(os.fsync, f.fileno())
                complete, file_format = converted, "raw"
            complete.chmod(0o644)
            path = self._folder / f"{stem(image.id)}.{file_format}"
            complete.rename(path)
            self._sync_folder()
            _touch(path)  # it was written before it was inspected
        finally:
            partial.unlink(missing_ok=True)
            converted.unlink(missing_ok=True)
        LOG.info("Fetched image %s in %.1f s", image.id, time.monotonic() - started)
        return Base(path=str(path), format=file_format, virtual_size=found.virtual_size)

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY)
        try:
            self._threads.run(os.fsync, descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def _storing(image_id: str) -> Iterator[None]:
    """
    :raises GuestFailed: for what the file system says.
    """
    try:
        yield
    except OSError as e:
        raise GuestFailed(reason=f"Image {image_id} could not be stored: {e.strerror or e}") from e


def _touch(path: Path) -> bool:
    """Note that a file is used now. Gives whether it is there; NFS asks the server, where another host may prune."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _check_size(image: Image, virtual_size: int, limit: int | None) -> None:
    if limit is not None and virtual_size > limit:
        raise ImageRejected(
            image_id=image.id,
            reason=f"Its disk has {virtual_size} bytes, and the flavor's root disk only {limit}",
        )
