"""Images in memory: what a hypervisor's driver gets them from."""

import hashlib
import uuid
from collections.abc import Iterator
from typing import Any

from novalike.objects.errors import ImageNotFound
from novalike.objects.image import Image


class MemoryImages:
    """An :class:`~novalike.virt.driver.ImageSource`. ``downloads`` counts."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.images: dict[str, Image] = {}
        self.downloads = 0

    def add(self, content: bytes, disk_format: str = "raw", **more: Any) -> Image:
        """Make an image with right size and hashes, unless told otherwise."""
        fields: dict[str, Any] = {
            "id": str(uuid.uuid4()),
            "disk_format": disk_format,
            "container_format": "bare",
            "size": len(content),
            "checksum": hashlib.md5(content).hexdigest(),
            "os_hash_algo": "sha512",
            "os_hash_value": hashlib.sha512(content).hexdigest(),
        }
        image = Image(**(fields | more))
        self.images[image.id] = image
        self.contents[image.id] = content
        return image

    def chunks(self, image_id: str) -> Iterator[bytes]:
        self.downloads += 1
        if image_id not in self.contents:
            raise ImageNotFound(image_id=image_id)
        content = self.contents[image_id]
        for start in range(0, len(content), 65536):
            yield content[start : start + 65536]

    def show(self, image_id: str) -> Image:
        if image_id not in self.images:
            raise ImageNotFound(image_id=image_id)
        return self.images[image_id]
