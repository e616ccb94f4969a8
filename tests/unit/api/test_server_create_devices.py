"""Block devices of create requests."""

from typing import Any

import pytest

from novalike.api.resources.server_create.devices import read_devices
from novalike.objects import errors

IMAGE = "3057cd15-8181-4d1b-9d34-f6265025a2b9"
ROOT = {"source_type": "image", "destination_type": "local", "uuid": IMAGE, "boot_index": 0}


def read(*entries: dict[str, Any], image: str = IMAGE) -> Any:
    return read_devices({"imageRef": image, "block_device_mapping_v2": list(entries)})


def test_nothing_asked_for_is_no_device() -> None:
    assert read_devices({"imageRef": IMAGE}) == ()
    assert read_devices({}) == ()


def test_an_image_on_the_hosts_disk() -> None:
    (root,) = read({**ROOT, "boot_index": "0", "volume_size": "3", "disk_bus": "virtio", "delete_on_termination": "no"})
    assert (root.source_type, root.destination_type, root.boot_index, root.image_id) == ("image", "local", 0, IMAGE)
    assert (root.volume_size, root.disk_bus, root.delete_on_termination) == (3, "virtio", False)


def test_further_disks_are_local_unless_said_otherwise() -> None:
    swap, more = read({"source_type": "blank", "guest_format": "swap"}, {"source_type": "blank", "boot_index": 1})
    assert swap.destination_type == more.destination_type == "local"
    assert swap.boot_index is None
    assert swap.uuid != more.uuid


def test_the_old_form_means_volumes() -> None:
    (volume,) = read_devices(
        {"block_device_mapping": [{"device_name": "/dev/vda", "volume_id": IMAGE, "delete_on_termination": "1"}]}
    )
    assert (volume.source_type, volume.destination_type, volume.boot_index) == ("volume", "volume", 0)
    assert volume.volume_id == IMAGE
    assert volume.delete_on_termination


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([{}], "Missing device UUID."),
        ([{"uuid": IMAGE}], "Invalid source_type field."),
        ([{"source_type": "image"}], "Missing device UUID."),
        ([{"source_type": "blank", "uuid": IMAGE}], "Invalid device UUID."),
        ([{**ROOT, "boot_index": 1}], "Mapping image to local is not supported."),
        ([{**ROOT, "boot_index": None}], "Mapping image to local is not supported."),
        ([{**ROOT, "boot_index": -1}], "Mapping image to local is not supported."),
        ([ROOT, ROOT], "Boot sequence"),
        ([ROOT, {"source_type": "blank", "boot_index": 2}], "Boot sequence"),
        ([{"source_type": "blank", "boot_index": 2}], "Boot sequence"),
        ([{**ROOT, "volume_type": "fast"}], "Specifying a volume_type with destination_type=local is not supported."),
        ([{"source_type": "volume", "uuid": IMAGE, "volume_type": "fast"}], "Specifying volume type to existing"),
        ([{**ROOT, "disk_bus": "parallel"}], "Block Device Mapping is Invalid."),
        ([{"source_type": "volume", "uuid": IMAGE, "destination_type": "local"}], "Mapping volume to local"),
    ],
    ids=str,
)
def test_what_can_not_be(entries: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(errors.Invalid) as raised:
        read(*entries)
    assert message in raised.value.message


def test_without_an_image_something_must_boot() -> None:
    for entry in ({"source_type": "blank"}, ROOT):
        with pytest.raises(errors.Invalid):
            read(entry, image="")


def test_both_forms_at_once() -> None:
    with pytest.raises(errors.Invalid, match="different block_device_mapping syntaxes"):
        read_devices({"block_device_mapping": [{"volume_id": IMAGE}], "block_device_mapping_v2": [ROOT]})
