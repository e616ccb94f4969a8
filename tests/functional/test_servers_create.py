"""What a create request may ask for, and how it is told off. Statuses and messages are real Nova's, release 34."""
# ruff: noqa: E501 - tables read better with a case in a line

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from novalike.conductor.servers import creation
from novalike.db.api import tables as api_tables
from tests.functional.harness import ADMIN_PROJECT, Client, Cloud

NOTHING = "00000000-0000-4000-8000-000000000000"
LOCAL = {"source_type": "image", "destination_type": "local", "boot_index": 0}
BDM = "Block Device Mapping is Invalid"
EXT = "OS-EXT-SRV-ATTR:"
SEQUENCE = f"{BDM}: Boot sequence for the instance and image/block device mapping combination is not valid."


@pytest.fixture(scope="module")
def demo(cloud: Cloud) -> Client:
    """A user of the newest API; flavors of several kinds are there."""
    for name, more in {
        "zero": {"disk": 0}, "small": {"ram": 1}, "hidden": {"os-flavor-access:is_public": False},
        "big": {"disk": 4, "swap": 1024, "OS-FLV-EXT-DATA:ephemeral": 2},
    }.items():  # fmt: skip
        flavor = {"id": name, "name": name, "ram": 64, "vcpus": 1, "disk": 1, **more}
        cloud.admin.post("/flavors", {"flavor": flavor}, 200)
    return cloud.demo.at("2.104")


@pytest.fixture
def nothing_left(cloud: Cloud) -> Iterator[None]:
    """Checks that a request has left nothing behind."""
    before = len(cloud.admin.get("/servers?all_tenants=1")["servers"])
    yield
    assert len(cloud.admin.get("/servers?all_tenants=1")["servers"]) == before
    assert not cloud.neutron.ports(device_owner="compute:nova")


def blank(**more: Any) -> dict[str, Any]:
    return {"source_type": "blank", "destination_type": "local", "boot_index": -1, **more}


BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"name": ""}, 400, "Invalid input for field/attribute name. Value: . '' should be non-empty"),
    ({"name": " x"}, 400, "An invalid 'name' value was provided."),
    ({"name": "x" * 256}, 400, "is too long"),
    ({"name": "x" * 1_000_000}, 413, "Request is too large."),
    ({"name": ...}, 400, "'name' is a required property"),
    ({"flavorRef": ...}, 400, "'flavorRef' is a required property"),
    ({"networks": ...}, 400, "'networks' is a required property"),
    ({"unknown": 1}, 400, "Additional properties are not allowed ('unknown' was unexpected)"),
    ({"imageRef": ""}, 400, "Missing imageRef attribute"),
    ({"imageRef": ...}, 400, "Missing imageRef attribute"),
    ({"imageRef": NOTHING}, 400, "Can not find requested image"),
    ({"imageRef": "x"}, 400, "Invalid input for field/attribute imageRef."),
    ({"flavorRef": "nope"}, 400, "Flavor nope could not be found."),
    ({"flavorRef": "http://host/1/"}, 400, "Flavor  could not be found."),
    ({"flavorRef": "hidden"}, 400, "Flavor hidden could not be found."),
    ({"flavorRef": "zero"}, 403, "Only volume-backed servers are allowed for flavors with zero disk."),
    ({"key_name": "nope"}, 400, "Invalid key_name provided."),
    ({"availability_zone": "nope"}, 400, "The requested availability zone is not available"),
    ({"availability_zone": "nova:a:b:c"}, 400, "Invalid input received: Unable to parse availability_zone"),
    ({"availability_zone": "nova:ctl"}, 403, "Policy doesn't allow os_compute_api:servers:create:forced_host"),
    ({"host": "fake001"}, 403, "Policy doesn't allow compute:servers:create:requested_destination"),
    ({"hypervisor_hostname": "a b"}, 400, "does not match"),
    ({"hostname": "x y"}, 400, "does not match"),
    ({"min_count": 3, "max_count": 2}, 400, "min_count must be <= max_count"),
    ({"min_count": 0}, 400, "Invalid input for field/attribute min_count. Value: 0. 0 is less than the minimum of 1"),
    ({"max_count": 2, "hostname": "same"}, 400, "Unable to allocate a single hostname to multiple instances"),
    ({"user_data": "not base64!"}, 400, "is not a 'base64'"),
    ({"user_data": "a" * 65536}, 400, "is too long"),
    ({"user_data": None}, 400, "None is not of type 'string'"),
    ({"metadata": {"k" * 256: "v"}}, 400, "does not match any of the regexes"),
    ({"metadata": {"k": "v" * 256}}, 400, "is too long"),
    ({"metadata": {f"k{n}": "v" for n in range(129)}}, 403, "Maximum number of metadata items exceeds 128"),
    ({"tags": ["a,b"]}, 400, "does not match"),
    ({"tags": ["x" * 61]}, 400, "is too long"),
    ({"tags": [f"t{n}" for n in range(51)]}, 400, "is too long"),
    ({"description": "x" * 256}, 400, "is too long"),
    ({"config_drive": "maybe"}, 400, "is not one of"),
    ({"OS-DCF:diskConfig": "auto"}, 400, "is not one of"),
    ({"accessIPv4": "fe80::1"}, 400, "is not a 'ipv4'"),
    ({"accessIPv6": ""}, 400, "is not a 'ipv6'"),
    ({"networks": [{"port": None}]}, 400, "Bad network format: missing 'uuid'"),
    ({"networks": [{"fixed_ip": "10.0.0.9"}]}, 400, "Bad network format: missing 'uuid'"),
    ({"networks": [{"uuid": NOTHING}]}, 400, f"Network {NOTHING} could not be found."),
    ({"networks": [{"port": NOTHING}]}, 400, f"Port id {NOTHING} could not be found."),
    ({"networks": [{"port": NOTHING}, {"port": NOTHING}]}, 400, "was specified twice"),
    ({"networks": [{"port": NOTHING, "fixed_ip": "10.0.0.9"}]}, 400, "the two cannot be specified together"),
    ({"networks": "some"}, 400, "is not valid under any of the given schemas"),
    ({"block_device_mapping_v2": [{}]}, 400, f"{BDM}: Missing device UUID."),
    ({"block_device_mapping_v2": [blank(uuid=NOTHING)]}, 400, f"{BDM}: Invalid device UUID."),
    ({"block_device_mapping_v2": [{**LOCAL, "uuid": NOTHING}]}, 400, f"{BDM}: failed to get image {NOTHING}."),
    ({"block_device_mapping_v2": [{**LOCAL, "uuid": "IMAGE", "boot_index": 1}]}, 400, "Mapping image to local is not"),
    ({"block_device_mapping_v2": [{**LOCAL, "uuid": "IMAGE"}] * 2}, 400, SEQUENCE),
    ({"block_device_mapping_v2": [{**LOCAL, "uuid": "IMAGE"}, blank(boot_index=5)]}, 400, SEQUENCE),
    ({"block_device_mapping_v2": [{**LOCAL, "uuid": "IMAGE", "disk_bus": "x"}]}, 400, f"{BDM}."),
    ({"block_device_mapping_v2": [{**LOCAL, "uuid": "IMAGE", "volume_type": "x"}]}, 400, "Specifying a volume_type with"),
    ({"block_device_mapping_v2": [blank(volume_size=1)]}, 400, "Ephemeral disks requested are larger"),
    ({"block_device_mapping_v2": [blank(guest_format="swap", volume_size=1)]}, 400, "Swap drive requested is larger"),
    ({"block_device_mapping_v2": [blank(guest_format="swap")] * 2}, 400, "More than one swap drive requested."),
    ({"block_device_mapping": [{}]}, 400, f"{BDM}: Unrecognized legacy format."),
    ({"imageRef": "", "block_device_mapping_v2": [blank()]}, 400, SEQUENCE),
    (
        {"block_device_mapping": [{"volume_id": NOTHING}], "block_device_mapping_v2": [{**LOCAL, "uuid": "IMAGE"}]},
        400, "Using different block_device_mapping syntaxes is not allowed in the same request.",
    ),
]  # fmt: skip


def _body(cloud: Cloud, change: dict[str, Any]) -> dict[str, Any]:
    def fill(value: Any) -> Any:
        if isinstance(value, list):
            return [fill(v) for v in value]
        if isinstance(value, dict):
            return {k: fill(v) for k, v in value.items()}
        return cloud.image.id if value == "IMAGE" else value

    server = {**cloud.server_body("bad")["server"], **{key: fill(value) for key, value in change.items()}}
    return {"server": {key: value for key, value in server.items() if value is not ...}}


