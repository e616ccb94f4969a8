"""The files of a guest that is set aside, read piece by piece: from this host's folder, or through another host's
libvirt.

A piece is one call in a real thread, which only makes system and libvirt calls. Between two pieces whoever copies can
look whether to stop, and tell how far it is. Holes stay holes. Nothing looks at what is in the files.
"""

import contextlib
import errno
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import libvirt
from lxml import etree

from novalike.objects.errors import Unavailable
from novalike.virt.driver import GuestFailed
from novalike.virt.libvirt.connection import Connection
from novalike.virt.libvirt.guestxml.elements import element
from novalike.virt.native_threads import NativeThreads

MIB = 1024**2
# A piece ends after so many bytes of data, or seconds.
_PIECE = 16 * MIB
_PIECE_SECONDS = 1.0
# libvirt cuts larger ones into messages of a quarter of that.
_BUFFER = MIB
# What virStreamRecvFlags gives before a hole.
_HOLE = -3
# Where the kernel can't copy from file to file.
_NOT_BY_KERNEL = frozenset({errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EBADF})


class Files(Protocol):
    """Files that are set aside, by name."""

    def stored(self, name: str) -> int | None:
        """Return how many bytes a file takes, which are fewer than it has when it has holes; None: it isn't there.

        :raises GuestFailed, Unavailable: it can't be told.
        """

    def pieces(self, name: str, target: int) -> Iterator[int]:
        """Copy a file into an empty one.

        :param target: its descriptor.
        :returns: bytes of data, after each piece.
        :raises GuestFailed: it isn't there, or can't be read.
        :raises Unavailable: who has it can't be reached.
        :raises OSError: the target can't be written.
        """


def read(files: Files, name: str, limit: int) -> bytes:
    """Return what is in a small file.

    :raises GuestFailed: it has more than ``limit`` bytes; or as :meth:`Files.pieces`.
    """
    try:
        with tempfile.TemporaryFile() as f:
            for _moved in files.pieces(name, f.fileno()):
                if os.fstat(f.fileno()).st_size > limit:
                    raise GuestFailed(reason=f"{name} is larger than it can be")
            f.seek(0)
            return f.read()
    except OSError as e:
        raise _unreadable(name, e) from e


class LocalFiles:
    """Those in a folder of this host."""

    def __init__(self, folder: Path, threads: NativeThreads) -> None:
        self._folder = folder
        self._threads = threads

    def stored(self, name: str) -> int | None:
        try:
            return (self._folder / name).stat().st_blocks * 512
        except FileNotFoundError:
            return None
        except OSError as e:
            raise _unreadable(name, e) from e

    def pieces(self, name: str, target: int) -> Iterator[int]:
        try:
            source = os.open(self._folder / name, os.O_RDONLY)
        except OSError as e:
            raise _unreadable(name, e) from e
        try:
            position, ended = 0, False
            while not ended:
                position, moved, ended = self._threads.run(_copy, source, target, position)
                yield moved
        finally:
            os.close(source)


def _unreadable(name: str, error: OSError) -> GuestFailed:
    return GuestFailed(reason=f"{name}, which is set aside, can't be read: {error.strerror or error}")


def _copy(source: int, target: int, position: int) -> tuple[int, int, bool]:
    """Copy one piece (in a real thread).

    :returns: where the next one begins, bytes of data, whether that was all.
    """
    moved, end = 0, time.monotonic() + _PIECE_SECONDS
    while moved < _PIECE and time.monotonic() < end:
        try:
            position = os.lseek(source, position, os.SEEK_DATA)
        except OSError as e:
            if e.errno != errno.ENXIO:
                raise
            os.ftruncate(target, os.fstat(source).st_size)  # the rest is a hole, or there is none
            return position, moved, True
        count = min(os.lseek(source, position, os.SEEK_HOLE) - position, _BUFFER)
        done = _copy_range(source, target, position, count)
        position += done
        moved += done
    return position, moved, False


def _copy_range(source: int, target: int, position: int, count: int) -> int:
    try:
        if done := os.copy_file_range(source, target, count, position, position):
            return done
    except OSError as e:
        if e.errno not in _NOT_BY_KERNEL:
            raise
    data = os.pread(source, count, position)
    if not data:
        raise OSError(errno.EIO, "The file became shorter while it was read")
    return os.pwrite(target, data, position)


