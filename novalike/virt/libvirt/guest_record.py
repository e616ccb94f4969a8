"""What was decided when a guest was made, kept in its folder: its hardware must not change by a restart.

Configuration and image may have changed since; a guest that finds its disks elsewhere does not boot.
"""

import os
from pathlib import Path

import msgspec

from novalike.objects.record import Record
from novalike.virt.driver import GuestFailed

FILE = "guest.json"


class DiskRecord(Record, frozen=True):
    """A disk of a guest.

    :param file: its file, in the guest's folder.
    :param size: bytes; None is "as large as the image".
    :param content: ``image``, ``ephemeral``, ``swap``, or ``config`` (a CD, there if its file is).
    :param filesystem: for ephemeral disks.
    """

    file: str
    content: str
    format: str
    target: str
    bus: str
    device: str = "disk"
    size: int | None = None
    boot_order: int | None = None
    filesystem: str | None = None
    label: str | None = None


class GuestRecord(Record, frozen=True):
    """What was decided for a guest.

    :param node: uuid of the compute node that made it: several may share the file system.
    :param base: name of the base file that its root disk is laid over, or is a copy of.
    :param kernel: path of the kernel to boot, for images without a boot loader.
    :param aside_id: made up when the guest was set aside for the last time.
    :param fetched_from: the ``aside_id`` of what its disks were copied from, if they were.
    """

    machine: str
    disks: tuple[DiskRecord, ...]
    node: str
    scsi_model: str = "virtio-scsi"
    base: str | None = None
    kernel: str | None = None
    ramdisk: str | None = None
    aside_id: str | None = None
    fetched_from: str | None = None

    @property
    def root_device(self) -> str:
        """The root disk's device name."""
        return f"/dev/{next(disk.target for disk in self.disks if disk.content == 'image')}"


def read(folder: Path) -> GuestRecord | None:
    """The record in a guest's folder, if it is there.

    :raises GuestFailed: it can't be read.
    """
    try:
        return decode((folder / FILE).read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as e:
        raise GuestFailed(reason=f"{folder.name}/{FILE} can't be read: {e}") from e


def decode(text: bytes) -> GuestRecord:
    """Return the record that is in a file.

    :raises ValueError: it is none, or names files that are not in the guest's folder.
    """
    try:
        record = msgspec.json.decode(text, type=GuestRecord)
    except msgspec.DecodeError as e:
        raise ValueError(str(e)) from e
    for disk in record.disks:
        if disk.file in ("", ".", "..") or "/" in disk.file:
            raise ValueError(f"{disk.file!r} is no name of a disk")
    return record


def is_ours(folder: Path, node: str) -> bool:
    """Whether a guest's folder is this compute node's.

    Only another node's record says that it isn't: before there is one, there is nothing of value in a folder.
    """
    try:
        known = read(folder)
    except GuestFailed:
        return True
    return known is None or known.node == node


def write(folder: Path, record: GuestRecord) -> None:
    """Keep the record; it appears complete or not at all."""
    partial = folder / (FILE + ".part")
    with partial.open("wb") as f:
        f.write(msgspec.json.format(msgspec.json.encode(record)))
        f.flush()
        os.fsync(f.fileno())
    partial.rename(folder / FILE)
