"""What the files of the image cache are called. What is called otherwise is not the cache's, and is left alone."""

import hashlib
import re

# What guests' disks can be laid over as it is; anything else is converted to raw.
BASE_FORMATS = ("qcow2", "raw")
BLOB = "blob"
PARTIAL = "part"

_COMPLETE = (*BASE_FORMATS, BLOB)
_STEM = "[0-9a-f]{40}"
COMPLETE = re.compile(rf"{_STEM}\.(?:{'|'.join(_COMPLETE)})")
LEFTOVER = re.compile(rf"{_STEM}\.{PARTIAL}(?:\.raw)?")
LOCK = re.compile(_STEM)


def stem(image_id: str) -> str:
    """What an image's files are called, before the dot: ids are users' input, so never as they are."""
    return hashlib.sha1(image_id.encode(), usedforsecurity=False).hexdigest()


def complete(image_stem: str) -> tuple[str, ...]:
    """The names of all complete files that there can be of an image."""
    return tuple(f"{image_stem}.{kind}" for kind in _COMPLETE)


def leftovers(image_stem: str) -> tuple[str, ...]:
    """The names of all files that an interrupted download of an image can leave."""
    return (f"{image_stem}.{PARTIAL}", f"{image_stem}.{PARTIAL}.raw")