@pytest.mark.usefixtures("nothing_left")
@pytest.mark.parametrize(("change", "status", "message"), BAD, ids=lambda v: str(v)[:60])
def test_bad_request_is_told_what_is_wrong(
    cloud: Cloud, demo: Client, change: dict[str, Any], status: int, message: str
) -> None:
    answer = demo.request("POST", "/servers", _body(cloud, change))
    (fault,) = answer.json.values()
    assert (answer.status_code, fault["code"]) == (status, status), answer.text[:500]
    assert message in fault["message"], fault["message"][:500]


@pytest.mark.parametrize(
    ("change", "status", "message"),
    [
        ({"host": "nope"}, 400, "Compute host nope could not be found."),
        ({"hypervisor_hostname": "nope"}, 400, "Compute host nope could not be found."),
        ({"host": "fake001", "hypervisor_hostname": "fake002"}, 400, "Compute host fake002 could not be found."),
        ({"host": "fake001", "availability_zone": "nova:fake001"}, 400, "are mutually exclusive."),
    ],
)
@pytest.mark.usefixtures("nothing_left", "demo")
def test_administrators_choice_of_host_is_checked(
    cloud: Cloud, change: dict[str, Any], status: int, message: str
) -> None:
    answer = cloud.admin.at("2.104").request("POST", "/servers", _body(cloud, change))
    assert answer.status_code == status
    assert message in answer.json["badRequest"]["message"]


def test_administrator_chooses_a_host(cloud: Cloud) -> None:
    admin = cloud.admin.at("2.74")
    hosts = sorted({p.name for p in cloud.placement.providers.values()})
    for change in ({"host": hosts[0]}, {"hypervisor_hostname": hosts[0]}, {"availability_zone": f"nova:{hosts[0]}"}):
        made = admin.post("/servers", _body(cloud, change), 202)["server"]
        assert admin.wait_for(made["id"], "ACTIVE")["OS-EXT-SRV-ATTR:host"] == hosts[0]
        admin.delete(f"/servers/{made['id']}")


def test_zero_disk_is_for_administrators(cloud: Cloud, demo: Client) -> None:
    made = cloud.admin.at("2.37").post("/servers", _body(cloud, {"flavorRef": "zero"}), 202)["server"]
    cloud.admin.wait_for(made["id"], "ACTIVE")
    cloud.admin.delete(f"/servers/{made['id']}")


@pytest.mark.parametrize(
    ("says", "asked", "expected"),
    [
        ("disabled", "AUTO", None), ("disabled", "MANUAL", "MANUAL"), ("disabled", ..., "MANUAL"),
        ("false", "AUTO", "AUTO"), ("true", ..., "AUTO"), ("true", "MANUAL", "MANUAL"),
    ],
)  # fmt: skip
def test_an_image_has_a_say_in_the_size_of_file_systems(
    cloud: Cloud, demo: Client, says: str, asked: Any, expected: str | None
) -> None:
    image = cloud.glance.add_image(b"x", properties={"auto_disk_config": says})
    body = _body(cloud, {"imageRef": image.id, "OS-DCF:diskConfig": asked})
    answer = demo.request("POST", "/servers", body)
    if expected is None:
        message = f"Requested image {image.id} has automatic disk resize disabled."
        assert (answer.status_code, answer.json["badRequest"]["message"]) == (400, message)
    else:
        assert answer.json["server"]["OS-DCF:diskConfig"] == expected
        demo.delete(f"/servers/{answer.json['server']['id']}")
        demo.wait_gone(answer.json["server"]["id"])


