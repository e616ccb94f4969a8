"""Fetch an image into a file, and check size and hash on the way."""

import contextlib
import errno
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from novalike.objects.image import Image
from novalike.virt import cancellation
from novalike.virt.driver import GuestFailed, ImageRejected, ImageSource
from novalike.virt.native_threads import NativeThreads


def fetch(source: ImageSource, image: Image, target: Path, threads: NativeThreads) -> None:
    """Write the image's data to ``target``, safely on disk when this returns; remove it when it fails.

    :raises ImageRejected: size or hash are not what Glance said.
    :raises GuestFailed: the disk is full or can't be written.
    :raises ImageNotFound, Unavailable: from ``source``.
    :raises Cancelled: the job that it is fetched for is to stop.
    """
    try:
        _write(source, image, target, threads)
    except OSError as e:
        with contextlib.suppress(OSError):
            target.unlink(missing_ok=True)
        full = "no space left for it" if e.errno in (errno.ENOSPC, errno.EDQUOT) else e.strerror or str(e)
        raise GuestFailed(reason=f"Image {image.id} could not be stored: {full}") from e
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def verified(source: ImageSource, image: Image) -> Iterator[bytes]:
    """The image's data in pieces; what was taken is the image only if nothing is raised before or at the end.

    :raises ImageRejected: size or hash are not what Glance said.
    :raises ImageNotFound, Unavailable: from ``source``.
    """
    algorithm, expected = _expected_hash(image)
    digest = hashlib.new(algorithm, usedforsecurity=False) if algorithm else None
    received = 0
    for chunk in source.chunks(image.id):
        cancellation.check()
        received += len(chunk)
        if image.size is not None and received > image.size:
            break  # more than promised: don't fill the disk with it
        if digest:
            digest.update(chunk)
        yield chunk
    if image.size is not None and received != image.size:
        which = "more" if received > image.size else f"{received} bytes instead"
        raise ImageRejected(image_id=image.id, reason=f"It should have {image.size} bytes, and has {which}")
    if digest and digest.hexdigest() != expected.lower():
        raise ImageRejected(image_id=image.id, reason=f"Its {algorithm} checksum is not the recorded one")


def _write(source: ImageSource, image: Image, target: Path, threads: NativeThreads) -> None:
    free = os.statvfs(target.parent)
    if image.size and image.size > free.f_bavail * free.f_frsize:
        raise OSError(errno.ENOSPC, "No space left on device")
    with target.open("wb") as f:
        for chunk in verified(source, image):
            f.write(chunk)
        f.flush()
        threads.run(os.fsync, f.fileno())


def _expected_hash(image: Image) -> tuple[str | None, str]:
    """The strongest hash that Glance recorded and we can compute.

    :raises ImageRejected: there is one and we can't.
    """
    if image.os_hash_algo and image.os_hash_value:
        if image.os_hash_algo not in hashlib.algorithms_available or image.os_hash_algo.startswith("shake"):
            raise ImageRejected(image_id=image.id, reason=f"Hash algorithm {image.os_hash_algo} is not known here")
        return image.os_hash_algo, image.os_hash_value
    return ("md5", image.checksum) if image.checksum else (None, "")
