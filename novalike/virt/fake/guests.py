"""The fake hypervisor's guests: in memory and, unless switched off, in one small file each.

Real guests outlive the daemon that manages them, so these do as well; and a real hypervisor is the only one
who knows of them, so nothing else in novalike may read the files.
"""

import os
import threading
from pathlib import Path

import msgspec

from novalike.objects.lifecycle import PowerState
from novalike.objects.record import Record


class FakeGuest(Record, frozen=True):
    """A guest. ``plugged`` are the ports of its interfaces that are plugged."""

    instance_uuid: str
    instance_name: str
    host: str
    memory_mb: int
    vcpus: int
    power_state: int = PowerState.RUNNING
    boots: int = 1
    plugged: tuple[str, ...] = ()
    has_config_drive: bool = False


class GuestStore:
    """All guests of a process.

    :param folder: where they are kept; None keeps them in memory only.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._guests: dict[str, FakeGuest] = {}
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            for path in folder.glob("*.json"):
                guest = msgspec.json.decode(path.read_bytes(), type=FakeGuest)
                self._guests[guest.instance_uuid] = guest

    def get(self, host: str, uuid: str) -> FakeGuest | None:
        """A guest, if it is on this host."""
        guest = self._guests.get(uuid)
        return guest if guest is not None and guest.host == host else None

    def on(self, host: str) -> list[FakeGuest]:
        """The guests on a host."""
        with self._lock:
            return [guest for guest in self._guests.values() if guest.host == host]

    def put(self, guest: FakeGuest) -> None:
        """Make or change a guest."""
        with self._lock:
            if self._folder is not None:
                target = self._folder / f"{guest.instance_uuid}.json"
                draft = target.with_suffix(f".{os.getpid()}.{threading.get_ident()}.new")
                draft.write_bytes(msgspec.json.encode(guest))
                draft.rename(target)
            self._guests[guest.instance_uuid] = guest

    def remove(self, host: str, uuid: str) -> None:
        """Remove a guest, if it is there."""
        with self._lock:
            guest = self._guests.get(uuid)
            if guest is None or guest.host != host:
                return
            if self._folder is not None:
                (self._folder / f"{uuid}.json").unlink(missing_ok=True)
            del self._guests[uuid]
