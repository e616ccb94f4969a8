"""libvirt's storage on another host, as far as files are read through it: over this machine's folders."""

import os
import threading
from pathlib import Path
from typing import Any

import libvirt
from lxml import etree

# A packet of libvirt's has fewer bytes than one asks for.
_PACKET = 65536


def _error(code: int, text: str) -> libvirt.libvirtError:
    class Error(libvirt.libvirtError):
        def get_error_code(self) -> int:
            return code

        def get_error_domain(self) -> int:
            return int(libvirt.VIR_FROM_STORAGE)

    return Error(text)


class StorageHost:
    """A libvirt daemon, which keeps its pools when connections are gone."""

    def __init__(self) -> None:
        self.pools: dict[str, Path] = {}
        self.downloads: list[str] = []
        # Called before each packet, in whatever thread receives.
        self.before_packet: Any = lambda: None
        self.opened: list[str] = []

    def install(self, monkeypatch: Any, prefix: str = "qemu+tcp://") -> "StorageHost":
        """Have it answer at all addresses that begin with a prefix."""
        real = libvirt.open

        def open_any(uri: str) -> Any:
            if not uri.startswith(prefix):
                return real(uri)
            self.opened.append(uri)
            return _Connection(self)

        monkeypatch.setattr(libvirt, "open", open_any)
        return self


class _Connection:
    def __init__(self, host: StorageHost) -> None:
        self._host = host

    def setKeepAlive(self, *_when: int) -> None: ...  # noqa: N802

    def isAlive(self) -> bool:  # noqa: N802
        return True

    def close(self) -> None: ...

    def storagePoolCreateXML(self, xml: str, _flags: int) -> "_Pool":  # noqa: N802
        pool = etree.fromstring(xml)
        name, folder = pool.findtext("name"), Path(pool.findtext("target/path") or "")
        if folder in self._host.pools.values():
            raise _error(libvirt.VIR_ERR_OPERATION_FAILED, "Storage source conflict with pool")
        if name in self._host.pools:
            raise _error(libvirt.VIR_ERR_OPERATION_FAILED, "pool already exists")
        if not folder.is_dir():
            raise _error(libvirt.VIR_ERR_SYSTEM_ERROR, f"cannot open directory '{folder}'")
        self._host.pools[name] = folder
        return _Pool(self._host, name)

    def listAllStoragePools(self, _flags: int) -> list["_Pool"]:  # noqa: N802
        return [_Pool(self._host, name) for name in self._host.pools]

    def storagePoolLookupByName(self, name: str) -> "_Pool":  # noqa: N802
        if name not in self._host.pools:
            raise _error(libvirt.VIR_ERR_NO_STORAGE_POOL, "no storage pool")
        return _Pool(self._host, name)

    def newStream(self, _flags: int) -> "_Stream":  # noqa: N802
        return _Stream(self._host)


class _Pool:
    def __init__(self, host: StorageHost, name: str) -> None:
        self._host = host
        self._name = name

    def name(self) -> str:
        return self._name

    def destroy(self) -> None:
        if self._host.pools.pop(self._name, None) is None:
            raise _error(libvirt.VIR_ERR_NO_STORAGE_POOL, "no storage pool")

    def storageVolLookupByName(self, name: str) -> "_Volume":  # noqa: N802
        path = self._host.pools[self._name] / name
        if not path.is_file():
            raise _error(libvirt.VIR_ERR_NO_STORAGE_VOL, "no storage vol with matching name")
        return _Volume(self._host, path)


class _Volume:
    def __init__(self, host: StorageHost, path: Path) -> None:
        self._host = host
        self._path = path

    def info(self) -> list[int]:
        facts = self._path.stat()
        return [0, facts.st_size, facts.st_blocks * 512]

    def download(self, stream: "_Stream", offset: int, length: int, flags: int) -> None:
        assert (offset, length, flags) == (0, 0, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)
        self._host.downloads.append(self._path.name)
        stream.descriptor = os.open(self._path, os.O_RDONLY)


class _Stream:
    """Gives holes as libvirt does: -3 instead of data, then the length; the last one's end is the file's."""

    def __init__(self, host: StorageHost) -> None:
        self._host = host
        self._position = 0
        self.descriptor = -1
        self._lock = threading.Lock()

    def recvFlags(self, count: int, flags: int) -> bytes | int:  # noqa: N802
        assert flags == libvirt.VIR_STREAM_RECV_STOP_AT_HOLE
        self._host.before_packet()
        if self._position >= os.fstat(self.descriptor).st_size:
            return b""
        if self._data() != self._position:
            return -3
        end = os.lseek(self.descriptor, self._position, os.SEEK_HOLE)
        data = os.pread(self.descriptor, min(count, _PACKET, end - self._position), self._position)
        self._position += len(data)
        return data

    def recvHole(self) -> int:  # noqa: N802
        start, self._position = self._position, self._data()
        return self._position - start

    def _data(self) -> int:
        try:
            return os.lseek(self.descriptor, self._position, os.SEEK_DATA)
        except OSError:
            return os.fstat(self.descriptor).st_size

    def finish(self) -> None:
        self._close()

    def abort(self) -> None:
        self._close()

    def _close(self) -> None:
        with self._lock:
            if self.descriptor >= 0:
                os.close(self.descriptor)
            self.descriptor = -1
