"""Disks of the fake hypervisor that are set aside, and copied to other hosts.

Each step is one file that is written or removed, and there are two for setting aside and for taking back. So both may
be there afterwards, of one set of disks: the next call of either finishes what was begun.
"""

import uuid
from typing import Any

import msgspec

from novalike.objects.lifecycle import PowerState
from novalike.objects.record import Record
from novalike.virt.driver import GuestFailed, GuestNotFound, OtherDisks
from novalike.virt.fake.residents import Resident, ResidentStore

# What changes of a resident when its disks are removed.
NO_DISKS: dict[str, Any] = {
    "has_disks": False, "image_id": None, "boots": 0, "has_config_drive": False, "content": None, "fetched_from": None,
}  # fmt: skip


class Origin(Record, frozen=True):
    """What disks are copied from. The source's process is often another one, so all that is copied is in here."""

    host: str
    aside_id: str
    content: str | None
    image_id: str | None
    boots: int
    has_config_drive: bool


def set_aside(store: ResidentStore, known: Resident) -> str:
    """See :meth:`novalike.virt.abilities.MovesGuests.set_aside`.

    :param known: what is there of the instance in use.
    """
    aside = store.aside(known.host, known.instance_uuid)
    if not known.has_disks:
        if aside is None:
            raise GuestNotFound(instance_id=known.instance_uuid)
    elif known.power_state == PowerState.RUNNING:
        raise GuestFailed(reason=f"the guest of instance {known.instance_uuid} runs: it can't be set aside")
    elif aside is not None and not _are_the_same(known, aside):
        raise GuestFailed(reason=f"other disks of instance {known.instance_uuid} are set aside on host {known.host}")
    else:
        aside = aside or msgspec.structs.replace(known, power_state=None, plugged=(), aside_id=str(uuid.uuid4()))
        store.put(aside)
        store.put(msgspec.structs.replace(known, power_state=None, **NO_DISKS))
    return msgspec.json.encode(_origin(aside)).decode()


def find_origin(store: ResidentStore, hosts: tuple[str, ...], known: Resident, source: str | None) -> Origin:
    """Return what an instance's disks are to be copied from.

    :param hosts: of this process.
    :raises GuestFailed: nothing is set aside there, as far as that can be told.
    """
    origin = None if source is None else msgspec.json.decode(source, type=Origin)
    host = origin.host if origin is not None else known.host
    if origin is not None and (host not in hosts or known.fetched_from == origin.aside_id):
        return origin
    aside = store.aside(host, known.instance_uuid)
    if aside is None or (origin is not None and aside.aside_id != origin.aside_id):
        raise GuestFailed(reason=f"nothing of instance {known.instance_uuid} is set aside on host {host}")
    return _origin(aside)


def is_fetched(known: Resident, origin: Origin) -> bool:
    """Return whether an instance's disks have been copied.

    :raises GuestFailed: it has others.
    """
    if known.has_disks and known.fetched_from != origin.aside_id:
        raise GuestFailed(reason=f"host {known.host} has other disks of instance {known.instance_uuid}")
    return known.has_disks


def fetched(origin: Origin) -> dict[str, Any]:
    """Return what changes of a resident when disks have been copied."""
    return {
        "has_disks": True, "image_id": origin.image_id, "boots": origin.boots, "content": origin.content,
        "has_config_drive": origin.has_config_drive, "fetched_from": origin.aside_id,
    }  # fmt: skip


def take_back(store: ResidentStore, known: Resident) -> None:
    """See :meth:`novalike.virt.abilities.MovesGuests.take_back`."""
    aside = store.aside(known.host, known.instance_uuid)
    if aside is None:
        return
    if known.has_disks and not _are_the_same(known, aside):
        raise OtherDisks(instance_id=known.instance_uuid)
    if not known.has_disks:
        store.put(msgspec.structs.replace(aside, plugged=known.plugged, aside_id=None))
    discard_aside(store, known)


def discard_aside(store: ResidentStore, known: Resident) -> None:
    """See :meth:`novalike.virt.abilities.MovesGuests.discard_aside`."""
    if aside := store.aside(known.host, known.instance_uuid):
        store.put(msgspec.structs.replace(aside, has_disks=False))


def _are_the_same(known: Resident, aside: Resident) -> bool:
    """Return whether disks in use are those that are set aside, and no copy of them."""
    return known.content == aside.content and known.fetched_from != aside.aside_id


def _origin(aside: Resident) -> Origin:
    assert aside.aside_id is not None
    return Origin(
        host=aside.host, aside_id=aside.aside_id, content=aside.content, image_id=aside.image_id, boots=aside.boots,
        has_config_drive=aside.has_config_drive,
    )  # fmt: skip
