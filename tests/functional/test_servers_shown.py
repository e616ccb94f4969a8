"""Which keys a server has, in every microversion that changed them, for whom; what updates answer."""
# ruff: noqa: E501 - tables read better with a case in a line

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.harness import DEMO_PROJECT, Client, Cloud

BASE = {
    "accessIPv4", "accessIPv6", "addresses", "created", "flavor", "hostId", "id", "image", "links", "metadata", "name",
    "status", "tenant_id", "updated", "user_id", "OS-DCF:diskConfig", "progress",
}  # fmt: skip
SHOWN = {
    "OS-EXT-AZ:availability_zone", "config_drive", "key_name", "OS-SRV-USG:launched_at", "OS-SRV-USG:terminated_at",
    "security_groups", "OS-EXT-STS:task_state", "OS-EXT-STS:vm_state", "OS-EXT-STS:power_state",
    "os-extended-volumes:volumes_attached",
}  # fmt: skip
EXT = "OS-EXT-SRV-ATTR:"
ADMIN = {f"{EXT}host", f"{EXT}instance_name", f"{EXT}hypervisor_hostname"}
ADMIN_2_3 = {
    f"{EXT}{name}"
    for name in ("hostname", "kernel_id", "launch_index", "ramdisk_id", "reservation_id", "root_device_name", "user_data")
}  # fmt: skip

# (since, keys, of an update before 2.75 as well, of lists)
ADDED = [
    (9, "locked", True, True), (19, "description", True, True), (26, "tags", True, True),
    (63, "trusted_image_certificates", True, True), (71, "server_groups", True, False), (73, "locked_reason", True, True),
    (96, "pinned_availability_zone", False, True), (100, "scheduler_hints", False, True),
]  # fmt: skip
VERSIONS = (1, 2, 3, 8, 9, 15, 16, 18, 19, 25, 26, 46, 47, 62, 63, 70, 71, 72, 73, 74, 75, 89, 90, 95, 96, 97, 98, 99,
            100, 101, 102, 104)  # fmt: skip


def keys(minor: int, who: str, kind: str) -> set[str]:
    """The keys of a server in an answer of a kind: ``show``, ``detail`` or ``update``."""
    brief = kind == "update" and minor < 75
    found = BASE | (set() if brief else SHOWN)
    found |= {key for since, key, in_brief, in_list in ADDED
              if minor >= since and (in_brief or not brief) and (in_list or kind != "detail")}  # fmt: skip
    if who == "admin" and not brief:
        found |= ADMIN | (ADMIN_2_3 if minor >= 3 else set()) | ({"host_status"} if minor >= 16 else set())
    if minor >= 90:
        found.add(f"{EXT}hostname")
    return found


@pytest.fixture(scope="module")
def server_id(cloud: Cloud) -> Iterator[str]:
    cloud.neutron.add_security_group("web", DEMO_PROJECT)
    networks, groups = [{"uuid": cloud.network["id"]}], [{"name": "web"}]
    body = cloud.server_body("shown", networks=networks, security_groups=groups)
    made = cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"]
    cloud.demo.wait_for(made, "ACTIVE")
    yield made
    cloud.demo.delete(f"/servers/{made}")
    cloud.demo.wait_gone(made)


@pytest.mark.parametrize("minor", VERSIONS)
@pytest.mark.parametrize("who", ["admin", "demo"])
def test_keys(cloud: Cloud, server_id: str, minor: int, who: str) -> None:
    client: Client = getattr(cloud, who).at(f"2.{minor}")
    shown = client.get(f"/servers/{server_id}")["server"]
    assert set(shown) == keys(minor, who, "show")
    (listed,) = client.get("/servers/detail?name=shown&all_tenants=1" if who == "admin" else "/servers/detail?name=shown")["servers"]
    assert set(listed) == keys(minor, who, "detail")
    updated = client.put(f"/servers/{server_id}", {"server": {"name": "shown"}})["server"]
    assert set(updated) == keys(minor, who, "update")
    flavor = {"id", "links"} if minor < 47 else {
        "vcpus", "ram", "disk", "ephemeral", "swap", "original_name", "extra_specs"
    }  # fmt: skip
    assert set(shown["flavor"]) == set(listed["flavor"]) == set(updated["flavor"]) == flavor
    assert {server.get("host_status", "UP") for server in (shown, listed, updated)} == {"UP"}
    assert set(shown["image"]) == ({"id", "links"} if minor < 98 else {"id", "links", "properties"})
    address = shown["addresses"]["private"][0]
    assert set(address) == {"addr", "version", "OS-EXT-IPS:type", "OS-EXT-IPS-MAC:mac_addr"}
    assert set(updated["addresses"]["private"][0]) == ({"addr", "version"} if minor < 75 else set(address))


