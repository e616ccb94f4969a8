"""What we keep of a Glance image."""

from typing import Any

from novalike.objects.record import Record


class Image(Record, frozen=True):
    """An image's facts.

    :param size: bytes, as stored in Glance.
    :param min_disk: GiB.
    :param min_ram: MiB.
    :param os_hash_algo: of ``os_hash_value``, for example ``sha512``.
    """

    id: str
    name: str | None = None
    status: str = "active"
    disk_format: str | None = None
    container_format: str | None = None
    size: int | None = None
    virtual_size: int | None = None
    min_disk: int = 0
    min_ram: int = 0
    checksum: str | None = None
    os_hash_algo: str | None = None
    os_hash_value: str | None = None
    owner: str | None = None
    visibility: str = "private"
    properties: dict[str, Any] = {}
