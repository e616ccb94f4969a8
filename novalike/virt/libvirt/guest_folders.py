"""The folders that a host can have of a guest, told apart by what follows the uuid in their names.

A guest's folder changes its name as a whole, so what is set aside, or has come from elsewhere, is complete.
"""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
from oslo_utils.uuidutils import is_uuid_like

from novalike.virt.driver import GuestFailed, OtherDisks
from novalike.virt.images import names
from novalike.virt.libvirt import base_images, disk_files, guest_record
from novalike.virt.libvirt.guest_record import GuestRecord
from novalike.virt.native_threads import NativeThreads

# Set aside; as Nova calls it.
ASIDE = "_resize"
# Being filled from elsewhere.
ARRIVING = "_fetch"
# Was set aside, and is being removed.
DISCARDED = "_discard"

_UUID_LENGTH = 36


class GuestFolders:
    """The folders of one guest on this host.

    :param instances: the folder of all guests.
    :param node: uuid of this compute node: others may share the file system.
    """

    def __init__(self, instances: Path, instance_uuid: str, node: str, threads: NativeThreads) -> None:
        self._node = node
        self._threads = threads
        self.uuid = instance_uuid
        self.current = instances / instance_uuid
        self.aside = instances / (instance_uuid + ASIDE)
        self.arriving = instances / (instance_uuid + ARRIVING)
        self._discarded = instances / (instance_uuid + DISCARDED)

    @property
    def has_aside(self) -> bool:
        """Whether this compute node has set something aside."""
        return self.aside.is_dir() and guest_record.is_ours(self.aside, self._node)

    def set_aside(self, known: GuestRecord, cache: Path) -> None:
        """Set the guest's folder aside, with links to the cached images that it needs: whoever fetches the disks finds
        them there.

        :param known: the record in its folder.
        :param cache: the folder of cached images.
        :raises GuestFailed: what the file system says.
        """
        with disk_files.errors():
            for name in base_images.recorded(self.current, known):
                link = self.current / name
                link.unlink(missing_ok=True)
                link.symlink_to(cache / name)
            guest_record.write(self.current, msgspec.structs.replace(known, aside_id=str(uuid.uuid4())))
            self._rename(self.current, self.aside)

    def check_free(self) -> None:
        """
        :raises OtherDisks: there are disks in the guest's folder.
        :raises GuestFailed: it can't be read.
        """
        if guest_record.read(self.current) is not None:
            raise OtherDisks(instance_id=self.uuid)

    def take_back(self) -> None:
        """Put back what is set aside.

        :raises OtherDisks: there are disks in the guest's folder.
        :raises GuestFailed: what the file system says.
        """
        self.check_free()
        self._threads.run(disk_files.remove, self.current)
        with disk_files.errors():
            for path in self.aside.iterdir():
                if path.is_symlink() and names.COMPLETE.fullmatch(path.name):
                    path.unlink()
            self._rename(self.aside, self.current)

    def discard_aside(self) -> None:
        """Remove what is set aside, as far as it is there.

        :raises GuestFailed: something can't be removed.
        """
        if self.has_aside:
            # First so that nobody takes back what is half removed.
            self._remove(self._discarded)
            with disk_files.errors():
                self._rename(self.aside, self._discarded)
        self._remove(self._discarded)

    def start_arrival(self, record: GuestRecord) -> None:
        """Make the folder in which a guest's files from elsewhere are gathered, empty but for its record.

        :raises GuestFailed: what the file system says.
        """
        self._threads.run(disk_files.remove, self.arriving)
        with disk_files.errors():
            self.arriving.mkdir(mode=0o711)
            self.arriving.chmod(0o711)
            guest_record.write(self.arriving, record)

    def end_arrival(self, record: GuestRecord) -> None:
        """Take what has been gathered for the guest's folder.

        :raises GuestFailed: what the file system says.
        """
        self._threads.run(disk_files.remove, self.current)
        with disk_files.errors():
            for path in self.arriving.iterdir():
                with path.open("rb") as f:
                    self._sync(f.fileno())
            guest_record.write(self.arriving, record)
            disk_files.sync_folder(self.arriving, self._sync)
            self._rename(self.arriving, self.current)

    def remove(self) -> None:
        """Remove the guest's folder, and what an interrupted arrival has left. What is set aside stays.

        :raises GuestFailed: something can't be removed.
        """
        self._remove(self.arriving)
        self._remove(self.current)

    def _remove(self, folder: Path) -> None:
        if guest_record.is_ours(folder, self._node):
            self._threads.run(disk_files.remove, folder)

    def _sync(self, descriptor: int) -> None:
        self._threads.run(os.fsync, descriptor)

    def _rename(self, old: Path, new: Path) -> None:
        old.rename(new)
        disk_files.sync_folder(new.parent, self._sync)


def ours(instances: Path, node: str) -> set[str]:
    """The uuids of all guests of which this compute node has a folder, whatever is in it.

    :raises GuestFailed: the folder of folders can't be read.
    """
    return {uuid for uuid, _kind in _kinds(instances, node)}


def aside(instances: Path, node: str) -> frozenset[str]:
    """The uuids of all guests of which this compute node has set something aside, be it half removed.

    :raises GuestFailed: the folder of folders can't be read.
    """
    return frozenset(uuid for uuid, kind in _kinds(instances, node) if kind in (ASIDE, DISCARDED))


def _kinds(instances: Path, node: str) -> Iterator[tuple[str, str]]:
    try:
        found = os.listdir(instances)
    except OSError as e:
        raise GuestFailed(reason=f"The folder of guests can't be read: {e.strerror or e}") from e
    for name in found:
        instance_uuid, kind = name[:_UUID_LENGTH], name[_UUID_LENGTH:]
        if (
            is_uuid_like(instance_uuid)
            and kind in ("", ASIDE, ARRIVING, DISCARDED)
            and guest_record.is_ours(instances / name, node)
        ):
            yield instance_uuid, kind
