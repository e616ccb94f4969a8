"""Whether flavor, image and block devices go together."""

from typing import Any

import msgspec
import pytest

from novalike.conductor.servers.creation import default_hostname
from novalike.conductor.servers.flavor_fit import check_fits, check_resize
from novalike.objects import errors
from novalike.objects.block_device import BlockDevice
from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.server import ServerRequest
from tests.fakes import records

GIB = 2**30


def flavor(**more: Any) -> Flavor:
    return Flavor(**({"flavor_id": "1", "name": "f", "memory_mb": 512, "vcpus": 1, "root_gb": 1} | more))


def image(**more: Any) -> Image:
    return Image(**({"id": "i", "name": "i", "disk_format": "raw", "container_format": "bare", "size": 1} | more))


def blank(**more: Any) -> BlockDevice:
    facts = {"uuid": "u", "source_type": "blank", "destination_type": "local", "boot_index": None, **more}
    return BlockDevice(**facts)


@pytest.mark.parametrize(
    ("a_flavor", "an_image", "message"),
    [
        (flavor(), image(min_ram=513), "Flavor's memory is too small for requested image."),
        (flavor(), image(min_disk=2), "Flavor's disk is smaller than the minimum size specified in image metadata."),
        (flavor(), image(size=GIB + 1), "Flavor's disk is too small for requested image."),
        (flavor(), image(virtual_size=2 * GIB), "image is 2147483648 bytes."),
    ],
)
def test_too_small(a_flavor: Flavor, an_image: Image, message: str) -> None:
    with pytest.raises(errors.Invalid) as raised:
        check_fits(a_flavor, ServerRequest(name="s", flavor_id="1", image=an_image))
    assert message in raised.value.message


def test_just_large_enough() -> None:
    check_fits(flavor(), ServerRequest(name="s", flavor_id="1", image=image(min_ram=512, min_disk=1, size=GIB)))


def test_without_an_image_only_the_devices_count() -> None:
    check_fits(flavor(root_gb=0), ServerRequest(name="s", flavor_id="1", image=None, may_use_zero_disk=False))
    with pytest.raises(errors.Invalid):
        check_fits(flavor(), ServerRequest(name="s", flavor_id="1", block_devices=(blank(volume_size=1),)))


def test_zero_disk_is_for_some() -> None:
    request = ServerRequest(name="s", flavor_id="1", image=image(size=5 * GIB), may_use_zero_disk=False)
    with pytest.raises(errors.Forbidden, match="Only volume-backed servers"):
        check_fits(flavor(root_gb=0), request)
    check_fits(flavor(root_gb=0), ServerRequest(name="s", flavor_id="1", image=image(size=5 * GIB)))


@pytest.mark.parametrize(
    ("devices", "fine"),
    [
        ((blank(volume_size=1), blank(volume_size=1)), True), ((blank(volume_size=3),), False), ((blank(),), True),
        ((blank(), blank(volume_size=1)), False), ((blank(guest_format="swap", volume_size=512),), True),
        ((blank(guest_format="swap", volume_size=513),), False), ((blank(guest_format="swap"),) * 2, False),
        ((blank(volume_size=1), blank(volume_size=1), blank(guest_format="swap")), False),
    ],
    ids=lambda v: str(len(v)) if isinstance(v, tuple) else str(v),
)  # fmt: skip
def test_local_disks(devices: tuple[BlockDevice, ...], fine: bool) -> None:
    request = ServerRequest(name="s", flavor_id="1", image=image(), block_devices=devices)
    if fine:
        check_fits(flavor(ephemeral_gb=2, swap=512), request)
        return
    with pytest.raises(errors.Invalid):
        check_fits(flavor(ephemeral_gb=2, swap=512), request)


