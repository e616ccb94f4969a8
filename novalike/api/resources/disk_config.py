"""``OS-DCF:diskConfig``: whether a guest's file system is made as large as its disk."""

from collections.abc import Mapping
from typing import Any

from novalike.objects import errors


def read_disk_config(wanted: Mapping[str, Any], image_id: str | None, image_says: Any) -> bool | None:
    """What a request says of it; None is nothing.

    :param image_says: the image's property ``auto_disk_config``.
    :raises Invalid: the image forbids it.
    """
    choice = wanted.get("OS-DCF:diskConfig")
    if choice is None:
        return None
    if choice == "AUTO" and str(image_says).strip().lower() == "disabled":
        raise errors.Invalid(f"Requested image {image_id} has automatic disk resize disabled.")
    return bool(choice == "AUTO")