def test_everything_right(cloud: Cloud, demo: Client) -> None:
    data = base64.b64encode(b"#!/bin/sh\n").decode()
    devices = [
        {**LOCAL, "uuid": cloud.image.id}, blank(volume_size=1), blank(guest_format="swap", volume_size=1),
    ]  # fmt: skip
    answer = demo.request("POST", "/servers", _body(cloud, {
        "name": "full", "flavorRef": "http://host/flavors/big", "networks": [{"uuid": cloud.network["id"], "tag": "nic"}],
        "metadata": {"a": "b"}, "tags": ["b", "a", "b"], "description": "what", "hostname": "guest", "user_data": data,
        "config_drive": "yes", "accessIPv4": "1.2.3.4", "accessIPv6": "FE80:0::1", "OS-DCF:diskConfig": "AUTO",
        "availability_zone": "nova", "security_groups": [{"name": "default"}], "adminPass": "secret",
        "block_device_mapping_v2": devices, "min_count": "1", "max_count": 1,
    }) | {"os:scheduler_hints": {"different_host": NOTHING, "own": "x", "_nova_check_type": ["rebuild"]}})  # fmt: skip
    assert answer.status_code == 202, answer.text
    made = answer.json["server"]
    assert set(made) == {"id", "links", "OS-DCF:diskConfig", "security_groups", "adminPass"}
    assert made["adminPass"] == "secret"
    assert answer.headers["location"] == made["links"][0]["href"]
    server = demo.wait_for(made["id"], "ACTIVE")
    shown = demo.get(f"/servers/{made['id']}")["server"]
    assert (shown["accessIPv4"], shown["accessIPv6"]) == ("1.2.3.4", "fe80::1")
    assert (shown["tags"], shown["description"], shown["config_drive"]) == (["a", "b"], "what", "True")
    assert shown["OS-EXT-SRV-ATTR:hostname"] == "guest"
    assert shown["scheduler_hints"] == {"different_host": NOTHING, "own": "x"}
    assert shown["pinned_availability_zone"] == "nova"
    assert shown["flavor"]["original_name"] == "big"
    seen = cloud.admin.at("2.104").get(f"/servers/{made['id']}")["server"]
    assert seen["OS-EXT-SRV-ATTR:user_data"] == data
    assert server["addresses"]["private"][0]["version"] == 4
    demo.delete(f"/servers/{made['id']}")
    demo.wait_gone(made["id"])


def test_all_that_was_asked_for_is_shown(cloud: Cloud) -> None:
    admin, data = cloud.admin.at("2.104"), base64.b64encode(b"#!/bin/sh\n").decode()
    properties = {"kernel_id": "a kernel", "ramdisk_id": "a ramdisk", "os_distro": "cirros", "own": "x"}
    image = cloud.glance.add_image(b"x" * 1024, properties=properties)
    cloud.admin.post("/os-keypairs", {"keypair": {"name": "mine"}})
    made = admin.post("/servers", _body(cloud, {
        "name": "All", "imageRef": image.id, "networks": [{"uuid": cloud.network["id"], "tag": "nic"}],
        "metadata": {"a": "b"}, "tags": ["b", "a"], "description": "what", "hostname": "guest", "user_data": data,
        "config_drive": "yes", "accessIPv4": "1.2.3.4", "accessIPv6": "fe80::1", "OS-DCF:diskConfig": "MANUAL",
        "availability_zone": "nova", "key_name": "mine", "adminPass": "secret", "host": "fake002",
    }) | {"os:scheduler_hints": {"own": "x"}}, 202)["server"]  # fmt: skip
    admin.wait_for(made["id"], "ACTIVE")
    shown = admin.get(f"/servers/{made['id']}")["server"]
    own = [shown.pop(key) for key in ("created", "updated", "OS-SRV-USG:launched_at")]
    assert own[0] <= own[1]
    assert own[0][:19] <= own[2][:19] <= own[1]
    assert [len(shown.pop(key)) for key in ("hostId", "links")] == [56, 2]
    assert shown.pop("image")["properties"] == {"os_distro": "cirros"}
    assert shown.pop("flavor")["original_name"] == "m1.tiny"
    (address,) = shown.pop("addresses")["private"]
    assert (address["version"], address["OS-EXT-IPS:type"]) == (4, "fixed")
    assert shown.pop(f"{EXT}instance_name").startswith("instance-0000")
    assert shown.pop(f"{EXT}reservation_id").startswith("r-")
    assert shown == {
        "id": made["id"], "name": "All", "status": "ACTIVE", "tenant_id": ADMIN_PROJECT, "user_id": "admin-user",
        "metadata": {"a": "b"}, "tags": ["a", "b"], "description": "what", "accessIPv4": "1.2.3.4",
        "accessIPv6": "fe80::1", "OS-DCF:diskConfig": "MANUAL", "progress": 0, "key_name": "mine",
        "config_drive": "True", "OS-EXT-AZ:availability_zone": "nova", "pinned_availability_zone": "nova",
        "OS-SRV-USG:terminated_at": None, "OS-EXT-STS:task_state": None, "OS-EXT-STS:vm_state": "active",
        "OS-EXT-STS:power_state": 1, "os-extended-volumes:volumes_attached": [], "host_status": "UP",
        f"{EXT}host": "fake002", f"{EXT}hypervisor_hostname": "fake002", f"{EXT}hostname": "guest",
        f"{EXT}kernel_id": "a kernel", f"{EXT}ramdisk_id": "a ramdisk", f"{EXT}launch_index": 0,
        f"{EXT}root_device_name": "/dev/vda", f"{EXT}user_data": data, "locked": False, "locked_reason": None,
        "trusted_image_certificates": None, "server_groups": [], "scheduler_hints": {"own": "x"},
    }  # fmt: skip
    admin.delete(f"/servers/{made['id']}")
    admin.wait_gone(made["id"])


