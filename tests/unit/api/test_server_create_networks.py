import uuid

import pytest

from novalike.api.resources.server_create.networks import read_networks, validate_networks, validate_security_groups
from novalike.objects import errors, network_errors
from novalike.objects.network import RequestedNetwork
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT, context

NET = str(uuid.uuid4())
PORT = str(uuid.uuid4())


@pytest.fixture
def neutron():
    return FakeNeutron()


def check(neutron, *networks, ctx=None, count=1, least=1, external=False):
    return validate_networks(
        ctx or context(), neutron, networks, min_count=least, max_count=count, may_attach_external=external
    )


def on(network, **more):
    return RequestedNetwork(network_id=network["id"], **more)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("none", None),
        ("auto", (RequestedNetwork(),)),
        (None, ()),
        ([], ()),
        ([{"uuid": NET, "fixed_ip": "10.0.0.9"}], (RequestedNetwork(network_id=NET, fixed_ip="10.0.0.9"),)),
        ([{"port": PORT, "uuid": NET, "tag": "t"}], (RequestedNetwork(port_id=PORT, tag="t"),)),
        ([{"uuid": NET}, {"uuid": NET}], (RequestedNetwork(network_id=NET), RequestedNetwork(network_id=NET))),
    ],
)
def test_what_is_meant(said, meant):
    assert read_networks(said) == meant


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ([{"port": PORT}, {"port": PORT}], "was specified twice"),
        ([{"port": PORT, "fixed_ip": "10.0.0.9"}], "the two cannot be specified together"),
        ([{"fixed_ip": "10.0.0.9"}], "missing 'uuid'"),
        ([{"uuid": "br-1"}], "not in proper format (br-1)"),
    ],
)
def test_contradictions(said, message):
    with pytest.raises(errors.Invalid) as raised:
        read_networks(said)
    assert message in str(raised.value)


def test_no_network_asks_nobody(neutron):
    assert validate_networks(
        context(), neutron, None, min_count=1, max_count=9, may_attach_external=False
    ) == (None, 9)  # fmt: skip
    assert neutron.calls == []


def test_the_only_network_is_chosen(neutron):
    assert check(neutron).networks == ()
    neutron.add_network("theirs", "other")
    neutron.add_network("outside", "admin", external=True)
    own = neutron.add_network("own", PROJECT)
    assert check(neutron).networks == (on(own),)
    assert check(neutron, RequestedNetwork()).networks == (on(own),)
    admin = context(is_admin=True, roles=["admin"])
    assert check(neutron, ctx=admin).networks == (on(own),)
    neutron.add_network("public", "other", shared=True)
    with pytest.raises(network_errors.NetworkAmbiguous) as raised:
        check(neutron)
    assert isinstance(raised.value, errors.Conflict)
    assert str(raised.value) == "Multiple possible networks found, use a Network ID to be more specific."


def test_auto_needs_a_topology(neutron):
    with pytest.raises(network_errors.AutoAllocationFailed):
        check(neutron, RequestedNetwork())
    neutron.auto_network = {"id": NET}
    assert check(neutron, RequestedNetwork()).networks == (RequestedNetwork(),)


def test_what_is_not_visible_is_not_there(neutron):
    theirs = neutron.add_network("theirs", "other")
    with pytest.raises(errors.NetworkNotFound) as raised:
        check(neutron, on(theirs))
    assert str(raised.value) == f"Network {theirs['id']} could not be found."
    port = neutron.add_port(theirs, "other")
    with pytest.raises(errors.PortNotFound) as raised:
        check(neutron, RequestedNetwork(port_id=port["id"]))
    assert str(raised.value) == f"Port id {port['id']} could not be found."


def test_ports(neutron):
    net = neutron.add_network("own", PROJECT)
    bare = neutron.add_network("bare", PROJECT, cidr=None)
    free = neutron.add_port(net, PROJECT)
    used = neutron.add_port(net, PROJECT, device_id="somebody")
    nowhere = neutron.add_port(bare, PROJECT)
    later = neutron.add_port(bare, PROJECT, ip_allocation="deferred")
    assert check(neutron, RequestedNetwork(port_id=free["id"])).max_count == 1
    assert check(neutron, RequestedNetwork(port_id=later["id"])).max_count == 1
    with pytest.raises(errors.PortInUse) as raised:
        check(neutron, RequestedNetwork(port_id=used["id"]))
    assert isinstance(raised.value, errors.Conflict)
    with pytest.raises(network_errors.PortRequiresFixedIp):
        check(neutron, RequestedNetwork(port_id=nowhere["id"]))
    theirs = neutron.add_port(net, "other")
    with pytest.raises(errors.Invalid):
        check(neutron, RequestedNetwork(port_id=theirs["id"]), ctx=context(is_admin=True, roles=["admin"]))


