"""The CLI's other commands: flavors, key pairs, hosts, quotas."""

import subprocess

import pytest


@pytest.fixture
def flavor(admin, new_name):
    name = new_name("flavor")
    made = admin.json(
        "flavor", "create", "--ram", "192", "--disk", "1", "--vcpus", "1", "--ephemeral", "0", "--swap", "16",
        "--property", "hw:cpu_policy=shared", "--private", "--description", "a test", name,
    )  # fmt: skip
    yield made
    admin.openstack("flavor", "delete", name)
    assert name not in {row["Name"] for row in admin.json("flavor", "list", "--all")}


def test_flavors(admin, demo, flavor, stack):
    name = flavor["name"]
    assert flavor["os-flavor-access:is_public"] is False
    rows = {row["Name"]: row for row in admin.json("flavor", "list", "--all")}
    assert (rows[name]["RAM"], rows[name]["Disk"], rows[name]["VCPUs"]) == (192, 1, 1)
    seen = {row["Name"] for row in demo.json("flavor", "list")}
    assert stack.flavor in seen
    assert name not in seen, "it is private"
    admin.openstack("flavor", "set", "--property", "hw:mem_page_size=small", "--project", "demo", name)
    shown = demo.json("flavor", "show", name)
    assert shown["swap"] == 16
    assert admin.json("flavor", "show", name)["properties"] == {
        "hw:cpu_policy": "shared", "hw:mem_page_size": "small",
    }  # fmt: skip
    admin.openstack("flavor", "unset", "--property", "hw:mem_page_size", "--project", "demo", name)
    shown = admin.json("flavor", "show", name)
    assert shown["properties"] == {"hw:cpu_policy": "shared"}
    assert not shown["access_project_ids"]
    with pytest.raises(AssertionError, match="No Flavor found"):
        demo.openstack("flavor", "show", name)


def test_key_pairs(demo, new_name, tmp_path):
    name = new_name("pair")
    path = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    made = demo.json("keypair", "create", "--public-key", f"{path}.pub", name)
    try:
        assert made["type"] == "ssh"
        rows = {row["Name"]: row["Fingerprint"] for row in demo.json("keypair", "list")}
        assert rows[name] == made["fingerprint"]
        said = subprocess.run(
            ["ssh-keygen", "-l", "-E", "md5", "-f", f"{path}.pub"], check=True, capture_output=True, text=True
        )
        assert f"MD5:{rows[name]}" in said.stdout
        shown = demo.openstack("keypair", "show", "--public-key", name)
        assert shown.split()[:2] == path.with_suffix(".pub").read_text().split()[:2]
    finally:
        demo.openstack("keypair", "delete", name)
    assert name not in {row["Name"] for row in demo.json("keypair", "list")}


def test_hypervisors(admin, stack):
    rows = admin.json("hypervisor", "list")
    assert {row["State"] for row in rows} == {"up"}
    assert len(rows) == (1 if stack.real else stack.fake_hosts)
    shown = admin.json("hypervisor", "show", rows[0]["Hypervisor Hostname"])
    assert shown["hypervisor_type"] == ("QEMU" if stack.real else "fake")
    assert shown["status"] == "enabled"
    assert shown["id"] == rows[0]["ID"]


def test_services(admin, stack):
    rows = admin.json("compute", "service", "list")
    assert {"nova-compute", "nova-conductor", "nova-scheduler"} <= {row["Binary"] for row in rows}
    assert {row["State"] for row in rows} == {"up"}
    host = min(row["Host"] for row in rows if row["Binary"] == "nova-compute")

    def service():
        (found,) = admin.json("compute", "service", "list", "--service", "nova-compute", "--host", host, "--long")
        return found

    admin.openstack("compute", "service", "set", "--disable", "--disable-reason", "a test", host, "nova-compute")
    try:
        assert service()["Status"] == "disabled"
        assert service()["Disabled Reason"] == "a test"
    finally:
        admin.openstack("compute", "service", "set", "--enable", host, "nova-compute")
    assert service()["Status"] == "enabled"
    admin.openstack("compute", "service", "set", "--down", host, "nova-compute")
    try:
        assert service()["State"] == "down"
    finally:
        admin.openstack("compute", "service", "set", "--up", host, "nova-compute")
    assert service()["State"] == "up"


def test_limits(demo):
    limits = {row["Name"]: row["Value"] for row in demo.json("limits", "show", "--absolute")}
    assert limits["instances"] > 0
    assert limits["instances_used"] >= 0


def test_quotas(admin, demo):
    before = admin.json("quota", "show", "--compute", "demo")
    limit = {row["Resource"]: row["Limit"] for row in before}["key-pairs"]
    admin.openstack("quota", "set", "--key-pairs", str(limit + 7), "demo")
    try:
        now = {row["Resource"]: row["Limit"] for row in demo.json("quota", "show", "--compute")}
        assert now["key-pairs"] == limit + 7
    finally:
        admin.openstack("quota", "set", "--key-pairs", str(limit), "demo")
    usage = {row["Resource"]: row for row in demo.json("quota", "show", "--compute", "--usage")}
    assert usage["instances"]["In Use"] >= 0


def test_availability_zones(demo, admin):
    zones = {row["Zone Name"]: row["Zone Status"] for row in demo.json("availability", "zone", "list", "--compute")}
    assert zones == {"nova": "available"}
    rows = admin.json("availability", "zone", "list", "--compute", "--long")
    assert {row["Zone Name"] for row in rows} == {"internal", "nova"}
    assert "nova-compute" in {row["Service Name"] for row in rows}
