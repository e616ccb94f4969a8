"""Base images on this host: each is downloaded and verified once, and then shared by all its guests' disks.

A base file is named after its image's id and its format, and appears by being renamed: a file that is there is
complete and verified. One process at a time works on an image, held by a file lock; a file left behind by a
process that died is overwritten by the next.
"""

import contextlib
import hashlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol, runtime_checkable

from oslo_concurrency import lockutils

from novalike.objects.image import Image
from novalike.objects.record import Record
from novalike.virt.driver import GuestFailed, ImageRejected, ImageSource
from novalike.virt.images import download, inspection, qemu_img
from novalike.virt.native_threads import NativeThreads

LOG = logging.getLogger(__name__)

# What guests' disks can be laid over as it is; anything else is converted to raw.
_BASE_FORMATS = ("qcow2", "raw")
_PARTIAL = ".part"


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

    :param folder: usually ``instances/_base`` below ``state_path``.
    """

    def __init__(self, folder: Path, source: ImageSource, threads: NativeThreads) -> None:
        self._folder = folder
        self._source = source
        self._threads = threads

    def prepare(self) -> None:
        """Make the folder, and remove what interrupted downloads left.

        :raises OSError: it can't be written.
        """
        (self._folder / "locks").mkdir(parents=True, exist_ok=True)
        for leftover in self._folder.glob(f"*{_PARTIAL}*"):
            lock = lockutils.external_lock(leftover.name.partition(".")[0], lock_path=str(self._folder / "locks"))
            if lock.acquire(blocking=False):
                try:
                    leftover.unlink(missing_ok=True)
                finally:
                    lock.release()

    def base(self, image: Image, max_virtual_size: int | None) -> Base:
        """The image's base file, downloaded and verified when it isn't there.

        :param max_virtual_size: bytes that the disk inside may have; None is any.
        :raises ImageRejected: the content is not what it should be, or too large.
        :raises GuestFailed: no space.
        :raises ImageNotFound, Unavailable: from the source.
        """
        with _storing(image.id), self._locked(image.id):
            base = self._find(image.id) or self._add(image, max_virtual_size)
            _check_size(image, base.virtual_size, max_virtual_size)
            os.utime(base.path)  # in use now: see prune()
            return base

    def blob(self, image_id: str, project_id: str) -> Path:
        """A file that QEMU reads itself (kernel, ramdisk): kept like a base image, with any content.

        Such an image is only named by another one's properties, which users write: what they may not see
        themselves must not reach their guest either.

        :param project_id: whose server it is for.
        :raises ImageRejected: not theirs, or not what it should be.
        :raises GuestFailed: no space, or a source that knows no facts.
        :raises ImageNotFound, Unavailable: from the source.
        """
        if not isinstance(self._source, DescribesImages):
            raise GuestFailed(reason=f"Image {image_id} can't be used as a kernel or ramdisk here")
        image = self._source.show(image_id)
        if image.visibility not in ("public", "community") and image.owner != project_id:
            raise ImageRejected(image_id=image_id, reason="It is not this project's")
        with _storing(image_id), self._locked(image_id):
            path = self._folder / f"{stem(image_id)}.blob"
            if not path.exists():
                partial = self._folder / f"{stem(image_id)}{_PARTIAL}"
                download.fetch(self._source, image, partial, self._threads)
                partial.chmod(0o644)
                partial.rename(path)
            os.utime(path)
            return path

    def prune(self, used_image_ids: frozenset[str], used_files: frozenset[str], max_age: float) -> tuple[str, ...]:
        """Remove what neither an image id nor a file name in use refers to and nobody took for ``max_age`` seconds.

        :param used_files: names of base files that disks are laid over.
        :returns: names of the removed files.
        """
        used_stems = {stem(image_id) for image_id in used_image_ids}
        removed = []
        for path in sorted(self._folder.iterdir()):
            if not path.is_file() or path.name in used_files or path.name.partition(".")[0] in used_stems:
                continue
            with self._named_lock(path.name.partition(".")[0]), contextlib.suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime >= max_age:
                    path.unlink()
                    removed.append(path.name)
        if removed:
            LOG.info("Removed unused base images: %s", ", ".join(removed))
        return tuple(removed)

    def _find(self, image_id: str) -> Base | None:
        for file_format in _BASE_FORMATS:
            path = self._folder / f"{stem(image_id)}.{file_format}"
            if path.exists():
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
        partial = self._folder / f"{stem(image.id)}{_PARTIAL}"
        converted = self._folder / f"{stem(image.id)}{_PARTIAL}.raw"
        try:
            download.fetch(self._source, image, partial, self._threads)
            found = inspection.inspect(partial, image)
            _check_size(image, found.virtual_size, max_virtual_size)
            complete, file_format = partial, found.qemu_format
            if file_format not in _BASE_FORMATS:
                qemu_img.convert(partial, file_format, converted, "raw")
                with converted.open("rb") as f:
                    self._threads.run(os.fsync, f.fileno())
                complete, file_format = converted, "raw"
            complete.chmod(0o644)
            path = self._folder / f"{stem(image.id)}.{file_format}"
            complete.rename(path)
            self._sync_folder()
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

    def _locked(self, image_id: str) -> contextlib.AbstractContextManager[None]:
        return self._named_lock(stem(image_id))

    @contextlib.contextmanager
    def _named_lock(self, name: str) -> Iterator[None]:
        with lockutils.lock(name, lock_file_prefix=None, external=True, lock_path=str(self._folder / "locks")):
            yield


@contextlib.contextmanager
def _storing(image_id: str) -> Iterator[None]:
    """
    :raises GuestFailed: for what the file system says.
    """
    try:
        yield
    except OSError as e:
        raise GuestFailed(reason=f"Image {image_id} could not be stored: {e.strerror or e}") from e


def stem(image_id: str) -> str:
    """What an image's files are called, before the dot: ids are users' input, so never as they are."""
    return hashlib.sha1(image_id.encode(), usedforsecurity=False).hexdigest()


def _check_size(image: Image, virtual_size: int, limit: int | None) -> None:
    if limit is not None and virtual_size > limit:
        raise ImageRejected(
            image_id=image.id,
            reason=f"Its disk has {virtual_size} bytes, and the flavor's root disk only {limit}",
        )
