"""Files of what is set aside, in pieces: from a folder here, and through another host's libvirt."""

import errno
import os

import pytest

from novalike.objects.errors import Unavailable
from novalike.virt import cancellation
from novalike.virt.driver import GuestFailed
from novalike.virt.native_threads import NativeThreads
from tests.fakes.storage import StorageHost
from tests.unit.virt import mock_libvirt

libvirt = mock_libvirt.libvirt

from novalike.virt.libvirt import disk_transfer, events  # noqa: E402
from novalike.virt.libvirt.connection import Connection  # noqa: E402
from novalike.virt.libvirt.disk_transfer import LocalFiles, RemoteFiles, remote_files  # noqa: E402

MIB = 1024**2
UUID = "4f3a0e2c-6d1b-4c8e-9f57-0a1b2c3d4e5f"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "source").mkdir()
    return tmp_path / "source"


@pytest.fixture
def storage(monkeypatch):
    return StorageHost().install(monkeypatch)


@pytest.fixture
def connection(storage):
    events.start_loop()
    return Connection("qemu+tcp://192.0.2.1/system", NativeThreads(1), lambda _connection: None)


@pytest.fixture(params=["local", "remote"])
def files(request, folder, connection):
    if request.param == "local":
        yield LocalFiles(folder, NativeThreads(1))
        return
    with remote_files(connection, UUID, "node", folder) as found:
        yield found


def holes(path, *data, size):
    """A file of which only some places have data: (where, what)."""
    with path.open("wb") as f:
        for where, what in data:
            f.seek(where)
            f.write(what)
        f.truncate(size)


def copied(files, name, target):
    with target.open("wb") as f:
        return list(files.pieces(name, f.fileno()))


