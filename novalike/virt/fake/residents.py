"""What is on the fake hypervisor's hosts: in memory and, unless switched off, in small files: one per instance, and one
for what is set aside of it.

Real guests and disks outlive the daemon that manages them, so these do as well; and a real hypervisor is the
only one who knows of them, so nothing else in novalike may read the files.
"""

import itertools
import os
import threading
from pathlib import Path

import msgspec

from novalike.objects.record import Record


class Resident(Record, frozen=True):
    """All that is on a host of one instance.

    :param power_state: of its guest; None when there is no guest, but only disks or interfaces.
    :param has_disks: its disks have been made.
    :param plugged: ids of the ports whose interfaces are plugged.
    :param boots: how often the guest has been started.
    :param image_id: of the image that its root disk was made from.
    :param content: which disks these are: made up when they are made, and the same wherever they are copied to.
    :param fetched_from: the ``aside_id`` of what its disks have been copied from, if they have been.
    :param aside_id: None for what is in use. What is set aside has its own each time: it has disks, and nothing else.
    """

    instance_uuid: str
    host: str
    instance_name: str
    memory_mb: int
    vcpus: int
    power_state: int | None
    has_disks: bool = False
    plugged: tuple[str, ...] = ()
    boots: int = 0
    has_config_drive: bool = False
    image_id: str | None = None
    content: str | None = None
    fetched_from: str | None = None
    aside_id: str | None = None

    @property
    def is_aside(self) -> bool:
        """Whether this is what was set aside."""
        return self.aside_id is not None

    @property
    def is_nothing(self) -> bool:
        """Whether nothing of the instance is left."""
        return self.power_state is None and not self.has_disks and not self.plugged


class ResidentStore:
    """All residents of the hosts of a process.

    :param folder: where they are kept; None keeps them in memory only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._drafts = itertools.count()
        self._by_host: dict[str, dict[tuple[str, bool], Resident]] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob("*.json"):
                found = msgspec.json.decode(path.read_bytes(), type=Resident)
                self._by_host.setdefault(found.host, {})[_key(found)] = found

    def get(self, host: str, uuid: str) -> Resident | None:
        """What is on a host of an instance, if anything is, but for what is set aside."""
        return self._by_host.get(host, {}).get((uuid, False))

    def aside(self, host: str, uuid: str) -> Resident | None:
        """What is set aside on a host of an instance, if anything is."""
        return self._by_host.get(host, {}).get((uuid, True))

    def on(self, host: str) -> list[Resident]:
        """All residents of a host, also those that are set aside."""
        with self._lock:
            return list(self._by_host.get(host, {}).values())

    def put(self, resident: Resident) -> None:
        """Keep what there is of an instance now; forget the instance when that is nothing."""
        with self._lock:
            known = self._by_host.setdefault(resident.host, {})
            key = _key(resident)
            if known.get(key) == resident:
                return
            if resident.is_nothing:
                if known.pop(key, None) and self._folder is not None:
                    _path(self._folder, resident).unlink(missing_ok=True)
                return
            if self._folder is not None:
                # Renamed, so that a process that is killed leaves the old file or the new one.
                draft = self._folder / f".{os.getpid()}.{next(self._drafts)}.new"
                draft.write_bytes(msgspec.json.encode(resident))
                draft.rename(_path(self._folder, resident))
            known[key] = resident


def _key(resident: Resident) -> tuple[str, bool]:
    return resident.instance_uuid, resident.is_aside


def _path(folder: Path, resident: Resident) -> Path:
    kind = "_resize" if resident.is_aside else ""
    return folder / f"{resident.instance_uuid}{kind}@{resident.host}.json"
