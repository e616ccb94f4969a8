"""The metadata service and a conductor's answers, with the real encoding between them."""

import base64
import hashlib
import hmac

import pytest
from falcon import testing
from oslo_config import cfg

from novalike import conf as options
from novalike.api.metadata.app import make_app
from novalike.bus.metadata import MetadataCommands, MetadataReads
from novalike.objects import errors
from novalike.objects.keypair import Keypair
from novalike.objects.network import FixedIp, Subnet, Vif
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT, USER, server, spec
from tests.functional.local_bus import LocalBus

VIF = Vif(
    port_id="f454f6e4-a603-405a-9e6d-da77fdef87e8", network_id="n1", network_name="private", mac="fa:16:3e:f8:dc:3d",
    vif_type="ovs", devname="tapf454f6e4-a6", details={"bridge_name": "br-int"},
    fixed_ips=(FixedIp(address="10.0.2.249", version=4, subnet_id="s4"),),
    subnets=(Subnet(id="s4", cidr="10.0.0.0/18", routes=(("10.8.0.0/16", "10.0.0.2"),)),),
)  # fmt: skip


class Handler:
    def __init__(self):
        key = Keypair(name="k", user_id=USER, type="ssh", fingerprint="f", public_key="ssh-rsa AAAA x")
        user_data = base64.b64encode(b"\x00\xffbinary").decode()
        self.spec = spec(server(vifs=(VIF,), key_name="k"), keypair=key, user_data=user_data)
        self.password = None

    def get_spec(self, ctx, *, server_id, project_id):
        if (server_id, project_id) != (self.spec.server.uuid, PROJECT):
            raise errors.InstanceNotFound(instance_id=server_id)
        return self.spec

    def set_password(self, ctx, *, server_id, project_id, password):
        if self.password is not None:
            raise errors.Conflict("There is one already.")
        self.password = password


@pytest.fixture
def bus():
    bus = LocalBus()
    yield bus
    bus.close()


def test_documents_and_password(bus):
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("service_metadata_proxy", True, group="neutron")
    conf.set_override("metadata_proxy_shared_secret", "s", group="neutron")
    handler = Handler()
    for interface in (MetadataReads, MetadataCommands):
        bus.transport().serve([(interface, handler)], "conductor", 1)
    client = testing.TestClient(make_app(conf, bus.transport(), neutron=FakeNeutron()))

    uuid = handler.spec.server.uuid
    signature = hmac.new(b"s", uuid.encode(), hashlib.sha256).hexdigest()
    headers = {"X-Instance-ID": uuid, "X-Tenant-ID": PROJECT, "X-Instance-ID-Signature": signature}

    def get(path):
        return client.simulate_get(path, headers=headers)

    assert get("/latest/user-data").content == b"\x00\xffbinary"
    assert get("/latest/meta-data/public-keys/0/openssh-key").text == "ssh-rsa AAAA x"
    assert get("/openstack/latest/network_data.json").json["links"][0]["ethernet_mac_address"] == VIF.mac
    assert [method for _, method in bus.sent] == ["get_spec"]
    assert client.simulate_post("/openstack/latest/password", headers=headers, body=b"pw").status_code == 200
    assert handler.password == "pw"
    # The record of the stub doesn't change, so the service finds out only now.
    assert client.simulate_post("/openstack/latest/password", headers=headers, body=b"pw").status_code == 409
    headers["X-Tenant-ID"] = "other"
    assert get("/latest").status_code == 404
