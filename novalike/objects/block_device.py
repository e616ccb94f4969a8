"""Block device mappings."""

from novalike.objects.record import Record


class BlockDevice(Record, frozen=True):
    """A disk of a server (Nova's block device mapping, v2).

    :param source_type: ``image``, ``blank``, ``volume`` or ``snapshot``.
    :param destination_type: ``local`` or ``volume``.
    :param volume_size: GiB.
    :param guest_format: ``swap``, or the file system of an ephemeral disk.
    """

    uuid: str
    source_type: str
    destination_type: str
    boot_index: int | None = None
    image_id: str | None = None
    volume_id: str | None = None
    snapshot_id: str | None = None
    volume_size: int | None = None
    device_name: str | None = None
    device_type: str | None = None
    disk_bus: str | None = None
    guest_format: str | None = None
    delete_on_termination: bool = True
    tag: str | None = None
