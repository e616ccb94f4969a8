"""Records with sensible contents, for tests that care for few of their fields."""

import datetime
import uuid
from typing import Any

import msgspec

from novalike.objects.context import RequestContext
from novalike.objects.flavor import Flavor
from novalike.objects.migration import Migration
from novalike.objects.network import Vif
from novalike.objects.server import Server, ServerSpec
from novalike.virt.guest import Guest, Place

PROJECT = "p" * 32
USER = "u" * 32


def context(**more: Any) -> RequestContext:
    fields: dict[str, Any] = {"project_id": PROJECT, "user_id": USER, "roles": ["member"], "auth_token": "token"}
    return RequestContext(overwrite=False, **(fields | more))


def server(**more: Any) -> Server:
    fields: dict[str, Any] = {
        "uuid": str(uuid.uuid4()), "id": 1, "project_id": PROJECT, "user_id": USER, "name": "vm1",
        "hostname": "vm1", "description": None, "created_at": datetime.datetime(2026, 11, 21), "updated_at": None,
        "deleted_at": None, "vm_state": "building", "task_state": "scheduling", "power_state": 0, "progress": 0,
        "host": None, "node": None, "launched_at": None, "terminated_at": None, "image_ref": None,
        "kernel_id": None, "ramdisk_id": None, "key_name": None, "config_drive": "", "availability_zone": "nova",
        "pinned_availability_zone": None, "access_ip_v4": None, "access_ip_v6": None, "locked_by": None,
        "locked_reason": None, "root_device_name": "/dev/vda", "launch_index": 0, "reservation_id": "r-abcdefgh",
        "auto_disk_config": False,
        "flavor": Flavor(flavor_id="1", name="m1.tiny", memory_mb=512, vcpus=1, root_gb=1),
        "metadata": {}, "system_metadata": {}, "scheduler_hints": {}, "vifs": (), "trusted_certs": None,
        "fault": None,
    }  # fmt: skip
    return Server(**(fields | more))


def spec(a_server: Server | None = None, **more: Any) -> ServerSpec:
    return ServerSpec(server=a_server or server(), **more)


def guest(a_spec: ServerSpec | None = None, *vifs: Vif, host: str = "hv1") -> Guest:
    return Guest(place=Place(host=host, node=host), spec=a_spec or spec(), vifs=vifs)
def migration(**more: Any) -> Migration:
    tiny, small = (Flavor(id=n, flavor_id=str(n), name=f"m{n}", memory_mb=64, vcpus=n, root_gb=1) for n in (1, 2))
    fields: dict[str, Any] = {
        "id": 1, "uuid": str(uuid.uuid4()), "instance_uuid": str(uuid.uuid4()), "operation_uuid": None,
        "project_id": PROJECT, "user_id": USER, "status": "finished", "migration_type": "resize",
        "source_compute": "host1", "source_node": "node1", "dest_compute": "host2", "dest_node": "node2",
        "dest_host": "192.0.2.2", "old_flavor": tiny, "new_flavor": small, "old_vm_state": "active",
        "created_at": datetime.datetime(2026, 11, 21), "updated_at": None,
    }  # fmt: skip
    return Migration(**(fields | more))


def migration_row(**more: Any) -> dict[str, Any]:
    """A row for the table of migrations; the database numbers it, unless a number is given."""
    row = msgspec.structs.asdict(migration(**more))
    return row if "id" in more else {name: value for name, value in row.items() if name != "id"}
