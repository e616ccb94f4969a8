import hashlib
import hmac
import json
import threading

import pytest
from falcon import testing
from oslo_config import cfg

from novalike import conf as options
from novalike.api.metadata.app import make_app
from novalike.api.metadata.specs import Specs
from novalike.bus.metadata import MetadataCommands, MetadataReads
from novalike.objects import errors
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT, server, spec

SECRET = "s3cret"


class Conductor:
    """Answers for one server, and counts how often."""

    def __init__(self):
        self.spec = spec(server(hostname="vm"))
        self.asked = 0
        self.set = []
        self.error = None

    def client(self, interface):
        assert interface in (MetadataReads, MetadataCommands)
        return self

    def get_spec(self, ctx, *, server_id, project_id):
        self.asked += 1
        if self.error:
            raise self.error
        if (server_id, project_id) != (self.spec.server.uuid, PROJECT):
            raise errors.InstanceNotFound(instance_id=server_id)
        return self.spec

    def set_password(self, ctx, *, server_id, project_id, password):
        self.set.append((server_id, project_id, password))
        self.spec = spec(server(uuid=server_id, hostname="vm", system_metadata={"password_0": password}))


@pytest.fixture
def conf():
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("service_metadata_proxy", True, group="neutron")
    conf.set_override("metadata_proxy_shared_secret", SECRET, group="neutron")
    return conf


@pytest.fixture
def conductor():
    return Conductor()


@pytest.fixture
def neutron():
    return FakeNeutron()


@pytest.fixture
def client(conf, conductor, neutron):
    return testing.TestClient(make_app(conf, conductor, neutron=neutron))


def signed(server_id, project_id=PROJECT, secret=SECRET):
    signature = hmac.new(secret.encode(), server_id.encode(), hashlib.sha256).hexdigest()
    return {
        "X-Instance-ID": server_id, "X-Tenant-ID": project_id, "X-Instance-ID-Signature": signature,
        "X-Forwarded-For": "10.0.0.9",
    }  # fmt: skip


@pytest.fixture
def headers(conductor):
    return signed(conductor.spec.server.uuid)


def test_a_signed_request(client, headers):
    reply = client.simulate_get("/openstack/latest/meta_data.json", headers=headers)
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json["hostname"] == "vm.novalocal"
    reply = client.simulate_get("/latest/meta-data/local-ipv4", headers=headers)
    assert (reply.text, reply.headers["content-type"]) == ("10.0.0.9", "text/plain; charset=UTF-8")


def test_the_root_is_for_everybody(client, conductor):
    assert client.simulate_get("/").text.splitlines()[-2:] == ["2009-04-04", "latest"]
    assert conductor.asked == 0


@pytest.mark.parametrize("missing", ["X-Instance-ID", "X-Tenant-ID", "X-Instance-ID-Signature"])
def test_a_missing_header(client, headers, missing):
    del headers[missing]
    reply = client.simulate_get("/latest", headers=headers)
    assert reply.status_code == 400
    assert f"{missing} header is missing from request." in reply.text


@pytest.mark.parametrize("signature", ["", "0", "ü"])
def test_a_wrong_signature(client, conductor, headers, signature):
    headers["X-Instance-ID-Signature"] = signature
    reply = client.simulate_get("/latest", headers=headers)
    assert reply.status_code == 403
    assert "Invalid proxy request signature." in reply.text
    assert conductor.asked == 0


def test_another_guests_signature(client, headers):
    headers["X-Instance-ID"] = server().uuid
    assert client.simulate_get("/latest", headers=headers).status_code == 403


def test_another_project(client, conductor):
    reply = client.simulate_get("/latest", headers=signed(conductor.spec.server.uuid, "other"))
    assert reply.status_code == 404


def test_unknown_servers_and_paths_have_a_body(client, headers):
    for path, sent in (("/latest", signed(server().uuid)), ("/nothing", headers), ("/openstack/x/y", headers)):
        reply = client.simulate_get(path, headers=sent)
        assert reply.status_code == 404
        assert "<h1>404 Not Found</h1>" in reply.text


def test_one_question_for_many_documents(client, conductor, headers):
    for path in ("/latest", "/openstack", "/openstack/latest/network_data.json", "/nothing"):
        client.simulate_get(path, headers=headers)
    assert conductor.asked == 1


def test_no_memory(conf, conductor, neutron, headers):
    conf.set_override("metadata_cache_expiration", 0, group="api_metadata")
    client = testing.TestClient(make_app(conf, conductor, neutron=neutron))
    client.simulate_get("/latest", headers=headers)
    client.simulate_get("/latest", headers=headers)
    assert conductor.asked == 2


def test_the_conductor_is_away(client, conductor, headers):
    conductor.error = errors.Unavailable(reason="no answer from amqp://user:pw@host")
    reply = client.simulate_get("/latest", headers=headers)
    assert reply.status_code == 503
    assert "amqp" not in reply.text
    conductor.error = None
    assert client.simulate_get("/latest", headers=headers).status_code == 200


def test_a_fault_of_ours_tells_nothing(client, conductor, headers):
    conductor.error = RuntimeError("secret detail")
    reply = client.simulate_get("/latest", headers=headers)
    assert reply.status_code == 500
    assert "secret" not in reply.text


