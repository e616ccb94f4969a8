"""A hundred servers by one request, on as many hosts, with more than one conductor and scheduler."""

import time
from collections import Counter

import pytest

from tests.integration.user.waiting import wait_for

pytestmark = pytest.mark.fake
COUNT = 100


def test_there_are_hosts_conductors_and_schedulers(admin_api, stack):
    services = admin_api.compute.get("/os-services").json()["services"]
    up = Counter(service["binary"] for service in services if service["state"] == "up")
    assert up["nova-compute"] == stack.fake_hosts
    assert up["nova-conductor"] >= 2
    assert up["nova-scheduler"] >= 2


def test_a_hundred_servers_by_one_request(demo_api, admin_api, stack, new_name):
    name = new_name("many")
    before = usages(admin_api)
    began = time.monotonic()
    made = demo_api.create(demo_api.server_body(name, min_count=COUNT, max_count=COUNT, return_reservation_id=True))
    assert made.status_code == 202, made.text
    reservation = made.json()["reservation_id"]

    def settled():
        servers = admin_api.servers(all_tenants=1, reservation_id=reservation)
        return servers if all(server["status"] in ("ACTIVE", "ERROR") for server in servers) else None

    servers = wait_for(settled, "the servers are built", 240)
    print(f"{COUNT} servers after {time.monotonic() - began:.1f} s")
    try:
        assert Counter(server["status"] for server in servers) == {"ACTIVE": COUNT}
        assert {server["name"] for server in servers} == {f"{name}-{number}" for number in range(1, COUNT + 1)}
        check_places(admin_api, servers, stack.fake_hosts)
        check_allocations(admin_api, servers)
        check_ports(admin_api, servers)
    finally:
        for server in servers:
            assert demo_api.compute.delete(f"/servers/{server['id']}").status_code == 204
        mine = {"all_tenants": 1, "reservation_id": reservation}
        wait_for(lambda: not admin_api.servers(**mine), "all are gone", 90)
    print(f"all gone after {time.monotonic() - began:.1f} s")
    wait_for(lambda: usages(admin_api) == before, "Placement is as it was", 15)
    assert not [port for port in admin_api.ports() if port["device_id"] in {server["id"] for server in servers}]


def check_places(admin_api, servers, hosts):
    """Spread: the hosts' weights differ by what is on them, so nobody gets a second one while others have none."""
    on = Counter(server["OS-EXT-SRV-ATTR:host"] for server in servers)
    assert len(on) >= min(hosts, COUNT) * 0.9, on.most_common(5)
    assert max(on.values()) <= 2 + COUNT // hosts, on.most_common(5)


def check_allocations(admin_api, servers):
    """Placement's record is of exactly these servers, each on its own host."""
    providers = admin_api.placement.get("/resource_providers").json()["resource_providers"]
    uuids = {provider["name"]: provider["uuid"] for provider in providers}
    held: dict[str, set[str]] = {}
    for host, uuid in uuids.items():
        allocations = admin_api.placement.get(f"/resource_providers/{uuid}/allocations").json()["allocations"]
        for consumer, what in allocations.items():
            held.setdefault(consumer, set()).add(host)
            assert what["resources"]["VCPU"] == 1
            assert what["resources"]["MEMORY_MB"] == 128
            assert what["resources"]["DISK_GB"] == 1
    expected = {server["id"]: {server["OS-EXT-SRV-ATTR:hypervisor_hostname"]} for server in servers}
    assert {consumer: held.get(consumer) for consumer in expected} == expected


def check_ports(admin_api, servers):
    """One port each, bound to the server's host."""
    ports = {port["device_id"]: port for port in admin_api.ports()}
    for server in servers:
        assert ports[server["id"]]["binding:host_id"] == server["OS-EXT-SRV-ATTR:host"]
        assert ports[server["id"]]["status"] == "ACTIVE"


def usages(admin_api):
    """Resources that are held, by provider."""
    providers = admin_api.placement.get("/resource_providers").json()["resource_providers"]
    return {
        provider["name"]: admin_api.placement.get(f"/resource_providers/{provider['uuid']}/usages").json()["usages"]
        for provider in providers
    }
