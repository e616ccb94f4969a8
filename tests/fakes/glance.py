"""Glance in memory, with the interface of ``novalike.clients.glance.GlanceClient``.

``fail`` is called with the operation's name and the image's id before each operation, and may raise.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from typing import Any

from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.image import Image


def _nothing(*_args: Any) -> None:
    pass


class FakeGlance:
    def __init__(self) -> None:
        self.fail: Callable[..., None] = _nothing
        self.calls: list[tuple[str, str]] = []
        # Bytes after which the stream of an image breaks, once.
        self.breaks_after: dict[str, int] = {}
        self._images: dict[str, Image] = {}
        self._data: dict[str, bytes] = {}

    def add_image(self, data: bytes = b"", *, owner: str = "", visibility: str = "public", **facts: Any) -> Image:
        """An image with correct checksums of its data, unless ``facts`` say otherwise."""
        described: dict[str, Any] = {
            "id": str(uuid.uuid4()), "name": "image", "disk_format": "raw", "container_format": "bare",
            "size": len(data), "checksum": hashlib.md5(data).hexdigest(), "os_hash_algo": "sha512",
            "os_hash_value": hashlib.sha512(data).hexdigest(), "owner": owner, "visibility": visibility, **facts,
        }  # fmt: skip
        image = Image(**described)
        self._images[image.id] = image
        self._data[image.id] = data
        return image

    def get(self, ctx: RequestContext, image_id: str) -> Image:
        self.calls.append(("get", image_id))
        self.fail("get", image_id)
        image = self._images.get(image_id)
        if image is None or not (image.visibility == "public" or ctx.is_admin or image.owner == ctx.project_id):
            raise errors.ImageNotFound(image_id=image_id)
        return image

    def chunks(self, image_id: str) -> Iterator[bytes]:
        self.calls.append(("chunks", image_id))
        self.fail("chunks", image_id)
        if image_id not in self._data:
            raise errors.ImageNotFound(image_id=image_id)
        data, at = self._data[image_id], self.breaks_after.pop(image_id, None)
        for start in range(0, len(data) if at is None else at, 65536):
            yield data[start : min(start + 65536, len(data) if at is None else at)]
        if at is not None:
            raise errors.Unavailable(reason=f"the stream of image {image_id} broke after {at} bytes")