def test_addresses(neutron):
    net = neutron.add_network("own", PROJECT)
    shared = neutron.add_network("shared", "other", shared=True)
    neutron.add_port(net, PROJECT, device_id="vm7", fixed_ips=[{"ip_address": "10.0.0.7"}])
    assert check(neutron, on(net, fixed_ip="10.0.0.8")).max_count == 1
    with pytest.raises(network_errors.FixedIpInUse) as raised:
        check(neutron, on(net, fixed_ip="10.0.0.7"))
    assert str(raised.value) == "Fixed IP address 10.0.0.7 is already in use on instance vm7."
    with pytest.raises(network_errors.FixedIpInvalid):
        check(neutron, on(net, fixed_ip="192.168.0.1"))
    with pytest.raises(network_errors.FixedIpInvalid):
        check(neutron, on(net, fixed_ip="fd00::1"))
    with pytest.raises(errors.Forbidden):
        check(neutron, on(shared, fixed_ip="10.0.0.8"))
    assert check(neutron, on(shared, fixed_ip="10.0.0.8"), ctx=context(is_admin=True, roles=["admin"]))


def test_networks_must_have_subnets_and_be_inside(neutron):
    bare = neutron.add_network("bare", PROJECT, cidr=None)
    with pytest.raises(network_errors.NetworkRequiresSubnet):
        check(neutron, on(bare))
    outside = neutron.add_network("outside", "admin", external=True)
    with pytest.raises(network_errors.ExternalNetworkForbidden):
        check(neutron, on(outside))
    assert check(neutron, on(outside), external=True).networks == (on(outside),)


def test_many_servers(neutron):
    net = neutron.add_network("own", PROJECT)
    with pytest.raises(errors.Invalid) as raised:
        check(neutron, on(net, fixed_ip="10.0.0.7"), count=2)
    assert "max_count cannot be greater than 1 if an fixed_ip is specified." in str(raised.value)
    with pytest.raises(errors.Invalid) as raised:
        check(neutron, RequestedNetwork(port_id=PORT), count=2)
    assert "multiple instances with a single configured port ID" in str(raised.value)
    assert check(neutron, on(net), on(net), count=2).max_count == 2


def test_quota(neutron):
    net = neutron.add_network("own", PROJECT)
    neutron.add_port(net, PROJECT)
    neutron.quotas[PROJECT] = 6
    assert check(neutron, on(net), on(net), count=5).max_count == 2
    assert check(neutron, count=9).max_count == 5
    with pytest.raises(network_errors.PortLimitExceeded) as raised:
        check(neutron, on(net), count=7, least=6)
    assert isinstance(raised.value, errors.Forbidden)
    assert str(raised.value) == "Maximum number of ports exceeded"
    neutron.quotas[PROJECT] = 0
    with pytest.raises(network_errors.PortLimitExceeded) as raised:
        check(neutron, on(net))
    assert str(raised.value) == "The number of defined ports: 1 is over the limit: 0"
    port = neutron.ports()[0]
    assert check(neutron, RequestedNetwork(port_id=port["id"])).max_count == 1


def test_requests_do_not_grow_with_servers(neutron):
    net = neutron.add_network("own", PROJECT)
    check(neutron, on(net), count=100)
    assert len(neutron.calls) == 2


def test_security_groups(neutron):
    web = neutron.add_security_group("web", PROJECT)
    neutron.add_security_group("web2", "other")
    twin = [neutron.add_security_group("twin", PROJECT) for _ in range(2)]
    assert validate_security_groups(context(), neutron, ["default"]) == ("default",)
    assert neutron.calls == []
    assert validate_security_groups(context(), neutron, ["default", "web", twin[1]["id"], "web"]) == (
        "default", web["id"], twin[1]["id"],
    )  # fmt: skip
    with pytest.raises(network_errors.SecurityGroupNotFound) as raised:
        validate_security_groups(context(), neutron, ["web2"])
    assert str(raised.value) == "Unable to find security_group with name or id 'web2'"
    with pytest.raises(errors.Conflict):
        validate_security_groups(context(), neutron, ["twin"])
