import base64
import json

import pytest

from novalike.guest_metadata import ec2, lookup, openstack
from novalike.guest_metadata.drive import config_drive_files
from novalike.guest_metadata.guest import Guest
from novalike.objects.block_device import BlockDevice
from novalike.objects.keypair import Keypair
from novalike.objects.network import FixedIp, Subnet, Vif
from tests.fakes.records import PROJECT, USER, server, spec

KEY = Keypair(name="k", user_id=USER, type="ssh", fingerprint="f", public_key="ssh-rsa AAAA x")
SCRIPT = b"#!/bin/sh\necho hi\n"
VIF = Vif(
    port_id="f454f6e4-a603-405a-9e6d-da77fdef87e8",
    network_id="n1",
    network_name="private",
    mac="fa:16:3e:f8:dc:3d",
    vif_type="ovs",
    mtu=1450,
    devname="tapf454f6e4-a6",
    tag="nic1",
    fixed_ips=(FixedIp(address="10.0.2.249", version=4, subnet_id="s4", floating_ips=("172.24.4.9",)),),
    subnets=(Subnet(id="s4", cidr="10.0.0.0/18", gateway_ip="10.0.0.1"),),
    security_groups=("default", "web"),
)


def guest(vifs=(VIF,), a_server=None, **more):
    fields = {"keypair": KEY, "user_data": base64.b64encode(SCRIPT).decode()} | more
    a_server = a_server or server(id=2, name="md one", hostname="md-one", metadata={"a": "b"}, vifs=vifs)
    return Guest(spec=spec(a_server, **fields), vifs=vifs, dhcp_domain="novalocal", vendor_data={})


def read(path, a_guest=None, today="2026-11-21"):
    return lookup.look_up(a_guest or guest(), path, today=today).content.decode()


# What the real Nova 34 answered for such a server (asked on 2026-11-21).
@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/ec2", ("1.0\n2007-01-19\n2007-03-01\n2007-08-29\n2007-10-10\n2007-12-15\n2008-02-01\n2008-09-01\n"
                 "2009-04-04\nlatest")),
        ("/latest", "meta-data/\nuser-data"),
        ("/2009-04-04/", "meta-data/\nuser-data"),
        ("/1.0/meta-data", ("ami-id\nami-launch-index\nami-manifest-path\nhostname\ninstance-id\nlocal-ipv4\n"
                           "public-keys/\nreservation-id\nsecurity-groups")),
        ("/latest/meta-data/", ("ami-id\nami-launch-index\nami-manifest-path\nblock-device-mapping/\nhostname\n"
                               "instance-action\ninstance-id\ninstance-type\nlocal-hostname\nlocal-ipv4\n"
                               "placement/\npublic-hostname\npublic-ipv4\npublic-keys/\nreservation-id\n"
                               "security-groups")),
        ("/latest/meta-data/placement", "availability-zone"),
        ("/latest/meta-data/placement/availability-zone", "nova"),
        ("/latest/meta-data/public-keys", "0=k"),
        ("/latest/meta-data/public-keys/0", "openssh-key"),
        ("/latest/meta-data/public-keys/0/openssh-key", "ssh-rsa AAAA x"),
        ("/latest/meta-data/block-device-mapping/", "ami\nroot"),
        ("/latest/meta-data/block-device-mapping/ami", "vda"),
        ("/latest/meta-data/block-device-mapping/root", "/dev/vda"),
        ("/latest/meta-data/security-groups", "default\nweb"),
        ("/latest/meta-data/instance-id", "i-00000002"),
        ("/latest/meta-data/instance-type", "m1.tiny"),
        ("/latest/meta-data/local-ipv4", "10.0.2.249"),
        ("/latest/meta-data/public-ipv4", "172.24.4.9"),
        ("/latest/meta-data/hostname", "md-one.novalocal"),
        ("/latest/meta-data/ami-launch-index", "0"),
        ("/latest/user-data", "#!/bin/sh\necho hi\n"),
        ("//latest//meta-data/..", "meta-data/\nuser-data"),
        ("/latest/../../latest/meta-data/instance-id", "i-00000002"),
        ("/openstack/", ("2012-08-10\n2013-04-04\n2013-10-17\n2015-10-15\n2016-06-30\n2016-10-06\n2017-02-22\n"
                        "2018-08-27\n2020-10-14\n2025-04-04\nlatest")),
        ("/openstack/latest", ("meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json\n"
                              "vendor_data2.json")),
        ("/openstack/2012-08-10", "meta_data.json\nuser_data"),
        ("/openstack/2013-04-04", "meta_data.json\nuser_data\npassword"),
        ("/openstack/2013-10-17", "meta_data.json\nuser_data\npassword\nvendor_data.json"),
        ("/openstack/2015-10-15", "meta_data.json\nuser_data\npassword\nvendor_data.json\nnetwork_data.json"),
        ("/openstack/latest/user_data", "#!/bin/sh\necho hi\n"),
        ("/openstack/latest/password", ""),
        ("/openstack/latest/vendor_data.json", "{}"),
        ("/openstack/latest/vendor_data2.json", '{"static": {}}'),
        ("/openstack/2012-08-10/network_data.json",
         ('{"links": [{"id": "tapf454f6e4-a6", "vif_id": "f454f6e4-a603-405a-9e6d-da77fdef87e8", "type": "ovs", '
         '"mtu": 1450, "ethernet_mac_address": "fa:16:3e:f8:dc:3d"}], "networks": [{"id": "network0", '
         '"type": "ipv4_dhcp", "link": "tapf454f6e4-a6", "network_id": "n1"}], "services": []}')),
    ],
)  # fmt: skip
def test_as_nova(path, answer):
    assert read(path) == answer