@pytest.mark.parametrize(
    ("data", "size"),
    [
        ([], 0), ([], MIB), ([(0, b"x")], 1), ([(0, b"x" * MIB)], 3 * MIB), ([(8 * MIB, b"end")], 8 * MIB + 3),
        ([(0, b"a" * 70000), (4 * MIB, b"b" * 5000), (9 * MIB, b"c")], 16 * MIB + 5),
    ],
    ids=["empty", "a hole", "a byte", "then a hole", "a hole first", "holes between"],
)  # fmt: skip
def test_what_is_copied_is_the_same_and_holes_stay_holes(files, folder, tmp_path, data, size):
    holes(folder / "disk", *data, size=size)
    moved = copied(files, "disk", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == (folder / "disk").read_bytes()
    assert (tmp_path / "copy").stat().st_blocks <= (folder / "disk").stat().st_blocks
    assert sum(moved) <= files.stored("disk") or not size


def test_large_files_come_in_pieces(monkeypatch, files, folder, tmp_path):
    monkeypatch.setattr(disk_transfer, "_PIECE", 3 * MIB)
    (folder / "disk").write_bytes(os.urandom(8 * MIB))
    moved = copied(files, "disk", tmp_path / "copy")
    assert len(moved) >= 3
    assert sum(moved) == 8 * MIB
    assert (tmp_path / "copy").read_bytes() == (folder / "disk").read_bytes()


def test_a_piece_does_not_take_long(monkeypatch, files, folder, tmp_path):
    monkeypatch.setattr(disk_transfer, "_PIECE_SECONDS", -1)
    (folder / "disk").write_bytes(b"x")
    with (tmp_path / "copy").open("wb") as f:
        pieces = files.pieces("disk", f.fileno())
        assert [next(pieces) for _ in range(3)] == [0, 0, 0]
        pieces.close()


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EOPNOTSUPP, None])
def test_where_the_kernel_does_not_copy(monkeypatch, folder, tmp_path, code):
    def refuse(*_args):
        if code is None:
            return 0
        raise OSError(code, "not here")

    monkeypatch.setattr(os, "copy_file_range", refuse)
    holes(folder / "disk", (MIB, b"data" * 1000), size=4 * MIB)
    copied(LocalFiles(folder, NativeThreads(1)), "disk", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == (folder / "disk").read_bytes()


def test_what_is_not_there(files, tmp_path):
    assert files.stored("disk") is None
    with pytest.raises(GuestFailed):
        copied(files, "disk", tmp_path / "copy")


def test_a_small_file_is_read(files, folder):
    (folder / "guest.json").write_bytes(b"{}")
    assert disk_transfer.read(files, "guest.json", 2) == b"{}"
    with pytest.raises(GuestFailed, match=r"guest\.json is larger"):
        disk_transfer.read(files, "guest.json", 1)


def test_no_space_is_told_by_the_file_system(monkeypatch, files, folder, tmp_path):
    def full(*_args):
        raise OSError(errno.ENOSPC, "No space left on device")

    (folder / "disk").write_bytes(b"x" * 100)
    monkeypatch.setattr(os, "pwrite", full)
    monkeypatch.setattr(os, "copy_file_range", full)
    with pytest.raises(OSError, match="No space"):
        copied(files, "disk", tmp_path / "copy")


def test_whoever_stops_in_the_middle_leaves_no_stream(monkeypatch, connection, storage, folder, tmp_path):
    monkeypatch.setattr(disk_transfer, "_PIECE", 1)
    aborted = []
    monkeypatch.setattr(disk_transfer, "_abort", lambda _connection, stream: aborted.append(stream))
    (folder / "disk").write_bytes(os.urandom(MIB))
    job = cancellation.Cancellation("req-1")

    def copy_until_cancelled(files, target):
        for _moved in files.pieces("disk", target):
            job.cancel()
            cancellation.check()

    with (
        remote_files(connection, UUID, "node", folder) as files,
        (tmp_path / "copy").open("wb") as f,
        cancellation.listening(job),
        pytest.raises(cancellation.Cancelled),
    ):
        copy_until_cancelled(files, f.fileno())
    assert len(aborted) == 1
    assert storage.pools == {}


def test_whoever_stops_says_why_though_libvirt_is_gone(monkeypatch, connection, folder, tmp_path):
    monkeypatch.setattr(disk_transfer, "_PIECE", 1)
    (folder / "disk").write_bytes(os.urandom(MIB))

    def lose(*_args, **_options):
        raise Unavailable(reason="it is gone")

    def copy_and_stop(files, target):
        for _moved in files.pieces("disk", target):
            monkeypatch.setattr(connection, "call", lose)
            raise cancellation.Cancelled(operation_id="req-1")

    with (
        pytest.raises(cancellation.Cancelled),
        remote_files(connection, UUID, "node", folder) as files,
        (tmp_path / "copy").open("wb") as f,
    ):
        copy_and_stop(files, f.fileno())


def test_one_pool_at_a_time_for_each_instance(connection, storage, folder, tmp_path):
    """Predecessors may have been of another node, and may have died."""
    connection.call(disk_transfer._open_pool, UUID, "another", str(folder))
    other = "5f3a0e2c-6d1b-4c8e-9f57-0a1b2c3d4e5f"
    connection.call(disk_transfer._open_pool, other, "another", str(tmp_path))
    with remote_files(connection, UUID, "node", folder):
        assert set(storage.pools.values()) == {folder, tmp_path}
    assert list(storage.pools.values()) == [tmp_path]
    connection.call(disk_transfer.close_pools, other)
    assert storage.pools == {}


def test_a_folder_that_is_not_there(connection, folder):
    with pytest.raises(GuestFailed, match="cannot open"), remote_files(connection, UUID, "node", folder / "none"):
        pass


def test_a_pool_that_somebody_has_closed(connection, folder):
    (folder / "disk").write_bytes(b"x")
    with remote_files(connection, UUID, "node", folder) as files:
        connection.call(disk_transfer.close_pools, UUID)
        with pytest.raises(GuestFailed, match="no storage pool"):
            files.stored("disk")


def test_a_source_that_is_away(folder):
    away = Connection("qemu+unix:///system?socket=/nonexistent", NativeThreads(1), lambda _connection: None)
    with pytest.raises(Unavailable), remote_files(away, UUID, "node", folder):
        pass
    with pytest.raises(Unavailable):
        RemoteFiles(away, "pool").stored("disk")
