from novalike.clients.neutron_facts import NetworkFacts
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT


def test_only_what_is_missing_is_asked_for():
    neutron = FakeNeutron()
    one, two = (neutron.add_network(name, PROJECT) for name in ("one", "two"))
    facts = NetworkFacts(neutron)
    assert facts.networks([one["id"]])[one["id"]]["name"] == "one"
    neutron.calls.clear()
    assert len(facts.networks([one["id"], two["id"], "missing"])) == 2
    assert neutron.calls[0][1][0]["id"] == sorted([two["id"], "missing"])
    neutron.calls.clear()
    assert facts.subnets([]) == {}
    assert neutron.calls == []


def test_nothing_is_kept_for_no_time_or_when_asked_to_be_fresh():
    neutron = FakeNeutron()
    net = neutron.add_network("one", PROJECT)
    for facts, fresh in ((NetworkFacts(neutron, 0), False), (NetworkFacts(neutron), True)):
        neutron.calls.clear()
        facts.networks([net["id"]], fresh=fresh)
        facts.networks([net["id"]], fresh=fresh)
        assert len(neutron.calls) == 2