@pytest.mark.parametrize(
    "path",
    [
        "/latest/nope", "/bogus", "/bogus/meta-data", "/latest/meta-data/hostname/x",
        "/latest/meta-data/security-groups/0", "/latest/meta-data/security-groups/default",
        "/latest/meta-data/public-keys/0/_name", "/openstack/2012-08-10/vendor_data.json",
        "/openstack/2012-08-10/vendor_data2.json", "/openstack/2012-08-10/password", "/openstack/content",
        "/openstack/content/0000", "/openstack/latest/content", "/openstack/bogus/meta_data.json",
        "/openstack/latest/bogus", "/openstack/latest/meta_data.json/x",
    ],
)  # fmt: skip
def test_nothing_there(path):
    with pytest.raises(KeyError):
        read(path)


def test_versions_of_the_future_are_not_listed_but_can_be_read():
    assert "2025-04-04" not in read("/openstack", today="2025-04-03")
    assert json.loads(read("/openstack/2025-04-04/meta_data.json", today="2025-04-03"))["name"] == "md one"


def test_a_version_is_listed_from_its_day_on():
    for today, there in (("2025-04-03", False), ("2025-04-04", True), ("2025-04-05", True)):
        assert ("2025-04-04" in read("/openstack", today=today).splitlines()) is there


@pytest.mark.parametrize(
    ("key", "since"),
    [
        ("random_seed", "2013-04-04"), ("project_id", "2015-10-15"), ("devices", "2016-06-30"),
        ("dedicated_cpus", "2020-10-14"), ("uuid", "2012-08-10"),
    ],
)  # fmt: skip
def test_each_version_has_what_it_has_had_since_then(key, since):
    assert [v for v in openstack.VERSIONS if key in openstack.meta_data(guest(), v)] == [
        v for v in openstack.VERSIONS if v >= since
    ]
    assert since in openstack.VERSIONS


def test_meta_data_by_version():
    old = json.loads(read("/openstack/2012-08-10/meta_data.json"))
    assert {k: v for k, v in old.items() if k != "uuid"} == {
        "meta": {"a": "b"}, "public_keys": {"k": "ssh-rsa AAAA x"},
        "keys": [{"name": "k", "type": "ssh", "data": "ssh-rsa AAAA x"}], "hostname": "md-one.novalocal",
        "name": "md one", "launch_index": 0, "availability_zone": "nova",
    }  # fmt: skip
    new = json.loads(read("/openstack/latest/meta_data.json"))
    assert set(new) - set(old) == {"random_seed", "project_id", "devices", "dedicated_cpus"}
    assert new["project_id"] == PROJECT
    assert len(base64.b64decode(new["random_seed"])) == 512
    assert new["random_seed"] != json.loads(read("/openstack/latest/meta_data.json"))["random_seed"]
    assert new["devices"] == [
        {"type": "nic", "mac": VIF.mac, "bus": "none", "address": "none", "tags": ["nic1"], "vf_trusted": False}
    ]
    assert "vf_trusted" not in json.loads(read("/openstack/2017-02-22/meta_data.json"))["devices"][0]


