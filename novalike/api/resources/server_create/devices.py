"""The block devices of a create request."""

import uuid
from typing import Any

from oslo_utils import strutils

from novalike.objects import errors
from novalike.objects.block_device import BlockDevice

_PREFIX = "Block Device Mapping is Invalid: "
DISK_BUSES = frozenset({"fdc", "ide", "lxc", "nvme", "sata", "scsi", "uml", "usb", "virtio", "xen"})


def read_devices(wanted: dict[str, Any]) -> tuple[BlockDevice, ...]:
    """What ``block_device_mapping_v2`` (or the old ``block_device_mapping``) asks for.

    :raises Invalid: it can't be; the message says which entry is wrong.
    """
    old, new = wanted.get("block_device_mapping"), wanted.get("block_device_mapping_v2")
    if old and new:
        raise errors.Invalid(
            "Using different block_device_mapping syntaxes is not allowed in the same request."
        )
    entries = new or [_modernize(entry) for entry in old or ()]
    devices = tuple(_read(entry, has_image=bool(wanted.get("imageRef"))) for entry in entries)
    if devices:
        _check_boot_order(devices, has_image=bool(wanted.get("imageRef")))
    return devices


def _modernize(entry: dict[str, Any]) -> dict[str, Any]:
    """An entry of the old form in the new one."""
    if entry.get("volume_id"):
        source = {"source_type": "volume", "uuid": entry["volume_id"]}
    elif entry.get("snapshot_id"):
        source = {"source_type": "snapshot", "uuid": entry["snapshot_id"]}
    elif entry.get("no_device"):
        source = {"source_type": "blank"}
    else:
        raise errors.Invalid(_PREFIX + "Unrecognized legacy format.")
    boots = str(entry.get("device_name") or "").endswith("vda")
    kept = ("volume_size", "device_name", "delete_on_termination", "no_device")
    return {
        **source,
        "destination_type": "volume",
        "boot_index": 0 if boots else None,
        **{key: entry[key] for key in kept if key in entry},
    }


def _read(entry: dict[str, Any], *, has_image: bool) -> BlockDevice:
    source = entry.get("source_type")
    if entry.get("no_device"):
        source = source or "blank"
    identifier = entry.get("uuid")
    if source == "blank" and identifier:
        raise errors.Invalid(_PREFIX + "Invalid device UUID.")
    if source != "blank" and not identifier:
        raise errors.Invalid(_PREFIX + "Missing device UUID.")
    if source is None:
        raise errors.Invalid(_PREFIX + "Invalid source_type field.")
    index = entry.get("boot_index")
    index = None if index in (None, "") else int(index)
    destination = entry.get("destination_type") or ("local" if source in ("image", "blank") else "volume")
    if source in ("volume", "snapshot") and destination == "local":
        raise errors.Invalid(_PREFIX + "Mapping volume to local is not supported.")
    if source == "image" and destination == "local":
        if index != 0:
            raise errors.Invalid(_PREFIX + "Mapping image to local is not supported.")
        if not has_image:
            raise errors.Invalid(_PREFIX + "Mapping image to local is not supported.")
    _check_volume_type(entry, source, destination)
    if entry.get("disk_bus") and entry["disk_bus"] not in DISK_BUSES:
        raise errors.Invalid("Block Device Mapping is Invalid.")
    size = entry.get("volume_size")
    return BlockDevice(
        uuid=str(uuid.uuid4()),
        source_type=source,
        destination_type=destination,
        boot_index=index,
        image_id=identifier if source == "image" else None,
        volume_id=identifier if source == "volume" else None,
        snapshot_id=identifier if source == "snapshot" else None,
        volume_size=int(size) if size not in (None, "") else None,
        device_name=entry.get("device_name"),
        device_type=entry.get("device_type"),
        disk_bus=entry.get("disk_bus"),
        guest_format=entry.get("guest_format"),
        delete_on_termination=strutils.bool_from_string(entry.get("delete_on_termination", source != "volume")),
        tag=entry.get("tag"),
    )


def _check_volume_type(entry: dict[str, Any], source: str, destination: str) -> None:
    """
    :raises Invalid: it is given for something that is no new volume.
    """
    if not entry.get("volume_type"):
        return
    if destination == "local":
        raise errors.Invalid(_PREFIX + "Specifying a volume_type with destination_type=local is not supported.")
    if source == "volume":
        raise errors.Invalid(_PREFIX + "Specifying volume type to existing volume is not supported.")


def _check_boot_order(devices: tuple[BlockDevice, ...], *, has_image: bool) -> None:
    """
    :raises Invalid: two devices have the same place, or one is left out.
    """
    places = sorted(d.boot_index for d in devices if d.boot_index is not None and d.boot_index >= 0)
    if has_image and 0 not in places:
        places.insert(0, 0)  # the image's own
    if not places or places != list(range(len(places))):
        raise errors.Invalid(
            _PREFIX + "Boot sequence for the instance and image/block device mapping combination is not valid."
        )
