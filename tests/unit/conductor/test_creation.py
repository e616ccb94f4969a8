"""What is recorded of new servers before their request is answered."""

import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa

from novalike.conductor.servers import creation
from novalike.db.api import flavors, keypairs, mappings, quotas
from novalike.db.api import tables as api_tables
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.block_device import BlockDevice
from novalike.objects.context import RequestContext
from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.keypair import Keypair
from novalike.objects.network import RequestedNetwork
from novalike.objects.operation import Stop
from novalike.objects.server import ServerRequest
from tests.fakes.records import PROJECT, USER, context
from tests.unit.conductor.databases import LATER, Databases

IMAGE = Image(
    id="image", name="tiny", disk_format="qcow2", container_format="bare", size=1024, min_ram=32, min_disk=1,
    properties={"kernel_id": "kernel", "ramdisk_id": "ramdisk", "os_distro": "cirros", "nothing": None},
)  # fmt: skip
DISK = BlockDevice(uuid="d", source_type="image", destination_type="local", boot_index=0, image_id="image")
NETWORKS = (RequestedNetwork(network_id="net", fixed_ip="10.0.0.9", tag="nic"),)
# Everything that can be asked for.
ALL = ServerRequest(
    name="My server", flavor_id="f1", image=IMAGE, hostname="guest", description="what", key_name="mine",
    user_data="YQ==", metadata={"a": "b"}, tags=("one", "two"), config_drive="True", availability_zone="east",
    host="host1", node="node1", force_host=True, access_ip_v4="1.2.3.4", access_ip_v6="fe80::1",
    auto_disk_config=False, networks=NETWORKS, security_groups=("web",), block_devices=(DISK,),
    scheduler_hints={"group": "g"}, trusted_certs=("cert",), admin_password="secret", reservation_id="r-1",
)  # fmt: skip


@pytest.fixture
def flavor(databases: Databases) -> Flavor:
    """The only one: its id is ``f1``."""
    made = Flavor(flavor_id="f1", name="m1", memory_mb=512, vcpus=2, root_gb=5, ephemeral_gb=3, swap=64)
    return databases.cells.api.write(lambda c: flavors.insert(c, made))


@pytest.fixture
def keypair(databases: Databases) -> Keypair:
    made = Keypair(name="mine", user_id=USER, type="ssh", fingerprint="aa:bb", public_key="ssh-ed25519 AAAA")
    return databases.cells.api.write(lambda c: keypairs.insert(c, made))


def record(
    databases: Databases, request: ServerRequest, ctx: RequestContext | None = None
) -> tuple[str, list[str], list[str]]:
    """The name of the cell, the servers, their operations."""
    cell, servers, operations = creation.record(databases.conf, databases.cells, ctx or context(), request, "me")
    return cell.name, servers, operations


