"""Our client and a server's networking against a real Neutron, with throw-away networks and ports."""

import uuid

import pytest

from novalike.clients.neutron import NeutronClient
from novalike.compute.networking import Networking
from novalike.objects import errors, network_errors
from novalike.objects.network import RequestedNetwork
from tests.fakes.records import server, spec
from tests.integration.cloud import configuration, needs_cloud, user_context

pytestmark = needs_cloud


@pytest.fixture(scope="module")
def conf():
    return configuration("neutron", "neutron")


@pytest.fixture(scope="module")
def neutron(conf):
    return NeutronClient(conf)


@pytest.fixture(scope="module")
def demo():
    return user_context("demo", "demo")


@pytest.fixture
def network(neutron, demo):
    """A network of the demo project with a small subnet."""
    rest = neutron._rest
    body = {"network": {"name": f"t-{uuid.uuid4()}", "tenant_id": demo.project_id}}
    made = rest.request("POST", "/v2.0/networks", json=body).json()["network"]
    subnet = {"subnet": {"network_id": made["id"], "cidr": "10.77.0.0/29", "ip_version": 4,
                         "tenant_id": demo.project_id, "dns_nameservers": ["9.9.9.9"]}}  # fmt: skip
    assert rest.request("POST", "/v2.0/subnets", json=subnet).status_code == 201
    yield made
    for port in neutron.ports(network_id=made["id"]):
        neutron.delete_port(port["id"])
    assert rest.request("DELETE", f"/v2.0/networks/{made['id']}").status_code == 204


def a_spec(demo, *networks):
    return spec(server(project_id=demo.project_id, hostname="t1"), networks=networks)


def test_a_life(conf, neutron, demo, network):
    networking = Networking(conf, neutron)
    brought = neutron.create_ports([{"network_id": network["id"], "tenant_id": demo.project_id}])[0]
    want = a_spec(
        demo,
        RequestedNetwork(network_id=network["id"], fixed_ip="10.77.0.5", tag="fixed"),
        RequestedNetwork(port_id=brought["id"]),
        RequestedNetwork(network_id=network["id"]),
    )
    vifs = networking.allocate(demo, want, "fake1")
    assert [v.created_here for v in vifs] == [True, False, True]
    assert vifs[0].fixed_ips[0].address == "10.77.0.5"
    assert vifs[0].tag == "fixed"
    assert vifs[0].subnets[0].dns_nameservers == ("9.9.9.9",)
    assert vifs[0].network_name == network["name"]
    assert vifs[0].security_groups == ("default",)
    assert networking.allocate(demo, want, "fake1") == networking.refresh(demo, want.server.uuid)
    assert {p["binding:host_id"] for p in neutron.ports(device_id=want.server.uuid)} == {"fake1"}
    networking.deallocate(demo, want)
    networking.deallocate(demo, want)
    (left,) = neutron.ports(network_id=network["id"])
    assert left["id"] == brought["id"]
    assert (left["device_id"], left["device_owner"], left["binding:host_id"]) == ("", "", "")


def test_refusals(neutron, demo, network):
    def make(**more):
        return neutron.create_ports([{"network_id": network["id"], "tenant_id": demo.project_id, **more}])

    make(fixed_ips=[{"ip_address": "10.77.0.4"}])
    with pytest.raises(network_errors.FixedIpInUse):
        make(fixed_ips=[{"ip_address": "10.77.0.4"}])
    with pytest.raises(network_errors.FixedIpInvalid):
        make(fixed_ips=[{"ip_address": "10.78.0.4"}])
    with pytest.raises(errors.NetworkNotFound):
        neutron.create_ports([{"network_id": str(uuid.uuid4()), "tenant_id": demo.project_id}])
    body = {"network_id": network["id"], "tenant_id": demo.project_id}
    with pytest.raises(network_errors.NoMoreFixedIps):
        neutron.create_ports([body] * 8)
    assert len(neutron.ports(network_id=network["id"])) == 1


def test_two_ports_in_one_request_and_revisions(neutron, demo, network):
    body = {"network_id": network["id"], "tenant_id": demo.project_id}
    one, two = neutron.create_ports([body, body])
    assert one["id"] != two["id"]
    neutron.update_port(one["id"], {"name": "a"}, revision=one["revision_number"])
    with pytest.raises(errors.PortInUse):
        neutron.update_port(one["id"], {"name": "b"}, revision=one["revision_number"])
    neutron.delete_port(one["id"])
    neutron.delete_port(one["id"])
    with pytest.raises(errors.PortNotFound):
        neutron.port(one["id"], demo)


def test_quota_and_visibility(neutron, demo, network):
    limit, used = neutron.port_quota(demo.project_id)
    assert limit >= -1
    assert used >= 0
    assert network["id"] in {n["id"] for n in neutron.networks(demo)}
    assert neutron.networks(demo, id=[str(uuid.uuid4())]) == []
    assert neutron.can_auto_allocate(demo, demo.project_id) in (True, False)
