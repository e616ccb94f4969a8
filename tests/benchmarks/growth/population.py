"""Servers in bulk, written through novalike's own tables: as if they had been booted, and some deleted, long ago.

Half of them are one big project's, the others' projects have a hundred each. Every tenth is deleted. They are on hosts
that have no compute process, so that nobody misses their guests.
"""

import datetime
import time
import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from novalike.db.api import tables as api
from novalike.db.cell import tables as cell
from novalike.objects.flavor import Flavor
from novalike.objects.migration import MigrationStatus, MigrationType
from novalike.objects.network import FixedIp, Subnet, Vif
from novalike.objects.operation import JournalEntry

BEGAN = datetime.datetime(2026, 1, 1)
HOST_PREFIX = "bulk-"
FLAVOR = Flavor(flavor_id="bulk", name="bulk", memory_mb=64, vcpus=1, root_gb=1)
IMAGE = "3057cd15-8181-4d1b-9d34-f6265025a2b9"
NETWORK = "7a1e3a0c-4a34-4f9a-8a3c-2a52f6f2a3d1"
_PER_PROJECT = 100
_PER_HOST = 50
_AT_A_TIME = 1000
_POPULATED = ["instances", "instance_requests", "instance_tags", "operations", "instance_mappings"]


def server_uuid(number: int) -> str:
    """The uuid of a server."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"bulk-server-{number}"))


def host_of(number: int) -> str:
    """The host that a server is on."""
    return f"{HOST_PREFIX}{number // _PER_HOST:05}"


def project_of(number: int, big: str) -> str:
    """The project that a server belongs to."""
    return big if number % 2 == 0 else uuid.uuid5(uuid.NAMESPACE_OID, f"project-{number // 2 // _PER_PROJECT}").hex


def is_deleted(number: int) -> bool:
    """Whether a server has been deleted."""
    return number % 10 in (3, 8) and number % 20 < 10


def name_of(number: int) -> str:
    """A server's name: in no order."""
    return f"vm-{number * 7919 % 1_000_003:07}"


