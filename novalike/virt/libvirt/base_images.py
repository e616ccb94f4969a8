"""Which cached images guests need: fetched and written down in their records, and found in records and disks."""

import os
import stat
import struct
from pathlib import Path

import msgspec
from oslo_utils.uuidutils import is_uuid_like

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


def in_use(instances: Path, cache: Path) -> frozenset[str]:
    """The names of the cached files that any guest needs whose folder is here, also another host's.

    Only reads, and neither logs nor waits: it is called in a real thread.

    :param cache: the cache's folder, which is no guest's.
    :raises GuestFailed: a guest's folder can't be read, so that it can't be told.
    """
    found: set[str] = set()
    try:
        with os.scandir(instances) as entries:
            folders = [Path(entry.path) for entry in entries if entry.is_dir() and entry.name != cache.name]
    except OSError as e:
        raise GuestFailed(reason=f"The folder of guests can't be read: {e.strerror or e}") from e
    for folder in folders:
        try:
            found |= _needed(folder)
        except FileNotFoundError:
            continue  # removed meanwhile
        except (OSError, GuestFailed) as e:
            if is_uuid_like(folder.name[:_UUID_LENGTH]):  # others, as lost+found, are not made by us
                raise GuestFailed(reason=f"It can't be told which images {folder.name} uses: {e}") from e
    return frozenset(found)


def _needed(folder: Path) -> set[str]:
    """What a guest's record and its disks name.

    :raises FileNotFoundError: the folder is gone.
    :raises OSError, GuestFailed: something can't be read.
    """
    known = guest_record.read(folder)
    found = _recorded(folder, known) if known else set()
    for path in folder.iterdir():
        try:
            found |= _backing(path)
        except FileNotFoundError:
            continue
        except OSError:
            if known is None:
                raise
    return found


def _recorded(folder: Path, known: GuestRecord) -> set[str]:
    """What a record names: a copy of the base file needs it only until it is there."""
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
