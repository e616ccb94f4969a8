"""Which cached images guests need: fetched and written down in their records, and found in records and disks."""

import contextlib
import os
import stat
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec
from oslo_utils.uuidutils import is_uuid_like

from novalike.objects import errors
from novalike.objects.image import Image
from novalike.objects.server import ServerSpec
from novalike.virt.driver import GuestFailed
from novalike.virt.images import names
from novalike.virt.images.cache import Base, ImageCache
from novalike.virt.libvirt import disk_files, disk_plan, guest_record, hardware
from novalike.virt.libvirt.guest_record import GuestRecord

# The beginning of a qcow2 file: magic, version, where the name of its backing file is, how long that is.
_QCOW2 = struct.Struct(">4sIQI")
_QCOW2_MAGIC = b"QFI\xfb"
_LONGEST_NAME = 1023
_UUID_LENGTH = 36


def fetch(cache: ImageCache, spec: ServerSpec, planned: GuestRecord, folder: Path) -> tuple[GuestRecord, Base]:
    """Image, kernel and ramdisk, each written down in the guest's record before anybody can remove it again.

    :param planned: the record as far as it is known.
    :returns: the record as it has been written, and what the root disk is made from.
    :raises ImageRejected, ImageNotFound, GuestFailed, Unavailable: as :class:`ImageCache` does.
    """
    image, written = spec.image, planned
    if image is None:
        raise GuestFailed(reason="Servers without an image (booted from a volume) are not supported")

    def write(changed: GuestRecord) -> None:
        nonlocal written
        with disk_files.errors():
            # others may pass (QEMU runs as its own user), not look
            folder.mkdir(mode=0o711, exist_ok=True)
            folder.chmod(0o711)
            guest_record.write(folder, changed)
        written = changed

    limit = next(disk.size for disk in planned.disks if disk.content == "image")
    base = cache.base(image, limit, lambda base: write(disk_plan.complete(written, base)))
    properties, project_id = hardware.properties(image), spec.server.project_id
    if kernel := properties.get("kernel_id") or spec.server.kernel_id:
        cache.blob(
            str(kernel), project_id, lambda path: write(msgspec.structs.replace(written, kernel=str(path)))
        )
    if ramdisk := properties.get("ramdisk_id") or spec.server.ramdisk_id:
        cache.blob(
            str(ramdisk), project_id, lambda path: write(msgspec.structs.replace(written, ramdisk=str(path)))
        )
    return written, base


def fetch_ahead(cache: ImageCache, image: Image | None, planned: GuestRecord) -> None:
    """Have the base file that a guest is laid over which is still elsewhere. Its age keeps it until the guest is here.

    When Glance has lost the image, it comes along with the guest.

    :param planned: the record that a new guest would have.
    :raises ImageRejected, GuestFailed, Unavailable: as :class:`ImageCache` does.
    """
    if image is not None:
        limit = next(disk.size for disk in planned.disks if disk.content == "image")
        with contextlib.suppress(errors.ImageNotFound):
            cache.base(image, limit)


def fetch_for_move(
    cache: ImageCache, image: Image | None, name: str, copy: Callable[[Path], object]
) -> Base:
    """Return the base file that a guest from elsewhere is laid over, which its record names already.

    :param image: what the guest was made from. Glance may have lost it since, and be away.
    :param name: of the base file.
    :param copy: writes the file as it is elsewhere, safely on disk.
    :raises ImageRejected, GuestFailed: as :class:`ImageCache`, or from ``copy``.
    """
    if image is not None and name in names.complete(names.stem(image.id)):
        with contextlib.suppress(errors.ImageNotFound, errors.Unavailable):
            return cache.base(image, None)
    path = cache.adopt(name, copy)
    return Base(path=str(path), format=path.suffix.removeprefix("."), virtual_size=0)


def in_use(instances: Path, cache: Path) -> frozenset[str]:
    """The names of the cached files that any guest needs whose folder is here, also another host's.

    Only reads, and neither logs nor waits: it is called in a real thread.

    :param cache: the cache's folder, which is no guest's.
    :raises GuestFailed: a guest's folder can't be read, so that it can't be told.
    """
    found: set[str] = set()
    seen: set[str] = set()
    while True:
        gone = False
        for folder in _folders(instances, cache):
            if folder.name in seen:
                continue
            try:
                found |= _needed(folder)
                seen.add(folder.name)
            except FileNotFoundError:
                gone = True
            except (OSError, GuestFailed) as e:
                if is_uuid_like(folder.name[:_UUID_LENGTH]):  # others, as lost+found, are not made by us
                    raise GuestFailed(reason=f"It can't be told which images {folder.name} uses: {e}") from e
        if not gone:
            return frozenset(found)
        # It may be there under another name, as what is set aside, which was not among those that were listed.


def _folders(instances: Path, cache: Path) -> list[Path]:
    """
    :raises GuestFailed: they can't be listed.
    """
    try:
        with os.scandir(instances) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir() and entry.name != cache.name]
    except OSError as e:
        raise GuestFailed(reason=f"The folder of guests can't be read: {e.strerror or e}") from e


def _needed(folder: Path) -> set[str]:
    """What a guest's record and its disks name.

    :raises FileNotFoundError: the folder is gone.
    :raises OSError, GuestFailed: something can't be read.
    """
    known = guest_record.read(folder)
    found = recorded(folder, known) if known else set()
    for path in folder.iterdir():
        try:
            found |= _backing(path)
        except FileNotFoundError:
            continue
        except OSError:
            if known is None:
                raise
    return found


def recorded(folder: Path, known: GuestRecord) -> set[str]:
    """Return the names of the cached files that a record names and its guest needs.

    A copy of the base file needs it only until it is there.
    """
    needed = [known.kernel, known.ramdisk]
    for disk in known.disks:
        if disk.content == "image" and (disk.format == "qcow2" or not (folder / disk.file).exists()):
            needed.append(known.base)
    return {Path(path).name for path in needed if path}


def _backing(path: Path) -> set[str]:
    """The names of cached files in what a qcow2 file says of its backing file; nothing for other files.

    A guest may write such a beginning to a raw disk. All it gains is that an image is kept.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        return set()
    with path.open("rb", buffering=0) as f:
        start = f.read(_QCOW2.size)
        if len(start) < _QCOW2.size:
            return set()
        magic, _version, offset, length = _QCOW2.unpack(start)
        if magic != _QCOW2_MAGIC or not 0 < offset < 1 << 62 or length > _LONGEST_NAME:
            return set()
        f.seek(offset)
        name = f.read(length)
    return set(names.COMPLETE.findall(name.decode("utf-8", "replace")))
