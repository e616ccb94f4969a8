"""What the ``openstack server`` commands do to a server, whatever the hypervisor."""

import pytest

from tests.integration.user.guests import wait_for_console
from tests.integration.user.waiting import wait_for


@pytest.fixture(scope="module")
def server(stack, demo, demo_api, new_name, server_life):
    """An ACTIVE server; a real guest has booted."""
    made = demo.json(
        "server", "create", "--image", stack.image, "--flavor", stack.flavor, "--network", stack.private_network,
        "--key-name", stack.key_name, "--property", "role=test", "--wait", new_name("verbs"),
    )  # fmt: skip
    server_life.append(made["id"])
    assert made["status"] == "ACTIVE"
    if stack.real:
        wait_for_console(demo_api, made["id"], "finished at")
    return made["id"]


def test_list(demo, server, stack):
    rows = {row["ID"]: row for row in demo.json("server", "list")}
    assert rows[server]["Status"] == "ACTIVE"
    assert list(rows[server]["Networks"]) == [stack.private_network]
    assert rows[server]["Image"] == stack.image
    assert rows[server]["Flavor"] == stack.flavor
    name = rows[server]["Name"]
    assert [row["ID"] for row in demo.json("server", "list", "--name", f"^{name}$", "--status", "ACTIVE")] == [server]
    assert demo.json("server", "list", "--status", "SHUTOFF", "--name", name) == []
    assert [row["ID"] for row in demo.json("server", "list", "--limit", "1")] == [server]


def test_list_of_all_projects(admin, server, stack):
    rows = {row["ID"]: row for row in admin.json("server", "list", "--all-projects", "--long")}
    assert rows[server]["Power State"] == 1
    assert rows[server]["Availability Zone"] == "nova"
    hosts = {row["Host"] for row in rows.values() if row["ID"] == server}
    assert hosts <= {row["Host"] for row in admin.json("compute", "service", "list", "--service", "nova-compute")}


def test_show_for_an_administrator_and_for_its_owner(demo, admin, server, stack):
    mine, theirs = demo.json("server", "show", server), admin.json("server", "show", server)
    assert mine["OS-EXT-SRV-ATTR:host"] is None
    assert theirs["OS-EXT-SRV-ATTR:host"]
    assert theirs["OS-EXT-SRV-ATTR:instance_name"].startswith("instance-")
    assert mine["key_name"] == stack.key_name
    assert mine["properties"] == {"role": "test"}
    assert mine["security_groups"] == [{"name": "default"}]


def test_set(demo, server, new_name):
    name = new_name("renamed")
    words = ("--name", name, "--description", "a test", "--property", "colour=green", "--tag", "one")
    demo.openstack("server", "set", *words, server)
    shown = demo.json("server", "show", name)
    assert shown["id"] == server
    assert shown["description"] == "a test"
    assert shown["properties"] == {"role": "test", "colour": "green"}
    assert shown["tags"] == ["one"]
    demo.openstack("server", "unset", "--property", "colour", "--tag", "one", server)
    shown = demo.json("server", "show", server)
    assert shown["properties"] == {"role": "test"}
    assert shown["tags"] == []


def test_stop_and_start(demo, demo_api, server):
    demo.openstack("server", "stop", server)
    shown = demo_api.wait_for_status(server, "SHUTOFF")
    assert shown["OS-EXT-STS:power_state"] == 4
    with pytest.raises(AssertionError, match="409"):
        demo.openstack("server", "stop", server)
    demo.openstack("server", "start", server)
    assert demo_api.wait_for_status(server, "ACTIVE")["OS-EXT-STS:power_state"] == 1


def test_reboot_hard(demo, server):
    demo.openstack("server", "reboot", "--hard", "--wait", server)
    assert demo.json("server", "show", server)["status"] == "ACTIVE"


def test_reboot_soft(demo, demo_api, server, stack):
    if stack.real:
        wait_for_console(demo_api, server, "finished at")  # so that it hears its power button
    demo.openstack("server", "reboot", "--soft", "--wait", server)
    assert demo.json("server", "show", server)["status"] == "ACTIVE"
    if stack.real:
        wait_for_console(demo_api, server, "login:")


def test_its_events(demo, admin, server):
    rows = demo.json("server", "event", "list", server)
    assert [row["Action"] for row in rows] == ["reboot", "reboot", "start", "stop", "create"]
    for row in rows:
        shown = demo.json("server", "event", "show", server, row["Request ID"])
        assert shown["action"] == row["Action"]
        assert {event["result"] for event in shown["events"]} == {"Success"}, row["Action"]
    created = admin.json("server", "event", "show", server, rows[-1]["Request ID"])
    assert len(created["events"]) >= 3, "its steps"
    assert all(event["finish_time"] >= event["start_time"] for event in created["events"])
    assert any(event["host"] for event in created["events"])


def test_delete(demo, admin_api, server, nothing_is_left):
    ports = admin_api.ports(device_id=server)
    assert ports
    assert admin_api.allocations(server)
    demo.openstack("server", "delete", "--wait", server)
    nothing_is_left(server, ports)
    with pytest.raises(AssertionError, match="No Server found"):
        demo.openstack("server", "show", server)
    # those who know its id still see what happened to it
    rows = wait_for(lambda: demo.json("server", "event", "list", server), "its events", 5)
    assert rows[0]["Action"] == "delete"