@pytest.mark.parametrize(
    ("version", "more"),
    [
        ("2016-06-30", {}), ("2017-02-22", {"vlan": 100}), ("2018-08-27", {"vlan": 100, "vf_trusted": True}),
        ("2025-04-04", {"vlan": 100, "vf_trusted": True}),
    ],
)  # fmt: skip
def test_a_tagged_interface_of_a_card_by_version(version, more):
    vif = Vif(port_id="p", network_id="n", network_name="n", mac="fa:16:3e:00:00:01", tag="t", details={"vlan": 100},
              profile={"trusted": "True"})  # fmt: skip
    untagged = Vif(port_id="q", network_id="n", network_name="n", mac="fa:16:3e:00:00:02")
    shown = openstack.meta_data(guest(vifs=(vif, untagged)), version)["devices"]
    assert shown == [{"type": "nic", "mac": vif.mac, "bus": "none", "address": "none", "tags": ["t"], **more}]


def test_a_version_lists_what_it_has():
    assert read("/openstack/2018-08-27/version") == read("/openstack/2018-08-27") == read("/openstack/2018-08-27/")
    assert "meta_data.json" in read("/openstack/2018-08-27").splitlines()


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/openstack/latest/meta_data.json", "application/json"), ("/openstack/latest/user_data", "text/plain"),
        ("/openstack/latest/network_data.json", "text/plain"), ("/latest/meta-data/hostname", "text/plain"),
        ("/openstack/latest/vendor_data.json", "application/json"),
        ("/openstack/latest/vendor_data2.json", "application/json"),
    ],
)  # fmt: skip
def test_kinds_of_documents(path, kind):
    a_guest = guest(user_data=base64.b64encode(b"x").decode())
    found = lookup.look_up(a_guest, path, today="2026-11-21")
    assert found.content_type == kind


def test_user_data_that_is_not_encoded_is_given_as_it_is():
    assert guest(user_data=base64.b64encode(b"\x00x").decode()).user_data == b"\x00x"
    assert guest(user_data="a").user_data == b"a"
    old = server(user_data=base64.b64encode(b"old").decode())
    assert guest(a_server=old, user_data=None).user_data == b"old"
    assert guest(user_data=None).user_data is None


def test_security_groups_are_those_of_the_interfaces_or_those_that_were_asked_for():
    def vif(*names):
        return Vif(port_id="p", network_id="n", network_name="n", mac="m", security_groups=names)

    assert guest(vifs=(vif("b", "a"), vif("a", "c"))).security_groups == ["b", "a", "c"]
    assert guest(vifs=(), security_groups=("asked",)).security_groups == ["asked"]
    old = server(security_groups=("old",))
    assert guest(vifs=(), a_server=old, security_groups=()).security_groups == ["old"]


def test_kernel_and_ramdisk_of_images_that_have_them():
    a_guest = guest(a_server=server(kernel_id="12345678-9abc", ramdisk_id="87654321-9abc"))
    assert read("/latest/meta-data/kernel-id", a_guest) == "aki-12345678"
    assert read("/latest/meta-data/ramdisk-id", a_guest) == "ari-87654321"


def test_a_plain_guest():
    plain = Guest(spec=spec(server(hostname="h", root_device_name=None)), address="10.9.9.9")
    assert read("/latest", plain) == "meta-data/"
    assert "public-keys" not in read("/latest/meta-data", plain)
    assert read("/latest/meta-data/hostname", plain) == "h"
    assert read("/latest/meta-data/local-ipv4", plain) == "10.9.9.9"
    assert read("/latest/meta-data/block-device-mapping", plain) == "ami\nephemeral0\nroot\nswap"
    assert read("/openstack/latest/network_data.json", plain) == "{}"
    assert read("/openstack/latest/vendor_data2.json", plain) == "{}"
    for path in ("/openstack/latest/user_data", "/openstack/latest/vendor_data.json", "/latest/user-data"):
        with pytest.raises(KeyError):
            read(path, plain)


