"""Hypervisors, through API, bus and database."""

from collections.abc import Callable

from tests.functional.harness import Cloud


def test_lists_and_pages(cloud: Cloud) -> None:
    admin = cloud.admin.at("2.53")
    found = admin.get("/os-hypervisors")["hypervisors"]
    assert [h["hypervisor_hostname"] for h in found] == ["fake001", "fake002", "fake003"]
    page = admin.get("/os-hypervisors?limit=2")
    assert len(page["hypervisors"]) == 2
    rest = admin.get("/os-hypervisors?" + page["hypervisors_links"][0]["href"].partition("?")[2])
    assert [h["hypervisor_hostname"] for h in rest["hypervisors"]] == ["fake003"]
    assert admin.request("GET", "/os-hypervisors?marker=00000000-0000-4000-8000-000000000000").status_code == 400
    assert cloud.demo.request("GET", "/os-hypervisors").status_code == 403


def test_usage_is_counted_from_servers(cloud: Cloud) -> None:
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("used"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    host = cloud.admin.get(f"/servers/{made['id']}")["server"]["OS-EXT-SRV-ATTR:host"]
    shown = cloud.admin.get(f"/os-hypervisors/{host}/servers")["hypervisors"][0]
    assert [s["uuid"] for s in shown["servers"]] == [made["id"]]
    full = cloud.admin.get(f"/os-hypervisors/{shown['id']}")["hypervisor"]
    assert (full["vcpus_used"], full["memory_mb_used"], full["running_vms"]) == (1, 64 + 512, 1)
    assert isinstance(full["cpu_info"], str)
    total = cloud.admin.get("/os-hypervisors/statistics")["hypervisor_statistics"]
    assert (total["count"], total["vcpus_used"]) == (3, 1)
    assert cloud.admin.request("GET", f"/os-hypervisors/{shown['id']}/uptime").status_code == 501
    uuid = cloud.admin.at("2.53").get("/os-hypervisors")["hypervisors"][0]["id"]
    assert "vcpus" not in cloud.admin.at("2.88").get(f"/os-hypervisors/{uuid}")["hypervisor"]
    assert cloud.admin.at("2.88").request("GET", "/os-hypervisors/statistics").status_code == 404
    assert cloud.admin.at("2.53").request("GET", "/os-hypervisors/abc").status_code == 400
    for number in ("99", str(2**31), "9" * 30, "9" * 5000):
        assert cloud.admin.request("GET", f"/os-hypervisors/{number}").status_code == 404
        assert cloud.admin.at("2.33").request("GET", f"/os-hypervisors?marker={number}").status_code == 400
    assert cloud.admin.request("GET", "/os-hypervisors/a%00/search").status_code == 404


def test_what_is_reserved_is_used(make_cloud: Callable[..., Cloud]) -> None:
    cloud = make_cloud(hosts=1, reserved_host_disk_mb=3000, reserved_host_memory_mb=100)
    number = cloud.admin.get("/os-hypervisors")["hypervisors"][0]["id"]
    shown = cloud.admin.get(f"/os-hypervisors/{number}")["hypervisor"]
    used = ("vcpus_used", "memory_mb_used", "local_gb_used", "running_vms", "current_workload")
    assert [shown[name] for name in used] == [0, 100, 2, 0, 0]
    made = cloud.demo.at("2.37").post("/servers", cloud.server_body("used"), 202)["server"]
    cloud.demo.wait_for(made["id"], "ACTIVE")
    shown = cloud.admin.get(f"/os-hypervisors/{number}")["hypervisor"]
    assert (shown["memory_mb_used"], shown["local_gb_used"]) == (100 + 64, 2 + 1)
    assert (shown["free_ram_mb"], shown["free_disk_gb"]) == (shown["memory_mb"] - 164, shown["local_gb"] - 3)


def test_names_are_looked_for_as_they_are_written(cloud: Cloud) -> None:
    def found(pattern: str) -> int:
        return len(cloud.admin.at("2.53").request("GET", f"/os-hypervisors?hypervisor_hostname_pattern={pattern}").json[
            "hypervisors"
        ])  # fmt: skip

    assert (found("fake"), found("ke00"), found("002")) == (3, 3, 1)
    for pattern in ("fake_01", "_", "%25"):  # nothing that SQL reads into them
        assert cloud.admin.at("2.53").request(
            "GET", f"/os-hypervisors?hypervisor_hostname_pattern={pattern}"
        ).status_code in (400, 404)


def test_queries_are_strict_from_2_53(cloud: Cloud) -> None:
    for query, status in (("x=1", 400), ("limit=1&limit=2", 400), ("hypervisor_hostname_pattern=a*b", 400)):
        assert cloud.admin.at("2.52").request("GET", f"/os-hypervisors?{query}").status_code == 200
        assert cloud.admin.at("2.53").request("GET", f"/os-hypervisors?{query}").status_code == status
    uuid = cloud.admin.at("2.53").get("/os-hypervisors")["hypervisors"][0]["id"]
    assert cloud.admin.at("2.53").request("GET", f"/os-hypervisors/{uuid}?x=1").status_code == 400
