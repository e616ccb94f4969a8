from novalike.clients.neutron_vifs import mark, ordered, read_vifs, was_created_here
from novalike.objects.network import FixedIp, Vif
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT


def test_all_that_a_guest_wants_to_know():
    neutron = FakeNeutron()
    net = neutron.add_network("private", PROJECT, cidr="10.1.0.0/24", mtu=1400)
    group = neutron.add_security_group("web", PROJECT)
    port = neutron.add_port(
        net, PROJECT, device_id="d", security_groups=[group["id"]],
        **{"binding:host_id": "h", "binding:profile": {"novalike": mark(created=True, index=0, tag="t"), "x": 1}},
    )  # fmt: skip
    neutron.add_floating_ip("172.24.4.9", port)
    (vif,) = read_vifs(neutron, neutron.ports(device_id="d"), ovs_bridge="br-ex")
    assert (vif.network_name, vif.mtu, vif.tag, vif.created_here, vif.active) == ("private", 1400, "t", True, True)
    assert (vif.bridge, vif.devname) == ("br-int", "tap" + port["id"][:11])
    subnet_id = net["subnets"][0]
    address = port["fixed_ips"][0]["ip_address"]
    assert vif.fixed_ips == (FixedIp(address=address, version=4, subnet_id=subnet_id, floating_ips=("172.24.4.9",)),)
    assert [s.cidr for s in vif.subnets] == ["10.1.0.0/24"]
    assert vif.security_groups == ("web",)
    assert vif.profile == {"x": 1}


def test_requests_do_not_grow_with_ports():
    neutron = FakeNeutron()
    net = neutron.add_network("private", PROJECT)
    for _ in range(5):
        neutron.add_port(net, PROJECT, device_id="d")
    ports = neutron.ports(device_id="d")
    neutron.calls.clear()
    assert len(read_vifs(neutron, ports, ovs_bridge="b")) == 5
    assert len(neutron.calls) <= 4


def test_default_bridge_and_a_port_that_is_down_on_purpose():
    neutron = FakeNeutron()
    neutron.plugs = "later"
    net = neutron.add_network("private", PROJECT)
    neutron.add_port(net, PROJECT, admin_state_up=False, device_id="d", **{"binding:host_id": "h"})
    ports = neutron.ports(device_id="d")
    ports[0]["binding:vif_details"] = {}
    (vif,) = read_vifs(neutron, ports, ovs_bridge="br-very-long-name-of-a-bridge")
    assert vif.bridge == "br-very-long-n"
    assert vif.active


def test_order_is_the_recorded_one_then_the_marks():
    a, b, c, d = ({"id": i, "binding:profile": {}, "created_at": i} for i in "abcd")
    a["binding:profile"] = {"novalike": mark(created=True, index=1, tag=None)}
    b["binding:profile"] = {"novalike": mark(created=True, index=0, tag=None)}
    assert [p["id"] for p in ordered([d, c, a, b])] == ["b", "a", "c", "d"]
    known = [Vif(port_id=i, network_id="n", network_name="", mac="m") for i in ("a", "b")]
    assert [p["id"] for p in ordered([d, c, b, a], known)] == ["a", "b", "c", "d"]


def test_whose_port_it_is():
    plain = {"id": "a", "binding:profile": {}}
    ours = {"id": "a", "binding:profile": {"novalike": mark(created=True, index=0, tag=None)}}
    brought = {"id": "a", "binding:profile": {"novalike": mark(created=False, index=0, tag=None)}}
    recorded = [Vif(port_id="a", network_id="n", network_name="", mac="m", created_here=True)]
    assert was_created_here(ours)
    assert not was_created_here(brought, recorded)
    assert was_created_here(plain, recorded, frozenset("a"))
    assert was_created_here(plain, (), frozenset())
    assert not was_created_here(plain, (), frozenset("a"))
    assert not was_created_here(plain)
