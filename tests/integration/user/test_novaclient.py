"""python-novaclient: the old command, on the same server."""

import re

import pytest


def table(text):
    """A two-column table of novaclient."""
    rows = re.findall(r"^\| (\S+) +\| (.*?) *\|$", text, re.MULTILINE)
    return dict(rows)


def test_boot_list_show_delete(demo, demo_api, stack, new_name, server_life, nothing_is_left):
    name = new_name("nova")
    booted = demo.nova(
        "boot", "--image", demo_api.image_id, "--flavor", stack.flavor, "--nic", f"net-id={demo_api.network_id}",
        "--poll", name,
    )  # fmt: skip
    assert "100% complete" in booted
    server_id = table(booted)["id"]
    server_life.append(server_id)
    listed = demo.nova("list", "--name", name)
    row = next(line for line in listed.splitlines() if server_id in line)
    assert "ACTIVE" in row
    assert f"{stack.private_network}=" in row
    shown = table(demo.nova("show", name))
    assert shown["status"] == "ACTIVE"
    assert shown["flavor:original_name"] == stack.flavor
    demo.nova("delete", name)
    demo_api.delete(server_id)
    nothing_is_left(server_id)
    with pytest.raises(AssertionError, match="No server with a name or ID"):
        demo.nova("show", name)
