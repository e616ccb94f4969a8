"""Servers (instances): as read, as asked for, as handed to a hypervisor's host."""

import datetime
from typing import Any

from novalike.objects.block_device import BlockDevice
from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.keypair import Keypair
from novalike.objects.network import RequestedNetwork, Vif
from novalike.objects.record import Record, Row


class Fault(Record, frozen=True):
    """Why a server's last operation failed. ``details`` is for administrators only."""

    code: int
    message: str
    created_at: datetime.datetime
    details: str | None = None


class Server(Row, frozen=True):
    """A server as it is: all that the API shows of it.

    :param id: row number in its cell; makes the ``instance-0000001`` name.
    :param locked_by: None, ``owner`` or ``admin``.
    :param host_status: ``UP``, ``DOWN``, ``MAINTENANCE``, ``UNKNOWN`` or empty.
    :param vifs_version: raised by every write of ``vifs``.
    """

    uuid: str
    id: int
    project_id: str
    user_id: str
    name: str
    hostname: str | None
    description: str | None
    created_at: datetime.datetime
    updated_at: datetime.datetime | None
    deleted_at: datetime.datetime | None
    vm_state: str
    task_state: str | None
    power_state: int
    progress: int | None
    host: str | None
    node: str | None
    launched_at: datetime.datetime | None
    terminated_at: datetime.datetime | None
    image_ref: str | None
    kernel_id: str | None
    ramdisk_id: str | None
    key_name: str | None
    config_drive: str
    availability_zone: str | None
    pinned_availability_zone: str | None
    access_ip_v4: str | None
    access_ip_v6: str | None
    locked_by: str | None
    locked_reason: str | None
    root_device_name: str | None
    launch_index: int
    reservation_id: str | None
    auto_disk_config: bool
    flavor: Flavor
    metadata: dict[str, str]
    system_metadata: dict[str, str]
    scheduler_hints: dict[str, Any]
    vifs: tuple[Vif, ...]
    trusted_certs: tuple[str, ...] | None
    fault: Fault | None
    tags: tuple[str, ...] = ()
    host_status: str = ""
    user_data: str | None = None
    security_groups: tuple[str, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    vifs_version: int = 0

    @property
    def instance_name(self) -> str:
        """The hypervisor's name of the guest."""
        return f"instance-{self.id:08x}"


class ServerName(Row, frozen=True):
    """A server in the short list."""

    uuid: str
    name: str


class ServerRequest(Record, frozen=True):
    """A create request after the API has looked at it: everything that outlives the request.

    ``flavor`` is resolved by the conductor from ``flavor_id``.

    :param host: where an administrator wants it (skips no filter but is the only candidate).
    :param admin_password: given to the guest through metadata; kept until the server is active.
    :param may_use_zero_disk: the caller may boot from an image with a flavor without a disk.
    """

    name: str
    flavor_id: str
    image: Image | None = None
    min_count: int = 1
    max_count: int = 1
    hostname: str | None = None
    description: str | None = None
    key_name: str | None = None
    user_data: str | None = None
    metadata: dict[str, str] = {}
    tags: tuple[str, ...] = ()
    config_drive: str = ""
    availability_zone: str | None = None
    host: str | None = None
    node: str | None = None
    force_host: bool = False
    access_ip_v4: str | None = None
    access_ip_v6: str | None = None
    auto_disk_config: bool = True
    networks: tuple[RequestedNetwork, ...] | None = None
    security_groups: tuple[str, ...] = ()
    block_devices: tuple[BlockDevice, ...] = ()
    scheduler_hints: dict[str, Any] = {}
    trusted_certs: tuple[str, ...] | None = None
    admin_password: str | None = None
    reservation_id: str | None = None
    may_use_zero_disk: bool = True


class ServerSpec(Record, frozen=True):
    """A server as its host needs it, for every operation.

    :param networks: as asked for; None is "none at all", an empty tuple is "Neutron may choose".
    """

    server: Server
    image: Image | None = None
    networks: tuple[RequestedNetwork, ...] | None = None
    keypair: Keypair | None = None
    user_data: str | None = None
    admin_password: str | None = None
    block_devices: tuple[BlockDevice, ...] = ()
    security_groups: tuple[str, ...] = ()


class CreatedServers(Record, frozen=True):
    """The answer to a create request."""

    reservation_id: str
    server_ids: tuple[str, ...]