@pytest.mark.parametrize(
    ("name", "number", "hostname"),
    [
        ("Web 1", None, "web-1"), ("a_b.c", None, "a-b-c"), ("-.x.-", None, "x"), ("", None, "Server-ID"),
        ("...", 2, "Server-ID"),
        ("x" * 80, None, "x" * 63), ("x" * 80, 3, "x" * 63 + "-3"), ("vm", 10, "vm-10"), ("a+b/c", None, "abc"),
    ],
)  # fmt: skip
def test_hostnames(name: str, number: int | None, hostname: str) -> None:
    assert default_hostname(name, "ID", number) == hostname


SWAP = blank(guest_format="swap", volume_size=64)
OLD = flavor(root_gb=2, ephemeral_gb=2, swap=64)


@pytest.mark.parametrize(
    ("new", "devices", "error"),
    [
        ({}, (), None), ({"root_gb": 3, "ephemeral_gb": 3, "memory_mb": 1024}, (), None),
        # Memory and swap may shrink.
        ({"memory_mb": 64, "swap": 0}, (SWAP,), None),
        ({"flavor_id": "1"}, (), "instances must change flavor"),
        ({"root_gb": 1}, (), "The root disk can't shrink from 2 to 1 GiB."),
        ({"root_gb": 0}, (), "Resize to zero disk flavor is not allowed."),
        ({"ephemeral_gb": 1}, (), "Ephemeral disks can't shrink."),
        # What the server was made with is what counts.
        ({"ephemeral_gb": 1}, (blank(volume_size=1),), None),
        ({"ephemeral_gb": 1}, (blank(volume_size=1), SWAP), None),
        ({"ephemeral_gb": 1}, (blank(volume_size=1), blank(volume_size=1)), "Ephemeral disks can't shrink."),
        ({"ephemeral_gb": 1}, (blank(),), "Ephemeral disks can't shrink."),
        ({"ephemeral_gb": 1}, (SWAP,), "Ephemeral disks can't shrink."),
        ({"ephemeral_gb": 1}, (blank(volume_size=1, source_type="image"),), "Ephemeral disks can't shrink."),
        ({"ephemeral_gb": 1}, (blank(volume_size=1, destination_type="volume"),), "Ephemeral disks can't shrink."),
        ({"memory_mb": 31}, (), "Flavor's memory is too small for requested image."),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_server_may_be_resized_to(
    new: dict[str, Any], devices: tuple[BlockDevice, ...], error: str | None
) -> None:
    a_server = records.server(flavor=OLD, block_devices=devices)
    wanted = msgspec.structs.replace(OLD, **{"flavor_id": "2", **new})

    def check(an_image: Image | None) -> None:
        check_resize(a_server, wanted, an_image, may_use_zero_disk=True)

    if error is None:
        check(image(min_ram=32))
    else:
        with pytest.raises(errors.Invalid, match=error):
            check(image(min_ram=32))
    # A volume is as large as it is.
    if new.get("flavor_id") == "1":
        with pytest.raises(errors.CannotResizeToSameFlavor):
            check(None)
    else:
        check(None)


@pytest.mark.parametrize(
    ("an_image", "root_gb", "may", "error"),
    [
        (image(size=4 * GIB), 3, True, errors.Invalid), (image(min_disk=4), 3, True, errors.Invalid),
        (image(size=4 * GIB, min_disk=4), 4, True, None), (image(size=4 * GIB), 0, True, None),
        (image(), 0, False, errors.Forbidden), (None, 0, False, None),
    ],
)  # fmt: skip
def test_a_server_is_resized_to_what_its_image_fits_in(
    an_image: Image | None, root_gb: int, may: bool, error: type[Exception] | None
) -> None:
    """Its root disk may have been of no size until now: as large as its image."""
    a_server = records.server(flavor=flavor(root_gb=0))
    wanted = flavor(flavor_id="2", root_gb=root_gb)
    if error is None:
        check_resize(a_server, wanted, an_image, may_use_zero_disk=may)
        return
    with pytest.raises(error):
        check_resize(a_server, wanted, an_image, may_use_zero_disk=may)
