"""What is on the fake hypervisor's hosts: in memory and, unless switched off, in one small file per instance.

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
        self._by_host: dict[str, dict[str, Resident]] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob("*.json"):
                found = msgspec.json.decode(path.read_bytes(), type=Resident)
                self._by_host.setdefault(found.host, {})[found.instance_uuid] = found

    def get(self, host: str, uuid: str) -> Resident | None:
        """What is on a host of an instance, if anything is."""
        return self._by_host.get(host, {}).get(uuid)

    def on(self, host: str) -> list[Resident]:
        """All residents of a host."""
        with self._lock:
            return list(self._by_host.get(host, {}).values())

    def put(self, resident: Resident) -> None:
        """Keep what there is of an instance now; forget the instance when that is nothing."""
        with self._lock:
            known = self._by_host.setdefault(resident.host, {})
            if known.get(resident.instance_uuid) == resident:
                return
            if resident.is_nothing:
                if known.pop(resident.instance_uuid, None) and self._folder is not None:
                    _path(self._folder, resident).unlink(missing_ok=True)
                return
            if self._folder is not None:
                # Renamed, so that a process that is killed leaves the old file or the new one.
                draft = self._folder / f".{os.getpid()}.{next(self._drafts)}.new"
                draft.write_bytes(msgspec.json.encode(resident))
                draft.rename(_path(self._folder, resident))
            known[resident.instance_uuid] = resident


def _path(folder: Path, resident: Resident) -> Path:
    return folder / f"{resident.instance_uuid}@{resident.host}.json"
