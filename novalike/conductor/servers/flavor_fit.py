"""Whether flavor, image and block devices of a new server, or of one that is resized, go together."""

from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.server import Server, ServerRequest

GIB = 2**30
# Disks on the host that a request may ask for, the one that servers boot from among them.
MAX_LOCAL_DISKS = 3


def check_fits(flavor: Flavor, request: ServerRequest) -> None:
    """
    :raises Forbidden: without a disk of its own the flavor is for servers on volumes.
    :raises Invalid: the image or a block device needs more than the flavor has.
    """
    if request.image is not None:
        _check_image(flavor, request.image, may_use_zero_disk=request.may_use_zero_disk)
    _check_devices(flavor, request)


def check_resize(server: Server, flavor: Flavor, image: Image | None, *, may_use_zero_disk: bool) -> None:
    """Check that a server can have another flavor.

    :param image: the one that it was made from; None: it boots from a volume.
    :param may_use_zero_disk: the caller may have an image's server with a flavor without a disk.
    :raises CannotResizeToSameFlavor: it has this one.
    :raises CannotResizeDisk: a disk would have to shrink.
    :raises Forbidden: without a disk of its own the flavor is for servers on volumes.
    :raises Invalid: the flavor is too small for the image.
    """
    old = server.flavor
    if flavor.flavor_id == old.flavor_id:
        raise errors.CannotResizeToSameFlavor()
    if image is None:
        return
    if not flavor.root_gb and old.root_gb:
        raise errors.CannotResizeDisk(reason="Resize to zero disk flavor is not allowed.")
    if flavor.root_gb and flavor.root_gb < old.root_gb:
        raise errors.CannotResizeDisk(reason=f"The root disk can't shrink from {old.root_gb} to {flavor.root_gb} GiB.")
    ephemeral = sum(
        device.volume_size or old.ephemeral_gb for device in server.block_devices
        if device.source_type == "blank" and device.destination_type == "local" and device.guest_format != "swap"
    )  # fmt: skip
    if flavor.ephemeral_gb < (ephemeral or old.ephemeral_gb):
        raise errors.CannotResizeDisk(reason="Ephemeral disks can't shrink.")
    _check_image(flavor, image, may_use_zero_disk=may_use_zero_disk)


def _check_image(flavor: Flavor, image: Image, *, may_use_zero_disk: bool) -> None:
    if image.min_ram > flavor.memory_mb:
        raise errors.Invalid("Flavor's memory is too small for requested image.")
    if not flavor.root_gb:
        if not may_use_zero_disk:
            raise errors.Forbidden("Only volume-backed servers are allowed for flavors with zero disk.")
        return
    size = image.virtual_size or image.size or 0
    if size > flavor.root_gb * GIB:
        raise errors.Invalid(
            f"Flavor's disk is too small for requested image. Flavor disk is {flavor.root_gb * GIB} bytes, "
            f"image is {size} bytes."
        )
    if image.min_disk > flavor.root_gb:
        raise errors.Invalid(
            f"Flavor's disk is smaller than the minimum size specified in image metadata. Flavor disk is "
            f"{flavor.root_gb * GIB} bytes, minimum size is {image.min_disk * GIB} bytes."
        )


def _check_devices(flavor: Flavor, request: ServerRequest) -> None:
    blank = [d for d in request.block_devices if d.source_type == "blank" and d.destination_type == "local"]
    swaps = [d for d in blank if d.guest_format == "swap"]
    ephemeral = [d for d in blank if d.guest_format != "swap"]
    if sum(d.volume_size or flavor.ephemeral_gb for d in ephemeral) > flavor.ephemeral_gb:
        raise errors.Invalid(
            "Ephemeral disks requested are larger than the instance type allows. If no size is given in one block "
            "device mapping, flavor ephemeral size will be used."
        )
    if len(swaps) > 1:
        raise errors.Invalid("Block Device Mapping is Invalid: More than one swap drive requested.")
    if any((d.volume_size or 0) > flavor.swap for d in swaps):
        raise errors.Invalid("Swap drive requested is larger than instance type allows.")
    local = sum(d.destination_type == "local" for d in request.block_devices)
    if not any(d.boot_index == 0 for d in request.block_devices):
        local += 1  # the image's own
    if local > MAX_LOCAL_DISKS:
        raise errors.Invalid(
            "Block Device Mapping is Invalid: You specified more local devices than the limit allows"
        )
