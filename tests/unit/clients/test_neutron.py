import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.clients.neutron import NeutronClient
from novalike.objects import errors, network_errors
from tests.fakes.http import FakeSession, answer
from tests.fakes.records import context


@pytest.fixture
def conf():
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("http_retries", 0, group="neutron")
    return conf


def client(conf, respond):
    session = FakeSession(respond)
    return NeutronClient(conf, session), session


def refusal(status, kind, message="no"):
    return answer(status, {"NeutronError": {"type": kind, "message": message, "detail": ""}})


def with_extensions(*aliases, then):
    def respond(asked):
        if asked.path == "/v2.0/extensions":
            return answer(200, {"extensions": [{"alias": alias} for alias in aliases]})
        return then(asked)

    return respond


def test_filters_become_repeated_parameters(conf):
    neutron, session = client(conf, lambda asked: answer(200, {"ports": []}))
    neutron.ports(context(), device_id="d1", fields=["id", "status"])
    assert session.asked[0].params == [("device_id", "d1"), ("fields", "id"), ("fields", "status")]
    assert session.asked[0].token == "token"


def test_many_ids_are_asked_for_in_parts(conf):
    neutron, session = client(conf, lambda asked: answer(200, {"subnets": [{"id": v} for _, v in asked.params]}))
    ids = [f"s{n}" for n in range(250)]
    assert [s["id"] for s in neutron.subnets(id=ids)] == ids
    assert [len(a.params) for a in session.asked] == [100, 100, 50]


def test_no_ids_is_no_request(conf):
    neutron, session = client(conf, lambda asked: answer(200, {"subnets": [{"id": "somebody's"}]}))
    assert neutron.subnets(id=[]) == []
    assert session.asked == []


def test_pages_are_followed(conf):
    def respond(asked):
        if ("marker", "p1") in asked.params:
            return answer(200, {"ports": [{"id": "p2"}]})
        link = {"rel": "next", "href": "http://n/v2.0/ports?limit=1&marker=p1&device_id=d"}
        return answer(200, {"ports": [{"id": "p1"}], "ports_links": [link]})

    neutron, session = client(conf, respond)
    assert [p["id"] for p in neutron.ports(device_id="d")] == ["p1", "p2"]
    assert ("device_id", "d") in session.asked[1].params


def test_one_port_and_several_ports_are_one_request_each(conf):
    def respond(asked):
        if "port" in asked.json:
            return answer(201, {"port": asked.json["port"]})
        return answer(201, {"ports": asked.json["ports"]})

    neutron, session = client(conf, respond)
    assert neutron.create_ports([{"name": "a"}]) == [{"name": "a"}]
    assert neutron.create_ports([{"name": "a"}, {"name": "b"}]) == [{"name": "a"}, {"name": "b"}]
    assert len(session.asked) == 2


@pytest.mark.parametrize(
    ("status", "kind", "error"),
    [
        (409, "IpAddressAlreadyAllocated", network_errors.FixedIpInUse),
        (409, "IpAddressInUse", network_errors.FixedIpInUse),
        (400, "InvalidIpForNetwork", network_errors.FixedIpInvalid),
        (409, "IpAddressGenerationFailure", network_errors.NoMoreFixedIps),
        (409, "OverQuota", network_errors.PortLimitExceeded),
        (404, "NetworkNotFound", errors.NetworkNotFound),
        (403, "PolicyNotAuthorized", network_errors.NeutronRefused),
    ],
)
def test_refusals_have_classes(conf, status, kind, error):
    neutron, _ = client(conf, lambda asked: refusal(status, kind))
    with pytest.raises(error):
        neutron.create_ports([{"network_id": "n1", "fixed_ips": [{"ip_address": "10.0.0.5"}]}])


def test_a_refusal_that_is_not_json(conf):
    neutron, _ = client(conf, lambda asked: answer(400, b"<html>"))
    with pytest.raises(network_errors.NeutronRefused):
        neutron.create_ports([{"network_id": "n1"}])


