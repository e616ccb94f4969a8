"""Moving guests that are off: what is set aside on one host, and fetched by another one, or by the same."""

import contextlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from oslo_config import cfg
from oslo_utils import netutils

from novalike.objects.record import Record
from novalike.virt import cancellation
from novalike.virt.driver import GuestFailed, GuestNotFound
from novalike.virt.guest import Guest
from novalike.virt.images import qemu_img
from novalike.virt.images.cache import ImageCache
from novalike.virt.libvirt import (
    base_images,
    console_log,
    disk_files,
    disk_plan,
    disk_transfer,
    domains,
    guest_builder,
    guest_record,
)
from novalike.virt.libvirt.connection import Connection
from novalike.virt.libvirt.disk_transfer import Files, LocalFiles
from novalike.virt.libvirt.guest_folders import GuestFolders
from novalike.virt.libvirt.guest_record import GuestRecord
from novalike.virt.native_threads import NativeThreads

LOG = logging.getLogger(__name__)

_LARGEST_RECORD = 1024**2
# Besides disks: what there may be. The config drive and the firmware's variables are as secret as disks.
_OTHER_FILES = (
    disk_plan.CONFIG_DRIVE, guest_builder.NVRAM, guest_builder.CONSOLE_LOG,
    console_log.older(guest_builder.CONSOLE_LOG),
)  # fmt: skip


class Source(Record, frozen=True):
    """Where another host gets what is set aside.

    :param address: of this host, for ``[libvirt] live_migration_uri`` of the other one.
    :param folder: that has been set aside.
    :param aside_id: from its record.
    """

    address: str
    folder: str
    aside_id: str


