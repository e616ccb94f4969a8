"""The image of a create request: that it is there for this user, and can be used."""

from typing import Any

from novalike.clients.glance import GlanceClient
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.image import Image

# Bytes: no property that means anything to us is longer, and all of them go into the server's record.
_LONGEST_PROPERTY = 65535
_CONFIG_DRIVE = ("optional", "mandatory")


def find_image(ctx: RequestContext, glance: GlanceClient, image_id: str) -> Image:
    """The image for a new server.

    :raises Invalid: there is none, or not for this user, or it isn't active, or its properties make no sense.
    :raises Unavailable: Glance doesn't answer.
    """
    try:
        image = glance.get(ctx, image_id)
    except errors.ImageNotFound as error:
        raise errors.Invalid("Can not find requested image") from error
    check_usable(image)
    return image


def check_usable(image: Image) -> None:
    """Whether servers can be made from an image.

    :raises Invalid: no, and why.
    """
    if image.status != "active":
        raise errors.Invalid(f"Image {image.id} is not active.")
    for name, value in image.properties.items():
        if isinstance(value, str) and len(value.encode()) > _LONGEST_PROPERTY:
            raise errors.ImageUnacceptable(image_id=image.id, reason=f"property {name} is too long")
    wanted = image.properties.get("img_config_drive", "optional")
    if wanted not in _CONFIG_DRIVE:
        raise errors.Invalid(f"Image's config drive option '{wanted}' is invalid")
    for number in ("min_ram", "min_disk"):
        if getattr(image, number) < 0:
            raise errors.ImageUnacceptable(image_id=image.id, reason=f"{number} is negative")
    _check_whole_number(image, "hw_cpu_cores")
    _check_whole_number(image, "hw_cpu_sockets")
    _check_whole_number(image, "hw_cpu_threads")


def _check_whole_number(image: Image, name: str) -> None:
    value: Any = image.properties.get(name)
    if value is not None and not (str(value).isdigit() and int(value) > 0):
        raise errors.ImageUnacceptable(image_id=image.id, reason=f"property {name} must be a number above 0")