def test_update_holds_the_revision(conf):
    neutron, session = client(
        conf, with_extensions("revision-if-match", then=lambda asked: refusal(412, "RevisionNumberConstraintFailed"))
    )
    with pytest.raises(errors.PortInUse):
        neutron.update_port("p1", {"device_id": "d"}, revision=7)
    assert session.asked[-1].headers["If-Match"] == "revision_number=7"


def test_deleting_what_is_gone_is_fine(conf):
    neutron, _ = client(conf, lambda asked: refusal(404, "PortNotFound"))
    neutron.delete_port("p1")


def test_port_not_found(conf):
    neutron, _ = client(conf, lambda asked: refusal(404, "PortNotFound"))
    with pytest.raises(errors.PortNotFound):
        neutron.port("p1", context())
    with pytest.raises(errors.PortNotFound):
        neutron.update_port("p1", {})


def test_an_id_leads_nowhere_else(conf):
    neutron, session = client(conf, lambda asked: answer(204))
    with pytest.raises(errors.Invalid):
        neutron.delete_port("../networks/n1")
    assert session.asked == []


def test_quota_in_one_request_where_neutron_can(conf):
    details = {"quota": {"port": {"limit": 10, "used": 3, "reserved": 1}}}
    neutron, session = client(conf, with_extensions("quota_details", then=lambda asked: answer(200, details)))
    assert neutron.port_quota("p") == (10, 4)
    assert neutron.port_quota("p") == (10, 4)
    assert [a.path for a in session.asked].count("/v2.0/extensions") == 1


def test_what_is_used_is_not_counted_while_there_is_no_limit(conf):
    limit = [-1]

    def quota(asked):
        port = {"limit": limit[0], "used": 3, "reserved": 0} if "details" in asked.path else limit[0]
        return answer(200, {"quota": {"port": port}})

    neutron, session = client(conf, with_extensions("quota_details", then=quota))
    found = []
    for limit[0] in (-1, -1, 5, 5):
        found.append(neutron.port_quota("p"))
    assert [limit for limit, _ in found] == [-1, -1, 5, 5]
    assert [used for _, used in found[2:]] == [3, 3]
    asked = [request.path.rpartition("/")[2] for request in session.asked if "/quotas/" in request.path]
    assert asked == ["details.json", "p", "p", "details.json", "details.json"]


def test_quota_is_counted_where_neutron_cannot(conf):
    def respond(asked):
        if asked.path == "/v2.0/ports":
            return answer(200, {"ports": [{"id": "a"}, {"id": "b"}]})
        return answer(200, {"quota": {"port": 5}})

    neutron, _ = client(conf, with_extensions(then=respond))
    assert neutron.port_quota("p") == (5, 2)


def test_no_router_no_floating_addresses(conf):
    neutron, session = client(conf, with_extensions(then=lambda asked: answer(404)))
    assert neutron.floating_ips(port_id=["p1"]) == []


def test_together_keeps_order_and_raises_the_first_error(conf):
    neutron, _ = client(conf, lambda asked: answer(200))
    assert neutron.together([lambda n=n: n for n in range(20)]) == list(range(20))
    done = []

    def fail():
        raise errors.Unavailable(reason="x")

    with pytest.raises(errors.Unavailable):
        neutron.together([fail, lambda: done.append(1)])
    assert done == [1]


def test_auto_allocation(conf):
    def respond(asked):
        if "auto-allocated" in asked.path:
            dry = asked.params == {"fields": "dry-run"}
            return answer(200, {} if dry else {"auto_allocated_topology": {"id": "n1"}})
        return answer(200, {"networks": [{"id": "n1"}]})

    neutron, _ = client(conf, respond)
    assert neutron.can_auto_allocate(context(), "p")
    assert neutron.auto_allocate(context(), "p") == {"id": "n1"}
    neutron, _ = client(conf, lambda asked: refusal(409, "AutoAllocationFailure"))
    assert not neutron.can_auto_allocate(context(), "p")
    with pytest.raises(network_errors.AutoAllocationFailed):
        neutron.auto_allocate(context(), "p")