class Mover:
    """Sets aside and fetches the files of guests.

    :param connection: to this host's libvirt.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, threads: NativeThreads, connection: Connection, cache: ImageCache,
        cache_folder: Path,
    ) -> None:  # fmt: skip
        self._conf = conf
        self._threads = threads
        self._connection = connection
        self._cache = cache
        self._cache_folder = cache_folder

    def set_aside(self, folders: GuestFolders) -> str:
        """See :meth:`novalike.virt.abilities.MovesGuests.set_aside`."""
        with disk_transfer.libvirt_errors():
            if self._connection.call(domains.is_active, folders.uuid):
                raise GuestFailed(reason=f"The guest of instance {folders.uuid} runs: it can't be set aside")
        known = guest_record.read(folders.current)
        if known is not None:
            if folders.has_aside:
                raise GuestFailed(reason=f"Other disks of instance {folders.uuid} are set aside on this host")
            with disk_transfer.libvirt_errors():
                self._keep_variables(folders)
                self._connection.call(domains.undefine, folders.uuid)
            folders.set_aside(known, self._cache_folder)
            LOG.info("Instance %s is set aside", folders.uuid)
        elif not folders.has_aside:
            raise GuestNotFound(instance_id=folders.uuid)
        aside = guest_record.read(folders.aside)
        if aside is None or aside.aside_id is None:
            raise GuestFailed(reason=f"What is set aside of instance {folders.uuid} has no record")
        address = self._conf.libvirt.live_migration_inbound_addr
        source = Source(address=address, folder=str(folders.aside), aside_id=aside.aside_id)
        return msgspec.json.encode(source).decode()

    def _keep_variables(self, folders: GuestFolders) -> None:
        """Bring into a guest's folder what libvirt has put elsewhere for its firmware."""
        path = self._connection.call(domains.nvram, folders.uuid)
        own = folders.current / guest_builder.NVRAM
        if path is None or path == str(own):
            return
        partial = own.with_name(own.name + ".part")
        with disk_files.errors(), contextlib.suppress(FileNotFoundError):  # it is made when a guest starts
            shutil.copyfile(path, partial)
            partial.rename(own)

    def take_back(self, folders: GuestFolders) -> None:
        """See :meth:`novalike.virt.abilities.MovesGuests.take_back`."""
        if not folders.has_aside:
            return
        folders.check_free()
        with disk_transfer.libvirt_errors():
            if self._connection.call(domains.is_active, folders.uuid) is not None:
                raise GuestFailed(reason=f"libvirt knows another guest of instance {folders.uuid}")
            self._connection.call(disk_transfer.close_pools, folders.uuid)
        folders.take_back()
        LOG.info("Instance %s is back from where it was set aside", folders.uuid)

    def discard_aside(self, folders: GuestFolders) -> None:
        """See :meth:`novalike.virt.abilities.MovesGuests.discard_aside`."""
        with disk_transfer.libvirt_errors():
            self._connection.call(disk_transfer.close_pools, folders.uuid)
        folders.discard_aside()

    def fetch(
        self, guest: Guest, folders: GuestFolders, source: str | None, progress: Callable[[int], None], *,
        arch: str, node: str,
    ) -> str:  # fmt: skip
        """See :meth:`novalike.virt.abilities.MovesGuests.fetch_disks`.

        :param node: uuid of this compute node.
        """
        there = None if source is None else _decode(source)
        known = guest_record.read(folders.current)
        if known is not None:
            aside_id = there.aside_id if there is not None else self._aside_id(folders)
            if known.fetched_from is None or known.fetched_from != aside_id:
                raise GuestFailed(reason=f"This host has other disks of instance {guest.uuid}")
            return known.root_device
        with disk_transfer.libvirt_errors():
            if self._connection.call(domains.is_active, guest.uuid) is not None:
                raise GuestFailed(reason=f"libvirt knows another guest of instance {guest.uuid}")
        started = time.monotonic()
        with self._files(folders, there, node) as files:
            known = self._record(guest, files, there)
            record = disk_plan.plan_move(self._conf, guest.spec, known, arch, node)
            # It says whose folder this is, and which images are in use from now on.
            folders.start_arrival(record)
            had = {disk.file for disk in known.disks}
            record = self._gather(guest, folders.arriving, files, record, had, progress)
        folders.end_arrival(record)
        LOG.info("Fetched the disks of instance %s in %.1f s", guest.uuid, time.monotonic() - started)
        return record.root_device

    def _aside_id(self, folders: GuestFolders) -> str | None:
        aside = guest_record.read(folders.aside)
        return None if aside is None else aside.aside_id

    @contextlib.contextmanager
    def _files(self, folders: GuestFolders, there: Source | None, node: str) -> Iterator[Files]:
        if there is None:
            if not folders.has_aside:
                raise GuestFailed(reason=f"Nothing of instance {folders.uuid} is set aside on this host")
            yield LocalFiles(folders.aside, self._threads)
            return
        uri = self._conf.libvirt.live_migration_uri.replace("%s", netutils.escape_ipv6(there.address))
        connection = Connection(uri, self._threads, lambda _connection: None)
        try:
            with disk_transfer.remote_files(connection, folders.uuid, node, Path(there.folder)) as files:
                yield files
        finally:
            connection.close()

    def _record(self, guest: Guest, files: Files, there: Source | None) -> GuestRecord:
        """Return the record of what is set aside, with the note that it has been fetched from there."""
        try:
            known = guest_record.decode(disk_transfer.read(files, guest_record.FILE, _LARGEST_RECORD))
        except ValueError as e:
            raise GuestFailed(reason=f"The record of instance {guest.uuid} can't be read: {e}") from e
        if known.aside_id is None or (there is not None and known.aside_id != there.aside_id):
            raise GuestFailed(reason=f"What is set aside of instance {guest.uuid} is of another time")
        return msgspec.structs.replace(known, fetched_from=known.aside_id)

    def _gather(
        self, guest: Guest, folder: Path, files: Files, record: GuestRecord, had: set[str],
        progress: Callable[[int], None],
    ) -> GuestRecord:  # fmt: skip
        """Have everything of a guest in a folder, as its record says.

        :param had: the files of the disks that the guest has had.
        :returns: the record, with the images of this host.
        """
        record, base = self._images(guest, record, files)
        disks = [disk for disk in record.disks if disk.content in ("image", "ephemeral") and disk.file in had]
        with disk_files.errors():
            copies = Copies(files, folder, [disk.file for disk in disks], _OTHER_FILES)
            copies.run(progress)
            for disk in disks:
                disk_files.check(folder / disk.file, disk)
        for disk in disks:
            path = folder / disk.file
            if base is not None and disk.content == "image":
                qemu_img.rebase(path, Path(base.path), base.format)
            disk_files.grow(path, disk)
        for disk in record.disks:
            disk_files.make(folder, disk, None, self._sync)
        return record

    def _images(self, guest: Guest, record: GuestRecord, files: Files) -> tuple[GuestRecord, base_images.Base | None]:
        """Have the cached images that a guest needs.

        :returns: its record, and what its root disk is laid over, if it is.
        """

        def copy(name: str, path: Path) -> None:
            with path.open("wb") as f:
                for _moved in files.pieces(name, f.fileno()):
                    cancellation.check()
                self._sync(f.fileno())

        def adopt(path: str | None) -> str | None:
            name = Path(path).name if path else None
            return str(self._cache.adopt(name, lambda partial: copy(name, partial))) if name else None

        record = msgspec.structs.replace(record, kernel=adopt(record.kernel), ramdisk=adopt(record.ramdisk))
        name = record.base
        if not any(disk.content == "image" and disk.format == "qcow2" for disk in record.disks):
            return record, None
        if name is None:
            raise GuestFailed(reason=f"The record of instance {guest.uuid} names no image that its disk is laid over")
        base = base_images.fetch_for_move(self._cache, guest.spec.image, name, lambda path: copy(name, path))
        return msgspec.structs.replace(record, base=Path(base.path).name), base

    def _sync(self, descriptor: int) -> None:
        self._threads.run(os.fsync, descriptor)


