"""Two real servers: one that asks the metadata service, one that has a config drive."""

import json
import subprocess
from pathlib import Path

import pytest

from tests.integration.user.browser import Browser
from tests.integration.user.guests import ssh, wait_for_console
from tests.integration.user.screens import compare, libvirt_screen, page_screen
from tests.integration.user.waiting import wait_for

pytestmark = pytest.mark.libvirt
USER_DATA = """#!/bin/sh
echo "user data of $(hostname -s) ran"
"""


@pytest.fixture(scope="module")
def key_file(demo, new_name, tmp_path_factory):
    """A private key; its key pair's name is that of the file."""
    path = tmp_path_factory.mktemp("keys") / new_name("key")
    path.write_text(demo.openstack("keypair", "create", path.name, cold=True))
    path.chmod(0o600)
    yield path
    demo.openstack("keypair", "delete", path.name)


@pytest.fixture(scope="module")
def user_data(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("user-data") / "f"
    path.write_text(USER_DATA)
    return path


@pytest.fixture(scope="module")
def create(stack, demo, demo_api, key_file, user_data, server_life):
    def create(name, *more):
        server = demo.json(
            "server", "create", "--image", stack.image, "--flavor", stack.flavor, "--network", stack.private_network,
            "--key-name", key_file.name, "--user-data", str(user_data), *more, name, cold=True,
        )  # fmt: skip
        server_life.append(server["id"])
        return server

    return create


@pytest.fixture(scope="module")
def vm1(create, new_name):
    """A server, as the CLI shows it when it is ACTIVE."""
    return create(new_name("vm"), "--wait")


@pytest.fixture(scope="module")
def vm2(create, vm1, new_name):
    """One with a config drive. It boots while the first one is looked at."""
    return create(new_name("drive"), "--config-drive", "True")


@pytest.fixture(scope="module")
def floating_ip(stack, demo, vm1):
    made = demo.json("floating", "ip", "create", stack.public_network)
    yield made["floating_ip_address"]
    demo.openstack("floating", "ip", "delete", made["id"])


def test_a_server_becomes_active(vm1, vm2, demo_api, stack):
    assert vm1["status"] == "ACTIVE"
    assert list(vm1["addresses"]) == [stack.private_network]


def test_the_guest_boots_with_what_it_is_told(vm1, vm2, demo, demo_api, stack):
    text = wait_for_console(demo_api, vm1["id"], "finished at", "login:")
    (address,) = next(iter(vm1["addresses"].values()))
    assert f"lease of {address} obtained" in text, "by DHCP"
    assert f"cloud: eth0 {address}/" in text
    assert "cloud: datasource=metadata" in text, "from 169.254.169.254"
    assert f"cloud: instance {vm1['id']} hostname {vm1['name']}.novalocal keys 1" in text
    assert f"user data of {vm1['name']} ran" in text
    shown = demo.openstack("console", "log", "show", vm1["id"])
    assert f"login as '{stack.guest_user}' user" in shown
    assert " login: " in shown
    last = demo.openstack("console", "log", "show", "--lines", "5", vm1["id"])
    assert 4 <= len(last.splitlines()) <= 7


def test_a_key_opens_it_through_a_floating_address(vm1, demo, stack, key_file, floating_ip, tmp_path):
    demo.openstack("server", "add", "floating", "ip", vm1["id"], floating_ip)

    def come_in():
        said = ssh(stack, key_file, floating_ip, "hostname -s; wc -l < .ssh/authorized_keys; id -un")
        return said if said.returncode == 0 else None

    said = wait_for(come_in, f"ssh to {floating_ip}", 60)
    assert said.stdout.split() == [vm1["name"], "1", stack.guest_user]
    fetched = ssh(stack, key_file, floating_ip, "wget -q -O - http://169.254.169.254/openstack/latest/meta_data.json")
    assert json.loads(fetched.stdout)["uuid"] == vm1["id"]

    other = tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(other)], check=True)
    assert ssh(stack, other, floating_ip, "true").returncode != 0, "any key opens it"
    addresses = demo.json("server", "show", vm1["id"])["addresses"]
    assert floating_ip in addresses[stack.private_network]


def test_the_console_page_shows_the_screen(vm1, demo, stack, artifacts):
    shown = demo.json("console", "url", "show", "--novnc", vm1["id"])
    assert shown["type"] == "novnc"
    with Browser() as browser:
        browser.open(shown["url"])
        page = wait_for(lambda: page_screen(browser), "the page has a screen that isn't blank", 30)
        match = wait_for(
            lambda: compare(page_screen(browser), libvirt_screen(vm1["id"], stack.hosts[0])),
            "the screens are equal", 20,
        )  # fmt: skip
        assert match.text_pixels > 500, "that is no login prompt"
        browser.click(500, 400)
        browser.type_keys("hello\n")  # at the login prompt

        def answered():
            now = page_screen(browser)
            return now.text_pixels > page.text_pixels + 250  # a name, and a new prompt: more than a blinking cursor

        wait_for(answered, "the guest hears keys", 20)
        (artifacts / "novnc.png").write_bytes(browser.picture())


def test_a_console_url_is_of_no_use_without_its_token(vm1, demo, stack):
    with Browser() as browser:
        browser.open(f"{stack.novnc_url}/vnc_lite.html?path=%3Ftoken%3D11111111-2222-3333-4444-555555555555")
        status = "(document.getElementById('status')?.textContent || '').toLowerCase()"

        def refused():
            said = browser.evaluate(status)
            return "disconnect" in said or "wrong" in said

        wait_for(refused, "the page says that it isn't connected", 20)
        assert page_screen(browser) is None


def test_a_config_drive_tells_it_too(vm2, demo, demo_api):
    text = wait_for_console(demo_api, vm2["id"], "finished at", "login:")
    assert "cloud: datasource=config-drive" in text
    assert f"cloud: instance {vm2['id']} hostname {vm2['name']}.novalocal keys 1" in text
    assert f"user data of {vm2['name']} ran" in text
    assert demo.json("server", "show", vm2["id"])["config_drive"] in (True, "True")


def test_nothing_is_left_after_delete(vm1, vm2, demo, admin_api, nothing_is_left):
    ports = {server["id"]: admin_api.ports(device_id=server["id"]) for server in (vm1, vm2)}
    assert all(ports.values())
    for server in (vm1, vm2):
        assert admin_api.allocations(server["id"])
    demo.openstack("server", "delete", "--wait", vm1["id"], vm2["id"])
    for server_id, had in ports.items():
        nothing_is_left(server_id, had)