@pytest.mark.parametrize(
    ("change", "version", "status", "key", "value"),
    [
        ({"name": "new"}, "2.1", 200, "name", "new"),
        ({"name": ""}, "2.1", 400, None, "should be non-empty"),
        ({"name": "x" * 256}, "2.1", 400, None, "is too long"),
        ({"name": "a\u0000b"}, "2.1", 400, None, "An invalid 'name' value was provided."),
        ({"description": "d"}, "2.1", 400, None, "('description' was unexpected)"),
        ({"description": None}, "2.19", 200, "description", None),
        ({"description": ""}, "2.19", 200, "description", ""),
        ({"description": "a\nb"}, "2.19", 400, None, "description"),
        ({"hostname": "a"}, "2.90", 400, None, "does not match"),
        ({"hostname": "a.b"}, "2.90", 400, None, "does not match"),
        ({"hostname": "a.b"}, "2.94", 200, f"{EXT}hostname", "a.b"),
        ({"accessIPv4": "1.2.3.4"}, "2.1", 200, "accessIPv4", "1.2.3.4"),
        ({"accessIPv6": "FE80:0::0001"}, "2.1", 200, "accessIPv6", "fe80::1"),
        ({"accessIPv6": None}, "2.1", 400, None, "is not of type 'string'"),
        ({"OS-DCF:diskConfig": "AUTO"}, "2.1", 200, "OS-DCF:diskConfig", "AUTO"),
        ({"OS-DCF:diskConfig": "auto"}, "2.1", 400, None, "is not one of"),
        ({"pinned_availability_zone": "other"}, "2.104", 409, None, "Server can only be pinned to its current"),
        ({"pinned_availability_zone": "nova"}, "2.103", 400, None, "was unexpected"),
        ({"name": "shown"}, "2.1", 200, "name", "shown"),
    ],
    ids=str,
)
def test_update(
    cloud: Cloud, server_id: str, change: dict[str, Any], version: str, status: int, key: str | None, value: Any
) -> None:
    answer = cloud.demo.at(version).request("PUT", f"/servers/{server_id}", {"server": change})
    assert answer.status_code == status, answer.text
    if key is None:
        assert value in answer.text
        return
    assert answer.json["server"][key] == value
    assert cloud.demo.at(version).get(f"/servers/{server_id}")["server"][key] == value


def test_a_server_is_unpinned_before_it_is_pinned_elsewhere(cloud: Cloud, server_id: str) -> None:
    client, path = cloud.demo.at("2.104"), f"/servers/{server_id}"

    def pin(zone: str | None) -> Any:
        return client.request("PUT", path, {"server": {"pinned_availability_zone": zone}})

    for zone in ("nova", None):
        assert pin(zone).json["server"]["pinned_availability_zone"] == zone
        assert client.get(path)["server"]["pinned_availability_zone"] == zone
        if zone:
            refused = pin("other")
            assert (refused.status_code, "Unpin first" in refused.text) == (409, True)


def test_queries_are_refused_since_2_102(cloud: Cloud, server_id: str) -> None:
    for end in ("", "/ips", "/metadata"):
        assert cloud.demo.at("2.101").request("GET", f"/servers/{server_id}{end}?x=1").status_code == 200
        assert cloud.demo.at("2.102").request("GET", f"/servers/{server_id}{end}?x=1").status_code == 400