def test_the_password_is_set_once(client, conductor, headers):
    path = "/openstack/2013-04-04/password"
    assert client.simulate_get(path, headers=headers).text == ""
    assert client.simulate_post(path, headers=headers, body=b"pw").status_code == 200
    assert conductor.set == [(headers["X-Instance-ID"], PROJECT, "pw")]
    assert client.simulate_get(path, headers=headers).text == "pw"
    assert client.simulate_post(path, headers=headers, body=b"pw2").status_code == 409
    assert len(conductor.set) == 1


def test_passwords_that_are_refused(client, conductor, headers):
    path = "/openstack/latest/password"
    assert client.simulate_post(path, headers=headers, body=b"p" * 1021).status_code == 400
    assert client.simulate_post(path, headers=headers, body=b"\xff").status_code == 400
    assert client.simulate_put(path, headers=headers, body=b"p").status_code == 400
    assert client.simulate_post("/openstack/2012-08-10/password", headers=headers, body=b"p").status_code == 404
    assert client.simulate_post("/latest/meta-data", headers=headers, body=b"p").status_code == 405
    assert conductor.set == []
    assert client.simulate_post(path, headers=headers, body=b"p" * 1020).status_code == 200


def test_without_a_proxy_the_address_says_who_asks(conf, conductor, neutron):
    conf.set_override("service_metadata_proxy", False, group="neutron")
    client = testing.TestClient(make_app(conf, conductor, neutron=neutron))
    net = neutron.add_network("flat", PROJECT)
    uuid = conductor.spec.server.uuid
    owner = {"device_id": uuid, "device_owner": "compute:nova", "fixed_ips": [{"ip_address": "10.0.0.7"}]}
    neutron.add_port(net, PROJECT, **owner)
    sent = signed(uuid)
    assert client.simulate_get("/latest", remote_addr="10.0.0.7").status_code == 200
    # Anybody can write these headers when no proxy does.
    assert client.simulate_get("/latest", remote_addr="10.0.0.8", headers=sent).status_code == 404
    other = neutron.add_network("overlapping", PROJECT)
    neutron.add_port(other, PROJECT, **(owner | {"device_id": server().uuid}))
    assert client.simulate_get("/latest", remote_addr="10.0.0.7").status_code == 404


def test_a_proxy_of_ones_own_says_the_address(conf, conductor, neutron):
    conf.set_override("service_metadata_proxy", False, group="neutron")
    conf.set_override("enable_proxy_headers_parsing", True, group="oslo_middleware")
    network = neutron.add_network("private", PROJECT)
    owner = {"device_id": conductor.spec.server.uuid, "device_owner": "compute:nova"}
    neutron.add_port(network, PROJECT, fixed_ips=[{"ip_address": "10.0.0.7", "subnet_id": "s"}], **owner)
    client = testing.TestClient(make_app(conf, conductor, neutron=neutron))
    # What a guest put before its own address doesn't make it another one.
    for told, status in (("10.0.0.7", 200), ("10.0.0.8", 404), ("10.0.0.7, 10.0.0.8", 404)):
        answer = client.simulate_get("/latest", remote_addr="10.9.9.9", headers={"X-Forwarded-For": told})
        assert answer.status_code == status


def test_no_secret_no_service(conf, conductor, neutron):
    conf.set_override("metadata_proxy_shared_secret", "", group="neutron")
    with pytest.raises(SystemExit, match="metadata_proxy_shared_secret"):
        make_app(conf, conductor, neutron=neutron)


def test_vendor_data(conf, conductor, neutron, headers, tmp_path):
    path = tmp_path / "vendor.json"
    conf.set_override("vendordata_jsonfile_path", str(path), group="api")
    for content in (None, "{", "[]"):
        if content is not None:
            path.write_text(content)
        with pytest.raises(SystemExit, match="vendordata_jsonfile_path"):
            make_app(conf, conductor, neutron=neutron)
    path.write_text(json.dumps({"a": 1}))
    client = testing.TestClient(make_app(conf, conductor, neutron=neutron))
    assert client.simulate_get("/openstack/latest/vendor_data.json", headers=headers).json == {"a": 1}
    assert client.simulate_get("/openstack/latest/vendor_data2.json", headers=headers).json == {"static": {"a": 1}}
    conf.set_override("vendordata_providers", [], group="api")
    client = testing.TestClient(make_app(conf, conductor, neutron=neutron))
    assert client.simulate_get("/openstack/latest/vendor_data.json", headers=headers).status_code == 404


def test_many_requests_at_a_time_are_one_question():
    started, go = threading.Event(), threading.Event()

    class Slow(Conductor):
        def get_spec(self, ctx, **arguments):
            started.set()
            go.wait(5)
            return super().get_spec(ctx, **arguments)

    slow = Slow()
    specs = Specs(slow, 15)
    threads = [threading.Thread(target=specs.get, args=(slow.spec.server.uuid, PROJECT)) for _ in range(5)]
    for thread in threads:
        thread.start()
    started.wait(5)
    go.set()
    for thread in threads:
        thread.join(5)
    assert slow.asked == 1
    specs.forget(slow.spec.server.uuid, PROJECT)
    specs.get(slow.spec.server.uuid, PROJECT)
    assert slow.asked == 2