class RemoteFiles:
    """Those in a folder of another host, whose libvirt has a storage pool there.

    :param pool: its name.
    """

    def __init__(self, connection: Connection, pool: str) -> None:
        self._connection = connection
        self._pool = pool

    def stored(self, name: str) -> int | None:
        with libvirt_errors():
            return self._connection.call(_stored, self._pool, name)

    def pieces(self, name: str, target: int) -> Iterator[int]:
        with libvirt_errors():
            stream = self._connection.call(_download, self._pool, name)
            position, ended = 0, False
            try:
                while not ended:
                    position, moved, ended = self._connection.call(_receive, stream, target, position)
                    yield moved
            finally:
                if not ended:
                    with contextlib.suppress(Unavailable):  # it ended with its connection
                        self._connection.call(_abort, stream)


@contextlib.contextmanager
def remote_files(connection: Connection, instance_uuid: str, node: str, folder: Path) -> Iterator[RemoteFiles]:
    """Have another host's libvirt give out the files of a folder.

    :param node: uuid of this compute node.
    :raises GuestFailed: there is no such folder, or libvirt refuses.
    :raises Unavailable: it can't be reached.
    """
    with libvirt_errors():
        pool = connection.call(_open_pool, instance_uuid, node, str(folder))
    try:
        yield RemoteFiles(connection, pool)
    finally:
        # One that stays is closed by who needs another one, or when what is set aside goes.
        with contextlib.suppress(Unavailable, libvirt.libvirtError):
            connection.call(close_pools, instance_uuid)


@contextlib.contextmanager
def libvirt_errors() -> Iterator[None]:
    """
    :raises GuestFailed: for what libvirt says.
    """
    try:
        yield
    except libvirt.libvirtError as e:
        raise GuestFailed(reason=f"libvirt: {e}") from e


def close_pools(connection: libvirt.virConnect, instance_uuid: str) -> None:
    """Close the pools that this or another compute node has opened for an instance (in a real thread).

    No two pools of one folder can be open, and one outlives the process that has opened it.
    """
    for pool in connection.listAllStoragePools(0):
        if pool.name().startswith(_pool_prefix(instance_uuid)):
            try:
                pool.destroy()
            except libvirt.libvirtError as e:
                if e.get_error_code() not in (libvirt.VIR_ERR_NO_STORAGE_POOL, libvirt.VIR_ERR_OPERATION_INVALID):
                    raise


def _pool_prefix(instance_uuid: str) -> str:
    return f"novalike-move-{instance_uuid}-"


def _open_pool(connection: libvirt.virConnect, instance_uuid: str, node: str, folder: str) -> str:
    close_pools(connection, instance_uuid)
    name = _pool_prefix(instance_uuid) + node
    pool = element("pool", element("name", text=name), element("target", element("path", text=folder)), type_="dir")
    connection.storagePoolCreateXML(etree.tostring(pool, encoding="unicode"), 0)
    return name


def _stored(connection: libvirt.virConnect, pool: str, name: str) -> int | None:
    try:
        _kind, _capacity, allocation = connection.storagePoolLookupByName(pool).storageVolLookupByName(name).info()
    except libvirt.libvirtError as e:
        if e.get_error_code() == libvirt.VIR_ERR_NO_STORAGE_VOL:
            return None
        raise
    return int(allocation)


def _download(connection: libvirt.virConnect, pool: str, name: str) -> libvirt.virStream:
    volume = connection.storagePoolLookupByName(pool).storageVolLookupByName(name)
    stream = connection.newStream(0)
    volume.download(stream, 0, 0, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)
    return stream


def _receive(
    _connection: libvirt.virConnect, stream: libvirt.virStream, target: int, position: int
) -> tuple[int, int, bool]:
    """Write one piece of what comes.

    :returns: where the next one begins, bytes of data, whether that was all.
    """
    moved, end = 0, time.monotonic() + _PIECE_SECONDS
    while moved < _PIECE and time.monotonic() < end:
        data = stream.recvFlags(_BUFFER, libvirt.VIR_STREAM_RECV_STOP_AT_HOLE)
        if data == _HOLE:
            position += stream.recvHole()
            os.ftruncate(target, position)
        elif data:
            rest = memoryview(data)
            while rest:
                done = os.pwrite(target, rest, position)
                position, rest = position + done, rest[done:]
            moved += len(data)
        else:
            stream.finish()
            return position, moved, True
    return position, moved, False


def _abort(_connection: libvirt.virConnect, stream: libvirt.virStream) -> None:
    with contextlib.suppress(libvirt.libvirtError):
        stream.abort()