def test_several_are_numbered(cloud: Cloud, demo: Client) -> None:
    answer = demo.post("/servers", _body(cloud, {"name": "A b", "min_count": 2, "return_reservation_id": True}), 202)
    reservation = answer["reservation_id"]
    assert list(answer) == ["reservation_id"]
    found = cloud.eventually(lambda: demo.get(f"/servers/detail?reservation_id={reservation}")["servers"])
    assert sorted(s["name"] for s in found) == ["A b-1", "A b-2"]
    assert sorted(s["OS-EXT-SRV-ATTR:hostname"] for s in found) == ["a-b-1", "a-b-2"]
    for server in found:
        demo.delete(f"/servers/{server['id']}")


@pytest.mark.parametrize(
    ("name", "hostname"),
    [("Web.01_x y", "web-01-x-y"), ("-.-", None), ("x" * 80, "x" * 63), ("\u4e16", None), ("a+b", "ab")],
)
def test_hostname_is_made_from_the_name(cloud: Cloud, demo: Client, name: str, hostname: str | None) -> None:
    made = demo.post("/servers", _body(cloud, {"name": name}), 202)["server"]
    shown = demo.get(f"/servers/{made['id']}")["server"]
    assert shown["OS-EXT-SRV-ATTR:hostname"] == (hostname or f"Server-{made['id']}")
    demo.delete(f"/servers/{made['id']}")


def test_properties_exist_from_their_microversion_on(cloud: Cloud) -> None:
    for key, value, first, last in (
        ("description", "x", 19, 104), ("tags", ["x"], 52, 104), ("host", "nope", 74, 104), ("hostname", "xx", 90, 104),
        ("trusted_image_certificates", None, 63, 104), ("personality", [], 1, 56),
    ):  # fmt: skip
        for minor in {first - 1, first, last, min(last + 1, 104)} - {0}:
            change: dict[str, Any] = {key: value, "flavorRef": "nope"}
            if minor < 37:
                change["networks"] = ...
            answer = cloud.admin.at(f"2.{minor}").request("POST", "/servers", _body(cloud, change))
            refused = f"('{key}' was unexpected)" in answer.text
            assert refused is not (first <= minor <= last), (key, minor, answer.text)


def test_what_is_recorded_at_the_second_try_is_mapped_once(
    make_cloud: Callable[..., Cloud], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cell's transaction lost against another one, and is repeated; nor does a refused request leave a mapping."""
    cloud = make_cloud(quota__instances=2)
    insert, tries = creation.operations_db.insert, []

    def lose_once(connection: Any, rows: Any) -> None:
        insert(connection, rows)
        tries.append(rows)
        if len(tries) == 1:
            raise sa.exc.OperationalError("INSERT", {}, Exception("database is locked"))

    monkeypatch.setattr(creation.operations_db, "insert", lose_once)
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body(), 202)["server"]["id"]
    assert len(tries) == 2
    body = cloud.server_body(min_count=1, max_count=2**31 - 1)  # no more are named than the quota has room for
    cloud.demo.at("2.37").post("/servers", body, 202)
    assert cloud.demo.at("2.37").request("POST", "/servers", cloud.server_body()).status_code == 403
    servers = {server["id"] for server in cloud.demo.get("/servers")["servers"]}
    mappings = api_tables.instance_mappings.c
    mapped = cloud.conductor.cells.api.query(lambda c: set(c.execute(sa.select(mappings.instance_uuid)).scalars()))
    assert made in servers
    assert mapped == servers