def test_disks():
    disks = (
        BlockDevice(uuid="1", source_type="image", destination_type="local", boot_index=0, device_name="/dev/vda"),
        BlockDevice(uuid="2", source_type="blank", destination_type="local", device_name="/dev/vdb", tag="scratch"),
        BlockDevice(uuid="3", source_type="blank", destination_type="local", guest_format="swap",
                    device_name="/dev/vdc"),
        BlockDevice(uuid="4", source_type="volume", destination_type="volume", device_name="/dev/vdd"),
    )  # fmt: skip
    a_guest = guest(block_devices=disks)
    assert ec2.tree(a_guest, "latest")["meta-data"]["block-device-mapping"] == {
        "ami": "vda", "root": "/dev/vda", "ephemeral0": "/dev/vdb", "swap": "/dev/vdc", "ebs0": "/dev/vdd",
    }  # fmt: skip
    assert {"type": "disk", "bus": "none", "address": "none", "tags": ["scratch"], "path": "/dev/vdb"} in (
        openstack.meta_data(a_guest, "2025-04-04")["devices"]
    )


def test_static_networks():
    vif = Vif(
        port_id="p", network_id="n", network_name="", mac="m", vif_type="macvtap", devname="tap1",
        fixed_ips=(
            FixedIp(address="10.0.0.5", version=4, subnet_id="a"),
            FixedIp(address="fd00::5", version=6, subnet_id="b"),
        ),
        subnets=(
            Subnet(id="a", cidr="10.0.0.0/24", gateway_ip="10.0.0.1", dns_nameservers=("9.9.9.9",),
                   enable_dhcp=False, routes=(("10.8.0.0/16", "10.0.0.2"),)),
            Subnet(id="b", cidr="fd00::/64", gateway_ip="fd00::1", ipv6_address_mode="slaac",
                   dns_nameservers=("9.9.9.9", "2620:fe::fe")),
        ),
    )  # fmt: skip
    data = json.loads(read("/openstack/latest/network_data.json", guest(vifs=(vif,))))
    assert data["links"][0]["type"] == "phy"
    dns = {"type": "dns", "address": "9.9.9.9"}
    assert data["networks"][0] == {
        "id": "network0", "type": "ipv4", "link": "tap1", "ip_address": "10.0.0.5", "netmask": "255.255.255.0",
        "routes": [
            {"network": "0.0.0.0", "netmask": "0.0.0.0", "gateway": "10.0.0.1"},
            {"network": "10.8.0.0", "netmask": "255.255.0.0", "gateway": "10.0.0.2"},
        ],
        "network_id": "n", "services": [dns],
    }  # fmt: skip
    assert data["networks"][1]["type"] == "ipv6_slaac"
    assert data["networks"][1]["netmask"] == "ffff:ffff:ffff:ffff::"
    assert data["services"] == [dns, {"type": "dns", "address": "2620:fe::fe"}]


def test_password():
    kept = {"password_1": "cd", "password_0": "ab", "image_x": "y"}
    assert read("/openstack/latest/password", guest(a_server=server(system_metadata=kept))) == "abcd"


def test_config_drive():
    files = config_drive_files(guest(admin_password="geheim"))
    assert files["openstack/latest/user_data"] == SCRIPT
    assert files["ec2/latest/user-data"] == SCRIPT
    assert json.loads(files["openstack/latest/meta_data.json"])["admin_pass"] == "geheim"
    assert json.loads(files["ec2/2009-04-04/meta-data.json"])["hostname"] == "md-one.novalocal"
    assert {p.split("/")[1] for p in files if p.startswith("openstack/")} == {*openstack.VERSIONS, "latest"}
    assert sorted(p.split("/")[2] for p in files if p.startswith("openstack/2013-10-17/")) == [
        "meta_data.json", "user_data", "vendor_data.json",
    ]  # fmt: skip
    assert sorted(p.split("/")[2] for p in files if p.startswith("openstack/latest/")) == [
        "meta_data.json", "network_data.json", "user_data", "vendor_data.json", "vendor_data2.json",
    ]  # fmt: skip
    assert not any("password" in path for path in files)


def test_the_administrators_password_is_on_the_drive_only():
    assert "admin_pass" not in json.loads(read("/openstack/latest/meta_data.json", guest(admin_password="geheim")))
