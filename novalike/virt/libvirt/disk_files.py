"""The files of a guest's disks. Each appears by being renamed when it is safely stored: what is there is complete."""

import contextlib
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from oslo_concurrency import processutils

from novalike.virt.driver import GuestFailed
from novalike.virt.images import inspection, qemu_img
from novalike.virt.images.cache import Base
from novalike.virt.libvirt.guest_record import DiskRecord

LOG = logging.getLogger(__name__)

_MKFS = {
    "ext2": ("-F", "-q", "-L"),
    "ext3": ("-F", "-q", "-L"),
    "ext4": ("-F", "-q", "-L"),
    "xfs": ("-f", "-q", "-L"),
    "vfat": ("-n",),
}


@contextlib.contextmanager
def errors() -> Iterator[None]:
    """
    :raises GuestFailed: for what the file system says.
    """
    try:
        yield
    except OSError as e:
        raise GuestFailed(reason=f"Could not write to the folder of guests: {e.strerror or e}") from e


def make(folder: Path, disk: DiskRecord, base: Base | None, sync: Callable[[int], object]) -> None:
    """Make a disk, unless it is there.

    :param base: for the root disk: what it shows at first.
    :param sync: ``os.fsync``, or what calls it without stopping the process.
    :raises GuestFailed: no space, or a file system that this host can't make.
    """
    path = folder / disk.file
    if path.exists() or disk.content == "config":
        return
    partial = folder / f"{disk.file}.part"
    try:
        partial.unlink(missing_ok=True)
        if disk.content == "image":
            assert base is not None
            _root(partial, disk, base)
        else:
            _blank(partial, disk)
        with partial.open("rb") as f:
            sync(f.fileno())
        partial.rename(path)
    except OSError as e:
        raise GuestFailed(reason=f"Could not make disk {disk.file}: {e.strerror or e}") from e
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def check(path: Path, disk: DiskRecord) -> None:
    """Look whether a disk that has come from elsewhere can be given to QEMU.

    :raises GuestFailed: it refers to other files, or is not what it is to be.
    :raises OSError: it can't be read.
    """
    if disk.format != "raw" and (why := inspection.qcow2_faults(path, has_base=disk.content == "image")):
        raise GuestFailed(reason=f"Disk {disk.file} is not safe: {why}")


def grow(path: Path, disk: DiskRecord) -> None:
    """Make a disk as large as it is to be, unless it is larger.

    :raises GuestFailed: it can't be.
    """
    if disk.device != "disk" or not disk.size:
        return
    try:
        size = int(qemu_img.info(path, disk.format)["virtual-size"])
    except (ValueError, KeyError) as e:
        raise GuestFailed(reason=f"Disk {disk.file} can't be read: {e}") from e
    if disk.size > size:
        qemu_img.resize(path, disk.format, disk.size)


def _root(path: Path, disk: DiskRecord, base: Base) -> None:
    size = disk.size or base.virtual_size
    if disk.format == "qcow2":
        qemu_img.create_overlay(path, Path(base.path), base.format, size)
        return
    qemu_img.convert(Path(base.path), base.format, path, "raw")
    if size > base.virtual_size:
        qemu_img.resize(path, "raw", size)


def _blank(path: Path, disk: DiskRecord) -> None:
    raw = path.with_name(path.name + ".raw") if disk.format != "raw" else path
    raw.unlink(missing_ok=True)
    try:
        qemu_img.create_empty(raw, "raw", disk.size or 0)
        if disk.content == "swap":
            _format("mkswap", str(raw))
        elif disk.filesystem:
            options = _MKFS.get(disk.filesystem)
            if options is None:
                raise GuestFailed(reason=f"Ephemeral disks can't have file system {disk.filesystem!r}")
            _format(f"mkfs.{disk.filesystem}", *options, disk.label or "ephemeral", str(raw))
        if raw != path:
            qemu_img.convert(raw, "raw", path, disk.format)
    finally:
        if raw != path:
            raw.unlink(missing_ok=True)


def _format(program: str, *args: str) -> None:
    try:
        processutils.execute(program, *args)
    except FileNotFoundError as e:
        raise GuestFailed(reason=f"This host has no {program}, which the disk needs") from e
    except processutils.ProcessExecutionError as e:
        raise GuestFailed(reason=f"{program} failed: {(e.stderr or '').strip()}") from e


def sync_folder(folder: Path, sync: Callable[[int], object]) -> None:
    """Have what was renamed in a folder outlive a power failure.

    :param sync: as in :func:`make`.
    :raises OSError: it can't be.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def remove(folder: Path) -> None:
    """Remove a guest's folder with all its disks, as far as it is there.

    :raises GuestFailed: something in it can't be removed.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except OSError as e:
        raise GuestFailed(reason=f"Could not remove {folder.name}: {e.strerror or e}") from e