def test_addresses(cloud: Cloud, server_id: str) -> None:
    shown = cloud.demo.get(f"/servers/{server_id}/ips")["addresses"]
    assert list(shown) == ["private"]
    assert set(shown["private"][0]) == {"addr", "version"}
    assert cloud.demo.get(f"/servers/{server_id}/ips/private") == shown
    refused = cloud.demo.request("GET", f"/servers/{server_id}/ips/other")
    assert refused.json["itemNotFound"]["message"] == "Instance is not a member of specified network"


def test_tags_have_a_limit_and_a_form(cloud: Cloud, server_id: str) -> None:
    demo, path = cloud.demo.at("2.26"), f"/servers/{server_id}/tags"
    fifty = [f"t{n:02}" for n in range(50)]
    assert demo.put(path, {"tags": fifty}) == {"tags": fifty}
    for tag in ("more", "t01"):
        assert "exceeded the per-server limit 50" in demo.request("PUT", f"{path}/{tag}").text
    assert demo.request("DELETE", f"{path}/t01").status_code == 204
    missing = demo.request("DELETE", f"{path}/t01")
    assert missing.json["itemNotFound"]["message"] == f"Instance {server_id} has no tag 't01'"
    made = demo.request("PUT", f"{path}/new")
    assert (made.status_code, made.headers["location"].rpartition("/")[2]) == (201, "new")
    for tag in ("a,b", "x" * 61):
        assert f"Tag '{tag}' is invalid." in demo.request("PUT", f"{path}/{tag}").text
    assert "is not of type 'null'" in demo.request("PUT", f"{path}/x", {"x": 1}).text
    assert demo.request("DELETE", path).status_code == 204
    assert demo.get(path) == {"tags": []}
    assert cloud.demo.at("2.25").request("GET", path).status_code == 404


@pytest.mark.parametrize(
    ("method", "end", "body", "status"),
    [
        ("POST", "", {"metadata": {"k": 1}}, 400), ("POST", "", {"metadata": {"": "v"}}, 400), ("POST", "", {}, 400),
        ("POST", "", {"metadata": {}}, 200), ("PUT", "", {"metadata": {"k": "v" * 256}}, 400),
        ("POST", "", {"metadata": {f"k{n}": "v" for n in range(129)}}, 403), ("PUT", "/a", {"meta": {"b": "x"}}, 400),
        ("PUT", "/a", {"meta": {"a": "x", "b": "y"}}, 400), ("PUT", "/a", {"meta": {}}, 400),
        ("PUT", "/a", {"meta": {"a": "y"}}, 200), ("PUT", "/b", {"meta": {"b": "y"}}, 200), ("GET", "/a", None, 200),
        ("GET", "/b", None, 404), ("DELETE", "/a", None, 204), ("DELETE", "/b", None, 404),
    ],
    ids=str,
)  # fmt: skip
def test_metadata(cloud: Cloud, server_id: str, method: str, end: str, body: Any, status: int) -> None:
    path = f"/servers/{server_id}/metadata"
    cloud.demo.put(path, {"metadata": {"a": "x"}})
    answer = cloud.demo.request(method, path + end, body)
    assert answer.status_code == status, answer.text
    there = {"DELETE /a": {}, "PUT /a": {"a": "y"}, "PUT /b": {"a": "x", "b": "y"}}
    done = f"{method} {end}" if status < 300 else ""
    assert cloud.demo.get(path)["metadata"] == there.get(done, {"a": "x"})


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "Malformed request body"), ([1], 404, "The resource could not be found."),
        ({"nope": None}, 400, "There is no such action: nope"), ({"os-stop": None, "os-start": None}, 400, "Malformed"),
        ({"reboot": {}}, 400, "'type' is a required property"), ({"reboot": {"type": "x"}}, 400, "is not one of"),
        ({"os-start": None}, 409, "Cannot 'start' instance"), ({"os-start": None, "x": 1}, 400, "Malformed request body"),
    ],
    ids=str,
)  # fmt: skip
def test_bad_actions(cloud: Cloud, server_id: str, body: Any, status: int, message: str) -> None:
    answer = cloud.demo.request("POST", f"/servers/{server_id}/action", body)
    assert answer.status_code == status
    assert message in answer.text