class Copies:
    """Files that are to be copied into a folder.

    :param needed: those without which the guest is not whole.
    :param optional: those that come along if they are there.
    :raises GuestFailed: one that is needed isn't there, or there is no space for all.
    """

    def __init__(self, files: Files, folder: Path, needed: list[str], optional: tuple[str, ...]) -> None:
        self._files = files
        self._folder = folder
        self._names: list[tuple[str, int]] = []
        self._total = 0
        for name, mode in (*((name, 0o644) for name in needed), *((name, 0o600) for name in optional)):
            stored = files.stored(name)
            if stored is not None:
                self._names.append((name, mode))
                self._total += stored
            elif name in needed:
                raise GuestFailed(reason=f"{name} is missing among what is set aside")
        free = os.statvfs(folder)
        if self._total > free.f_bavail * free.f_frsize:
            raise GuestFailed(reason="Could not fetch the disks: no space left for them")

    def run(self, progress: Callable[[int], None]) -> None:
        """Copy all.

        :param progress: called with the percent that has been copied, each once.
        :raises OSError: the folder can't be written.
        :raises GuestFailed, Unavailable: a file can't be read.
        :raises Cancelled: the job that copies is to stop.
        """
        copied, told = 0, -1
        for name, mode in self._names:
            descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
            try:
                for moved in self._files.pieces(name, descriptor):
                    cancellation.check()
                    copied += moved
                    percent = min(100 * copied // max(self._total, 1), 99)
                    if percent > told:
                        told = percent
                        progress(percent)
            finally:
                os.close(descriptor)
        progress(100)


def _decode(source: str) -> Source:
    try:
        return msgspec.json.decode(source, type=Source)
    except msgspec.DecodeError as e:
        raise GuestFailed(reason=f"The source does not say where its disks are: {e}") from e
