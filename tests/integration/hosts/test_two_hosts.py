"""Two servers on two hosts: where they are, and who reaches whom."""

import hashlib
import json

import pytest

from tests.integration.user.browser import Browser
from tests.integration.user.guests import wait_for_console
from tests.integration.user.screens import compare, libvirt_screen, page_screen
from tests.integration.user.waiting import wait_for

pytestmark = pytest.mark.libvirt
LINES = 500_000


def test_both_hosts_serve(stack, admin_api):
    services = admin_api.ask("GET", "/os-services?binary=nova-compute").json()["services"]
    assert {service["host"] for service in services} == {host.name for host in stack.hosts}
    assert {service["state"] for service in services} == {"up"}
    hypervisors = admin_api.ask("GET", "/os-hypervisors/detail").json()["hypervisors"]
    assert {each["hypervisor_hostname"]: each["host_ip"] for each in hypervisors} == {
        host.name: host.address for host in stack.hosts
    }


def test_each_host_says_how_it_fares(stack):
    for host in stack.hosts:
        configuration = (f"{stack.etc}/novalike.conf", f"{stack.etc}/compute-{host.name}.conf")
        options = [word for path in configuration for word in ("--config-file", path)]
        said = host.run("novalike-status", *options, "health", "compute")
        assert host.name in said
        assert "serving" in said


def test_each_server_is_on_the_host_that_was_asked_for(stack, guests, admin_api):
    for guest in guests:
        server = admin_api.server(guest.id)
        assert server["OS-EXT-SRV-ATTR:host"] == guest.host.name
        assert guest.port["binding:host_id"] == guest.host.name
        where = [host.name for host in stack.hosts if guest.id in host.run("virsh", "-q", "list", "--uuid").split()]
        assert where == [guest.host.name]
        assert list(admin_api.allocations(guest.id)) == [provider_of(admin_api, guest.host.name)]


def provider_of(api, name):
    (found,) = api.placement.get("/resource_providers", params={"name": name}).json()["resource_providers"]
    return found["uuid"]


def test_the_metadata_service_answers_on_both(guests, admin_api):
    for guest in guests:
        text = wait_for_console(admin_api, guest.id, "finished at", "login:")
        assert f"lease of {guest.address} obtained" in text, "by DHCP"
        assert "cloud: datasource=metadata" in text
        assert f"cloud: instance {guest.id} hostname {guest.name}.novalocal keys 1" in text


def test_floating_addresses_lead_to_both(open_guests):
    for guest in open_guests:
        assert guest.run("hostname -s").strip() == guest.name
        told = guest.run("wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")
        assert json.loads(told)["uuid"] == guest.id


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["there", "back"])
def test_what_one_sends_arrives_at_the_other(open_guests, order):
    sender, receiver = (open_guests[number] for number in order)
    # nc ends when its standard input does
    receiver.run("(sleep 50 | nc -l -p 5000 | md5sum >/tmp/sum) >/dev/null 2>&1 </dev/null &")
    sender.run(f"seq {LINES} | timeout 50 nc {receiver.address} 5000")
    sent = hashlib.md5("".join(f"{number}\n" for number in range(1, LINES + 1)).encode()).hexdigest()
    got = wait_for(lambda: receiver.run("cat /tmp/sum").split(), "the sum of what arrived", 20)
    assert got[0] == sent


def test_a_port_that_no_rule_names_is_closed_until_one_does(open_guests, group, network):
    sender, receiver = open_guests
    receiver.run("(sleep 50 | timeout 50 nc -l -p 5001 >/tmp/heard) >/dev/null 2>&1 </dev/null &")
    say = f"echo hello | timeout 4 nc {receiver.address} 5001; true"
    sender.run(say)
    assert receiver.run("cat /tmp/heard") == ""
    network.allow(group["id"], protocol="tcp", port_range_min=5001, port_range_max=5001)

    def heard():
        sender.run(say)
        return receiver.run("cat /tmp/heard")

    assert wait_for(heard, "what is said to an open port", 30) == "hello\n"


def test_the_console_page_shows_the_screen_of_each(stack, open_guests, admin_api):
    for guest in open_guests:
        body = {"remote_console": {"protocol": "vnc", "type": "novnc"}}
        console = admin_api.ask("POST", f"/servers/{guest.id}/remote-consoles", body).json()["remote_console"]
        with Browser() as browser:
            browser.open(console["url"])
            wait_for(lambda: page_screen(browser), "the page has a screen that isn't blank", 30)
            wait_for(
                lambda at=guest: compare(page_screen(browser), libvirt_screen(at.id, at.host)),
                "the screens are equal", 20,
            )  # fmt: skip


def test_a_compute_service_that_is_killed_comes_back(stack, guests, admin_api):
    """And the other one does not mind."""
    killed, other = (guest.host.name for guest in guests)
    program = f"{killed}-novalike-compute"
    before = {name: stack.control("pid", f"{name}-novalike-compute").strip() for name in (killed, other)}
    stack.control("signal", "KILL", program)
    wait_for(lambda: stack.control("pid", program).strip() not in (before[killed], "0"), f"{program} runs again", 30)
    assert stack.control("pid", f"{other}-novalike-compute").strip() == before[other]
    for guest in guests:
        answer = admin_api.ask("POST", f"/servers/{guest.id}/action", {"reboot": {"type": "HARD"}})
        assert answer.status_code == 202, answer.text
    for guest in guests:
        admin_api.wait_for_status(guest.id, "ACTIVE", seconds=90)


def test_nothing_is_left_after_delete(guests, admin_api, nothing_is_left):
    admin_api.delete(*(guest.id for guest in guests))
    for guest in guests:
        nothing_is_left(guest.id, [guest.port])
