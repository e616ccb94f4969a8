"""A real guest is resized and migrated between two hosts. What became of it and its disk is asked over ssh."""

import dataclasses

import pytest

from tests.integration.hosts.conftest import Guest
from tests.integration.user.leftovers import on_host
from tests.integration.user.waiting import wait_for

pytestmark = pytest.mark.libvirt

FILE_KIB = 5_000


@pytest.fixture(scope="module")
def larger(stack, admin_api, new_name):
    """A flavor with twice the stack's memory and disk, and two processors."""
    small = admin_api.compute.get(f"/flavors/{admin_api.flavor_id}").json()["flavor"]
    wanted = {"name": new_name("larger"), "ram": 2 * small["ram"], "disk": small["disk"] + 1, "vcpus": 2}
    made = admin_api.compute.post("/flavors", json={"flavor": wanted}).json()["flavor"]
    yield made
    admin_api.compute.delete(f"/flavors/{made['id']}")


@pytest.fixture(scope="module")
def guest(stack, admin_api, network, group, key_name, new_name):
    """A server on the first host, with two ports, a floating address and a config drive, that counts on its disk."""
    name, host = new_name("mover"), stack.hosts[0]
    second = network.create("networks", "network", name=new_name("second"))
    network.create("subnets", "subnet", network_id=second["id"], ip_version=4, cidr="10.99.0.0/24", gateway_ip=None)
    nets = [{"uuid": admin_api.network_id}, {"uuid": second["id"]}]
    more = {"key_name": key_name, "security_groups": [{"name": group["id"]}], "networks": nets, "config_drive": True}
    answer = admin_api.create(admin_api.server_body(name, host=host.name, **more))
    assert answer.status_code == 202, answer.text
    server_id = answer.json()["server"]["id"]
    try:
        admin_api.wait_for_status(server_id, "ACTIVE", seconds=120)
        (port,) = admin_api.ports(device_id=server_id, network_id=admin_api.network_id)
        address = port["fixed_ips"][0]["ip_address"]
        public = network.find("networks", name=stack.public_network)["id"]
        floating = network.create("floatingips", "floatingip", floating_network_id=public, port_id=port["id"])
        made = Guest(stack, host, server_id, name, port, address, floating["floating_ip_address"])
        wait_for(made.answers, f"ssh to {name}", 180, pause=1)
        made.run(f"head -c {FILE_KIB}k /dev/urandom >file && md5sum <file >sum && sync")
        made.run("(n=0; while n=$((n + 1)); do echo $n >>counter; sync; sleep 1; done) >/dev/null 2>&1 </dev/null &")
        yield made
    finally:
        admin_api.delete(server_id)


def act(api, guest, action, body=None):
    answer = api.ask("POST", f"/servers/{guest.id}/action", {action: body})
    assert answer.status_code in (202, 204), answer.text


def arrived(api, guest, status="VERIFY_RESIZE"):
    """The guest, once its server has a status: on the host that its server is on by then, and on no other."""
    server = api.wait_for_status(guest.id, status, seconds=180)
    host = next(each for each in guest.stack.hosts if each.name == server["OS-EXT-SRV-ATTR:host"])
    known = [each.name for each in guest.stack.hosts if guest.id in each.run("virsh", "-q", "list", "--all", "--uuid")]
    assert known == [host.name]
    ports = api.ports(device_id=guest.id)
    assert len(ports) == 2
    assert {port["binding:host_id"] for port in ports} == {host.name}
    return dataclasses.replace(guest, host=host)


def size_of(guest):
    """Processors, MiB of memory, GiB of root disk, as the guest sees them."""
    wait_for(guest.answers, f"ssh to {guest.name} on {guest.host.name}", 180, pause=1)
    cpus = int(guest.run("grep -c ^processor /proc/cpuinfo"))
    memory = int(guest.run("awk '/MemTotal/ {print $2}' /proc/meminfo")) // 1024
    disk = int(guest.run("cat /sys/block/vda/size")) * 512 // 1024**3
    return cpus, memory, disk


def check_disk(guest, counted):
    """The file is whole, and nothing that was counted is lost. Returns how far it had counted."""
    assert guest.run("md5sum <file") == guest.run("cat sum")
    now = [int(line) for line in guest.run("cat counter").split()]
    assert now == list(range(1, len(now) + 1))
    assert len(now) >= counted
    assert "sr0" in guest.run("ls /sys/block").split(), "the config drive"
    return len(now)


def left_on(host, guest):
    """What a host has of the guest, by kind."""
    return {kind: found for kind, found in on_host(guest.stack, host, guest.id, [guest.port]).items() if found}


def counted(guest):
    return len(guest.run("cat counter").split())


def test_there_and_back_and_there_again(admin_api, guest, larger):
    """Resized, reverted, resized once more, confirmed: the disk comes along each time, and grows."""
    first, small = guest, size_of(guest)
    seen = counted(guest)
    act(admin_api, guest, "resize", {"flavorRef": larger["id"]})
    moved = arrived(admin_api, guest)
    assert moved.host != first.host
    cpus, memory, disk = size_of(moved)
    assert (cpus, disk) == (larger["vcpus"], larger["disk"])
    assert memory > 1.5 * small[1]
    check_disk(moved, seen)

    act(admin_api, moved, "revertResize")
    back = arrived(admin_api, moved, "ACTIVE")
    assert back.host == first.host
    assert size_of(back) == small
    seen = check_disk(back, seen)
    assert left_on(moved.host, guest) == {}

    act(admin_api, back, "resize", {"flavorRef": larger["id"]})
    moved = arrived(admin_api, back)
    act(admin_api, moved, "confirmResize")
    moved = arrived(admin_api, moved, "ACTIVE")
    assert size_of(moved)[0] == larger["vcpus"]
    check_disk(moved, seen)
    assert left_on(first.host, guest) == {}
    used = admin_api.allocations(guest.id)
    assert [each["resources"]["VCPU"] for each in used.values()] == [larger["vcpus"]]


def test_a_migration_to_a_certain_host_and_of_a_server_that_is_off(admin_api, guest):
    here = admin_api.server(guest.id)["OS-EXT-SRV-ATTR:host"]
    target = next(host for host in guest.stack.hosts if host.name != here)
    source = next(host for host in guest.stack.hosts if host.name == here)
    act(admin_api, guest, "migrate", {"host": target.name})
    moved = arrived(admin_api, guest)
    assert moved.host == target
    size_of(moved)
    check_disk(moved, 1)
    act(admin_api, moved, "confirmResize")
    moved = arrived(admin_api, moved, "ACTIVE")

    act(admin_api, moved, "os-stop")
    admin_api.wait_for_status(guest.id, "SHUTOFF", seconds=120)
    act(admin_api, moved, "migrate")
    back = arrived(admin_api, moved)
    assert back.host == source
    assert guest.id not in back.host.run("virsh", "-q", "list", "--uuid")
    act(admin_api, back, "confirmResize")
    back = arrived(admin_api, back, "SHUTOFF")
    assert left_on(target, guest) == {}
    act(admin_api, back, "os-start")
    admin_api.wait_for_status(guest.id, "ACTIVE", seconds=120)
    size_of(back)
    check_disk(back, 1)


def test_nothing_is_left_of_a_server_that_is_deleted_before_it_is_confirmed(admin_api, guest, nothing_is_left):
    act(admin_api, guest, "migrate")
    moved = arrived(admin_api, guest)
    ports = admin_api.ports(device_id=guest.id)
    admin_api.delete(guest.id)
    nothing_is_left(guest.id, ports)
    for host in moved.stack.hosts:
        assert left_on(host, guest) == {}