def middle(servers: int) -> int:
    """A server of the big project in the middle of so many, by time of creation."""
    return next(number for number in range(servers // 4 * 2, servers, 2) if not is_deleted(number))


def middle_by_name(servers: int) -> int:
    """The same, by name."""
    numbers = [number for number in range(0, servers, 2) if not is_deleted(number)]
    return sorted(numbers, key=name_of)[len(numbers) // 2]


def count(cell_engine: sa.Engine) -> int:
    """How many such servers are there already, deleted ones among them."""
    query = sa.select(sa.func.count()).where(cell.instances.c.host.like(f"{HOST_PREFIX}%"))
    with cell_engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def is_failed(number: int) -> bool:
    """Whether a server is in ERROR: some of the oldest ones, the same however many there are."""
    return number < 1000 and number % 10 == 0


def populate(
    cell_engine: sa.Engine, api_engine: sa.Engine, cell_id: int, first: int, end: int, big: str, user: str
) -> None:
    """Write the servers of these numbers, with their operations, mappings, hosts.

    :param big: the big project.
    :param user: that has made its servers.
    """
    for start in range(first, end, _AT_A_TIME):
        numbers = range(start, min(end, start + _AT_A_TIME))
        with api_engine.begin() as connection:
            connection.execute(sa.insert(api.instance_mappings), [_mapping(n, cell_id, big, user) for n in numbers])
        with cell_engine.begin() as connection:
            connection.execute(sa.insert(cell.instances), [_server(n, big, user) for n in numbers])
            connection.execute(sa.insert(cell.instance_requests), [_request(n) for n in numbers])
            tags = [{"instance_uuid": server_uuid(n), "tag": tag} for n in numbers for tag in ("bulk", f"tag{n % 9}")]
            connection.execute(sa.insert(cell.instance_tags), tags)
            connection.execute(sa.insert(cell.operations), [o for n in numbers for o in _operations(n, big, user)])
    analyze(cell_engine, api_engine)


def populate_migrations(cell_engine: sa.Engine, first: int, end: int, big: str) -> None:
    """Write a migration for each of the servers of these numbers, which are there: resizes, confirmed long ago."""
    for start in range(first, end, _AT_A_TIME):
        numbers = range(start, min(end, start + _AT_A_TIME))
        with cell_engine.begin() as connection:
            connection.execute(sa.insert(cell.migrations), [_migration(number, big) for number in numbers])


def analyze(*engines: sa.Engine) -> None:
    """Let a cell's database and the API's count what there is, as they do by themselves now and then.

    :raises TimeoutError: something has held PostgreSQL's rows back for a minute, so an index alone can't answer.
    """
    for engine in engines:
        metadata = cell.metadata if engine is engines[0] else api.metadata
        words = {"mysql": "ANALYZE TABLE", "postgresql": "VACUUM ANALYZE"}.get(engine.dialect.name, "ANALYZE")
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for table in metadata.tables:
                connection.execute(sa.text(f"{words} {table}"))
            if engine.dialect.name == "postgresql":
                _wait_until_visible(connection)


def _wait_until_visible(connection: sa.Connection) -> None:
    """A vacuum leaves out what an older snapshot may not see, autovacuum's own for one: then it takes one more."""
    hidden = sa.text("SELECT relname FROM pg_class WHERE relname = ANY(:tables) AND relallvisible < relpages")
    until = time.monotonic() + 60
    while found := connection.execute(hidden, {"tables": _POPULATED}).scalars().all():
        if time.monotonic() > until:
            raise TimeoutError(f"an older transaction holds back rows of {', '.join(found)}")
        time.sleep(0.5)
        for table in found:
            connection.execute(sa.text(f"VACUUM ANALYZE {table}"))


def _moment(number: int) -> datetime.datetime:
    return BEGAN + datetime.timedelta(seconds=20 * number)


def _mapping(number: int, cell_id: int, big: str, user: str) -> dict[str, Any]:
    return {
        "instance_uuid": server_uuid(number), "cell_id": cell_id, "project_id": project_of(number, big),
        "user_id": user, "created_at": _moment(number),
    }  # fmt: skip


def _server(number: int, big: str, user: str) -> dict[str, Any]:
    made, deleted = _moment(number), is_deleted(number)
    later = made + datetime.timedelta(seconds=3)
    gone = made + datetime.timedelta(hours=1)
    return {
        "uuid": server_uuid(number),
        "project_id": project_of(number, big),
        "user_id": user,
        "deleted": deleted,
        "created_at": made,
        "updated_at": gone if deleted else later,
        "deleted_at": gone if deleted else None,
        "terminated_at": gone if deleted else None,
        "launched_at": later,
        "name": name_of(number),
        "hostname": f"vm-{number}",
        "vm_state": "deleted" if deleted else "error" if is_failed(number) else "active",
        "task_state": None,
        "power_state": 0 if deleted else 1,
        "progress": 0,
        "host": host_of(number),
        "node": host_of(number),
        "image_ref": IMAGE,
        "kernel_id": "",
        "ramdisk_id": "",
        "config_drive": "",
        "availability_zone": "nova",
        "root_device_name": "/dev/vda",
        "launch_index": 0,
        "reservation_id": f"r-{number:08}",
        "auto_disk_config": False,
        "flavorid": FLAVOR.flavor_id,
        "memory_mb": FLAVOR.memory_mb,
        "vcpus": FLAVOR.vcpus,
        "root_gb": FLAVOR.root_gb,
        "ephemeral_gb": 0,
        "flavor": FLAVOR,
        "metadata": {"role": f"role-{number % 7}", "number": str(number)},
        "system_metadata": {"image_min_ram": "0", "image_min_disk": "1", "image_disk_format": "qcow2"},
        "scheduler_hints": {},
        "vifs": () if deleted else (_vif(number),),
        "security_groups": ("default",),
        "block_devices": (),
        "fault": None,
    }


def _vif(number: int) -> Vif:
    return Vif(
        port_id=str(uuid.uuid5(uuid.NAMESPACE_OID, f"bulk-port-{number}")),
        network_id=NETWORK,
        network_name="private",
        mac=f"fa:16:3e:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}",
        vif_type="ovs",
        active=True,
        mtu=1442,
        bridge="br-int",
        devname=f"tap{number:08x}",
        created_here=True,
        fixed_ips=(FixedIp(address=f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}", version=4),),
        subnets=(Subnet(id=NETWORK, cidr="10.0.0.0/8", gateway_ip="10.0.0.1"),),
    )


def _request(number: int) -> dict[str, Any]:
    return {
        "instance_uuid": server_uuid(number), "image": None, "keypair": None, "networks": (),
        "user_data": None if number % 4 else "IyEvYmluL3NoCg==", "force_host": False,
    }  # fmt: skip


def _operations(number: int, big: str, user: str) -> Iterator[dict[str, Any]]:
    """A create, a reboot of every other server, a delete of the deleted ones: all long done."""
    actions = [("create", "create")]
    if number % 2:
        actions.append(("reboot", "reboot_soft"))
    if is_deleted(number):
        actions.append(("delete", "delete"))
    for index, (action, workflow) in enumerate(actions):
        began = _moment(number) + datetime.timedelta(minutes=10 * index)
        ended = began + datetime.timedelta(seconds=3)
        name = f"{server_uuid(number)}-{action}"
        entry = JournalEntry(event="compute_run", start_time=began, finish_time=ended, result="Success")
        yield {
            "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, name)),
            "instance_uuid": server_uuid(number),
            "action": action,
            "workflow": workflow,
            "request_id": f"req-{uuid.uuid5(uuid.NAMESPACE_URL, name)}",
            "user_id": user,
            "project_id": project_of(number, big),
            "state": "done",
            "epoch": 2,
            "attempts": 0,
            "host": host_of(number),
            "holder": None,
            "start_time": began,
            "finish_time": ended,
            "updated_at": ended,
            "due_at": None,
            "deadline": began + datetime.timedelta(hours=1),
            "params": {},
            "journal": (entry, entry),
            "context": {"request_id": name, "user_id": user, "project_id": project_of(number, big)},
        }


def migration_uuid(number: int) -> str:
    """The uuid of a server's migration."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"bulk-migration-{number}"))


def _migration(number: int, big: str) -> dict[str, Any]:
    began = _moment(number) + datetime.timedelta(minutes=5)
    return {
        "uuid": migration_uuid(number),
        "instance_uuid": server_uuid(number),
        "project_id": project_of(number, big),
        "user_id": "admin",
        "status": MigrationStatus.CONFIRMED,
        "migration_type": MigrationType.RESIZE,
        "source_compute": host_of(number + _PER_HOST),
        "source_node": host_of(number + _PER_HOST),
        "dest_compute": host_of(number),
        "dest_node": host_of(number),
        "old_flavor": FLAVOR,
        "new_flavor": FLAVOR,
        "created_at": began,
        "updated_at": began + datetime.timedelta(minutes=1),
    }