def test_a_server_is_recorded_with_all_that_was_asked_for(
    databases: Databases, flavor: Flavor, keypair: Keypair, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.stop_clocks(monkeypatch)
    ctx = context()
    cell, (server,), (operation,) = record(databases, ALL, ctx)
    assert cell == "cell1"
    assert databases.row(t.instances, server) == {
        "id": 1, "uuid": server, "project_id": PROJECT, "user_id": USER, "deleted": False, "created_at": LATER,
        "updated_at": LATER, "deleted_at": None, "name": "My server", "hostname": "guest", "description": "what",
        "vm_state": "building", "task_state": "scheduling", "power_state": 0, "progress": 0, "host": None,
        "node": None, "endpoint": None, "launched_at": None, "terminated_at": None, "image_ref": "image",
        "kernel_id": "kernel", "ramdisk_id": "ramdisk", "key_name": "mine", "config_drive": "True",
        "availability_zone": "east", "pinned_availability_zone": "east", "access_ip_v4": "1.2.3.4",
        "access_ip_v6": "fe80::1", "locked_by": None, "locked_reason": None, "root_device_name": None,
        "launch_index": 0, "reservation_id": "r-1", "auto_disk_config": False, "flavorid": "f1", "memory_mb": 512,
        "vcpus": 2, "root_gb": 5, "ephemeral_gb": 3, "flavor": flavor, "metadata": {"a": "b"},
        "system_metadata": {
            "image_min_ram": "32", "image_min_disk": "5", "image_disk_format": "qcow2",
            "image_container_format": "bare", "image_kernel_id": "kernel", "image_ramdisk_id": "ramdisk",
            "image_os_distro": "cirros",
        },
        "scheduler_hints": {"group": "g"}, "vifs": (), "vifs_version": 0, "trusted_certs": ("cert",), "fault": None,
        "security_groups": ("web",), "block_devices": (DISK,), "wake_at": None, "wake_action": None,
    }  # fmt: skip
    assert databases.row(t.instance_requests, server) == {
        "instance_uuid": server, "image": IMAGE, "keypair": keypair, "networks": NETWORKS, "user_data": "YQ==",
        "admin_password": "secret", "requested_host": "host1", "requested_node": "node1", "force_host": True,
        "guest_password": None,
    }  # fmt: skip
    assert {row["tag"] for row in databases.rows(t.instance_tags, server)} == {"one", "two"}
    row = databases.row(t.operations, operation)
    facts = {"instance_uuid": server, "action": "create", "workflow": "create", "request_id": ctx.request_id,
             "state": "running", "holder": "me", "epoch": 1, "at": 0, "start_time": LATER,
             "route": (Stop(leg="place", epoch=1), Stop(leg="build"))}  # fmt: skip
    assert {name: row[name] for name in facts} == facts
    (mapping,) = databases.cells.api.query(lambda c: c.execute(sa.select(api_tables.instance_mappings)).all())
    assert (mapping.instance_uuid, mapping.cell_id, mapping.project_id, mapping.user_id) == (
        server, databases.cell().id, PROJECT, USER,
    )  # fmt: skip


def test_what_was_not_asked_for_is_not_there(databases: Databases, flavor: Flavor) -> None:
    _, (server,), _ = record(databases, ServerRequest(name="plain", flavor_id="f1"))
    row = databases.row(t.instances, server)
    facts = {"hostname": "plain", "description": None, "image_ref": "", "kernel_id": "", "ramdisk_id": "",
             "key_name": None, "config_drive": "", "availability_zone": None, "pinned_availability_zone": None,
             "access_ip_v4": None, "access_ip_v6": None, "reservation_id": None, "auto_disk_config": True,
             "metadata": {}, "system_metadata": {}, "scheduler_hints": {}, "trusted_certs": None,
             "security_groups": (), "block_devices": ()}  # fmt: skip
    assert {name: row[name] for name in facts} == facts
    assert databases.row(t.instance_requests, server) == {
        "instance_uuid": server, "image": None, "keypair": None, "networks": None, "user_data": None,
        "admin_password": None, "requested_host": None, "requested_node": None, "force_host": False,
        "guest_password": None,
    }  # fmt: skip
    assert databases.rows(t.instance_tags, server) == []
    _, (server,), _ = record(databases, ServerRequest(name="plain", flavor_id="f1", image=Image(id="image")))
    row = databases.row(t.instances, server)
    assert (row["image_ref"], row["kernel_id"], row["ramdisk_id"]) == ("image", "", "")
    assert row["system_metadata"] == {"image_min_ram": "0", "image_min_disk": "5"}


@pytest.mark.parametrize(("hostname", "hostnames"), [(None, ["web-1", "web-2", "web-3"]), ("same", ["same"] * 3)])
def test_several_servers_of_a_request_are_numbered(
    databases: Databases, flavor: Flavor, hostname: str | None, hostnames: list[str]
) -> None:
    request = ServerRequest(name="Web", flavor_id="f1", min_count=3, max_count=3, tags=("t",), hostname=hostname)
    _, servers, operations = record(databases, request)
    rows = [databases.row(t.instances, server) for server in servers]
    assert [row["name"] for row in rows] == ["Web-1", "Web-2", "Web-3"]
    assert [row["hostname"] for row in rows] == hostnames
    assert [row["launch_index"] for row in rows] == [0, 1, 2]
    assert [databases.row(t.operations, each)["instance_uuid"] for each in operations] == servers
    assert all(len(databases.rows(t.instance_tags, server)) == 1 for server in servers)


def _mapped(databases: Databases) -> set[str]:
    query = sa.select(api_tables.instance_mappings.c.instance_uuid)
    return databases.cells.api.query(lambda c: set(c.execute(query).scalars()))


def _limit(databases: Databases, resource: str, limit: int) -> None:
    databases.cells.api.write(lambda c: quotas.set_limit(c, PROJECT, "", resource, limit))


def test_as_many_as_the_quota_has_room_for_are_made_and_mapped(databases: Databases, flavor: Flavor) -> None:
    databases.server(vcpus=1)
    before = _mapped(databases)
    _limit(databases, "cores", 6)
    _, servers, operations = record(databases, ServerRequest(name="s", flavor_id="f1", max_count=9))
    assert (len(servers), len(operations)) == (2, 2)
    assert _mapped(databases) == before | set(servers)
    with pytest.raises(errors.OverQuota):
        record(databases, ServerRequest(name="s", flavor_id="f1"))
    assert _mapped(databases) == before | set(servers), "what was refused left nothing"


@pytest.mark.parametrize("cells", [1, 2])
def test_a_request_that_is_asked_again_gets_the_servers_that_it_has_made(tmp_path: Path, cells: int) -> None:
    """Also when one of them has left cell 0 since."""
    databases = Databases(tmp_path, cells=cells)
    databases.cells.api.write(
        lambda c: flavors.insert(c, Flavor(flavor_id="f1", name="m1", memory_mb=512, vcpus=2, root_gb=5))
    )
    ctx, request = context(), ServerRequest(name="s", flavor_id="f1")
    cell, servers, _ = record(databases, request, ctx)
    assert cell == ("cell1" if cells == 1 else "cell0")
    if cells == 2:
        databases.server("cell2", mapped=False, uuid=servers[0])
        databases.operation(servers[0], "create", "cell2", request_id=ctx.request_id)
        cell = "cell2"
    assert record(databases, request, ctx) == (cell, servers, [])
    assert _mapped(databases) == set(servers)
    databases.close()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"flavor_id": "none"}, errors.FlavorNotFound), ({"flavor_id": "off"}, errors.FlavorNotFound),
        ({"flavor_id": "private"}, errors.FlavorNotFound), ({"key_name": "none"}, errors.KeypairNotFound),
        ({"image": msgspec.structs.replace(IMAGE, min_ram=513)}, errors.Invalid),
        ({"metadata": {"a": "b", "c": "d"}}, errors.OverQuota),
    ],
    ids=["no such flavor", "disabled", "somebody elses", "no such key pair", "too little memory", "too much metadata"],
)  # fmt: skip
def test_what_cannot_be_is_refused_and_leaves_nothing(
    databases: Databases, flavor: Flavor, change: dict[str, Any], error: type[Exception]
) -> None:
    _limit(databases, "metadata_items", 1)
    for more in ({"disabled": True, "flavor_id": "off"}, {"is_public": False, "flavor_id": "private"}):
        other = msgspec.structs.replace(flavor, name=more["flavor_id"], **more)
        databases.cells.api.write(lambda c, other=other: flavors.insert(c, other))
    plain = ServerRequest(name="s", flavor_id="f1", metadata={"a": "b"})
    record(databases, plain)
    before = _mapped(databases)
    with pytest.raises(error):
        record(databases, msgspec.structs.replace(plain, **change))
    assert _mapped(databases) == before
    if change == {"flavor_id": "private"}:
        record(databases, msgspec.structs.replace(plain, **change), context(is_admin=True))


def test_the_time_is_the_databases(databases: Databases, flavor: Flavor) -> None:
    """Not this process's: servers of all conductors are sorted by it."""
    (server,) = record(databases, ServerRequest(name="s", flavor_id="f1"))[1]
    made = databases.row(t.instances, server)["created_at"]
    assert abs(made - databases.cell().database.utcnow()) < datetime.timedelta(minutes=1)
    assert databases.cells.api.query(lambda c: mappings.cell_of_instance(c, server)) == databases.cell().id


def test_where_a_server_is_that_was_made_here_is_known(databases: Databases, flavor: Flavor) -> None:
    (server,) = record(databases, ServerRequest(name="s", flavor_id="f1"))[1]
    databases.cells.api.query = None  # type: ignore[method-assign, assignment]
    assert databases.cells.of_instance(server).name == "cell1"
