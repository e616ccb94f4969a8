"""Host aggregates and availability zones."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.harness import Cloud


@pytest.fixture(autouse=True)
def _clean(cloud: Cloud) -> Iterator[None]:
    yield
    for aggregate in cloud.admin.get("/os-aggregates")["aggregates"]:
        for host in aggregate["hosts"]:
            act(cloud, aggregate["id"], "remove_host", host=host)
        cloud.admin.delete(f"/os-aggregates/{aggregate['id']}")


@pytest.fixture
def hosts(cloud: Cloud) -> list[str]:
    def computes() -> list[str]:
        zones = cloud.admin.get("/os-availability-zone/detail")["availabilityZoneInfo"]
        return sorted(h for zone in zones for h, found in (zone["hosts"] or {}).items() if "nova-compute" in found)

    found: list[str] = cloud.eventually(computes)
    return found


def make(cloud: Cloud, name: str, zone: str | None = None) -> int:
    made = cloud.admin.post("/os-aggregates", {"aggregate": {"name": name, "availability_zone": zone}}, 200)
    number: int = made["aggregate"]["id"]
    return number


def act(cloud: Cloud, aggregate: int, action: str, **values: Any) -> Any:
    return cloud.admin.request("POST", f"/os-aggregates/{aggregate}/action", {action: values})


def zones(cloud: Cloud) -> dict[str, bool]:
    found = cloud.demo.get("/os-availability-zone")["availabilityZoneInfo"]
    assert all(zone["hosts"] is None for zone in found)
    return {zone["zoneName"]: zone["zoneState"]["available"] for zone in found}


def test_a_zone_is_its_hosts(cloud: Cloud, hosts: list[str]) -> None:
    assert zones(cloud) == {"nova": True}
    number = make(cloud, "a", "za")
    assert zones(cloud) == {"nova": True}
    assert act(cloud, number, "add_host", host=hosts[0]).json["aggregate"]["hosts"] == [hosts[0]]
    assert zones(cloud) == {"nova": True, "za": True}
    detail = {z["zoneName"]: z for z in cloud.admin.get("/os-availability-zone/detail")["availabilityZoneInfo"]}
    assert list(detail["za"]["hosts"]) == [hosts[0]]
    assert detail["za"]["hosts"][hosts[0]]["nova-compute"]["available"] is True
    assert "ctl" in detail["internal"]["hosts"]
    assert cloud.demo.request("GET", "/os-availability-zone/detail").status_code == 403


def test_zones_are_listed_by_name(cloud: Cloud, hosts: list[str]) -> None:
    """Whatever their hosts are called."""
    act(cloud, make(cloud, "a", "zz"), "add_host", host=hosts[0])
    act(cloud, make(cloud, "b", "aa"), "add_host", host=hosts[2])
    assert list(zones(cloud)) == ["aa", "nova", "zz"]
    detail = cloud.admin.get("/os-availability-zone/detail")["availabilityZoneInfo"]
    assert [zone["zoneName"] for zone in detail] == ["aa", "internal", "nova", "zz"]


def test_a_host_is_in_one_zone(cloud: Cloud, hosts: list[str]) -> None:
    first, second = make(cloud, "a", "za"), make(cloud, "b", "zb")
    act(cloud, first, "add_host", host=hosts[0])
    refused = act(cloud, second, "add_host", host=hosts[0])
    assert refused.status_code == 409
    assert refused.json["conflictingRequest"]["message"] == (
        f"Cannot add host to aggregate {second}. Reason: One or more hosts already in availability zone(s) ['za']."
    )
    third = make(cloud, "c")
    assert act(cloud, third, "add_host", host=hosts[0]).status_code == 200
    refused = act(cloud, third, "set_metadata", metadata={"availability_zone": "zc"})
    assert refused.status_code == 400
    assert act(cloud, third, "set_metadata", metadata={"availability_zone": "za"}).status_code == 200


def test_the_zone_of_servers_does_not_change(cloud: Cloud, hosts: list[str]) -> None:
    server = cloud.demo.at("2.37").post("/servers", cloud.server_body("stays"), 202)["server"]
    cloud.demo.wait_for(server["id"], "ACTIVE")
    host = cloud.admin.get(f"/servers/{server['id']}")["server"]["OS-EXT-SRV-ATTR:host"]
    try:
        number = make(cloud, "a", "za")
        refused = act(cloud, number, "add_host", host=host)
        assert refused.status_code == 409
        assert "would change from 'None' to 'za'" in refused.json["conflictingRequest"]["message"]
        plain = make(cloud, "b")
        assert act(cloud, plain, "add_host", host=host).status_code == 200
        refused = act(cloud, plain, "set_metadata", metadata={"availability_zone": "zb"})
        assert "One or more hosts contain instances in this zone" in refused.json["badRequest"]["message"]
        assert act(cloud, plain, "remove_host", host=host).status_code == 200
    finally:
        cloud.demo.delete(f"/servers/{server['id']}")
        cloud.demo.wait_gone(server["id"])


def test_a_host_with_servers_stays_in_its_zone(cloud: Cloud, hosts: list[str]) -> None:
    first, second, plain = make(cloud, "a", "za"), make(cloud, "b", "za"), make(cloud, "c")
    for aggregate in (first, second, plain):
        assert act(cloud, aggregate, "add_host", host=hosts[0]).status_code == 200
    body = cloud.server_body("there", availability_zone="za")
    server = cloud.demo.at("2.37").post("/servers", body, 202)["server"]["id"]
    cloud.demo.wait_for(server, "ACTIVE")
    try:
        # The other aggregate keeps it in the zone; and one without a zone has nothing to do with it.
        for aggregate in (plain, first):
            assert act(cloud, aggregate, "remove_host", host=hosts[0]).status_code == 200
        refused = act(cloud, second, "remove_host", host=hosts[0])
        assert refused.status_code == 409
        assert "would change from 'za' to 'None'" in refused.json["conflictingRequest"]["message"]
    finally:
        cloud.demo.delete(f"/servers/{server}")
        cloud.demo.wait_gone(server)
    assert act(cloud, second, "remove_host", host=hosts[0]).status_code == 200


def test_names(cloud: Cloud) -> None:
    make(cloud, "a")
    other = make(cloud, "b")
    assert cloud.admin.request("POST", "/os-aggregates", {"aggregate": {"name": "a"}}).status_code == 409
    path = f"/os-aggregates/{other}"
    assert cloud.admin.request("PUT", path, {"aggregate": {"name": "a"}}).status_code == 409
    assert cloud.admin.put(path, {"aggregate": {"name": " c "}})["aggregate"]["name"] == "c"
    # All or nothing: the name stays when the zone can't be removed.
    body = {"aggregate": {"name": "d", "availability_zone": None}}
    assert cloud.admin.request("PUT", path, body).status_code == 400
    assert cloud.admin.get(path)["aggregate"]["name"] == "c"


def test_metadata(cloud: Cloud) -> None:
    number = make(cloud, "a", "za")
    act(cloud, number, "set_metadata", metadata={"k": "v", "l": "w"})
    act(cloud, number, "set_metadata", metadata={"k": None, "nope": None})
    shown = cloud.admin.get(f"/os-aggregates/{number}")["aggregate"]
    assert shown["metadata"] == {"availability_zone": "za", "l": "w"}
    assert shown["availability_zone"] == "za"
    assert "uuid" not in shown
    assert "uuid" in cloud.admin.at("2.41").get(f"/os-aggregates/{number}")["aggregate"]


def test_what_is_not_there(cloud: Cloud, hosts: list[str]) -> None:
    number = make(cloud, "a")
    assert act(cloud, number, "add_host", host="nope").status_code == 404
    assert act(cloud, 99999, "add_host", host=hosts[0]).status_code == 404
    assert act(cloud, number, "remove_host", host=hosts[0]).status_code == 404
    assert cloud.admin.request("GET", "/os-aggregates/x").status_code == 400
    assert cloud.admin.request("GET", f"/os-aggregates/{10**20}").status_code == 404
    act(cloud, number, "add_host", host=hosts[0])
    assert act(cloud, number, "add_host", host=hosts[0]).status_code == 409
    assert cloud.admin.request("DELETE", f"/os-aggregates/{number}").status_code == 400
    assert cloud.demo.request("GET", "/os-aggregates").status_code == 403
