import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from novalike.clients.network_cache import NetworkCache
from novalike.objects import errors
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT


def test_only_what_is_missing_is_asked_for():
    neutron = FakeNeutron()
    one, two = (neutron.add_network(name, PROJECT) for name in ("one", "two"))
    facts = NetworkCache(neutron)
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
    for facts, fresh in ((NetworkCache(neutron, 0), False), (NetworkCache(neutron), True)):
        neutron.calls.clear()
        facts.networks([net["id"]], fresh=fresh)
        facts.networks([net["id"]], fresh=fresh)
        assert len(neutron.calls) == 2


def asked(neutron):
    """What was asked for since the last time."""
    found = sorted(name for name, _ in neutron.calls)
    neutron.calls.clear()
    return found


def fetch(facts, *args):
    for call in facts.prefetch(*args):
        call()


def test_what_was_read_ahead_is_not_asked_for():
    neutron = FakeNeutron()
    net, group = neutron.add_network("one", PROJECT), neutron.add_security_group("default", PROJECT)
    neutron.add_subnet(net, "10.9.0.0/24")
    neutron.add_security_group("default", "another project")
    neutron.add_security_group("web", PROJECT)
    facts = NetworkCache(neutron)
    fetch(facts, [net["id"], net["id"]], [], PROJECT)
    assert sorted(neutron.calls) == [
        ("networks", ({"id": [net["id"]], "fields": ["id", "name", "mtu"]},)),
        ("security_groups", ({"tenant_id": PROJECT, "name": "default", "fields": ["id", "name"]},)),
        ("subnets", ({"network_id": [net["id"]]},)),
    ]
    neutron.calls.clear()
    assert facts.networks([net["id"]])[net["id"]]["name"] == "one"
    assert set(facts.subnets(net["subnets"])) == set(net["subnets"])
    assert facts.security_groups([group["id"]])[group["id"]]["name"] == "default"
    assert neutron.calls == []


def test_groups_that_are_named_are_read_ahead_in_place_of_the_default():
    neutron = FakeNeutron()
    net, group = neutron.add_network("one", PROJECT), neutron.add_security_group("web", PROJECT)
    facts = NetworkCache(neutron)
    for _ in range(2):
        fetch(facts, [net["id"]], [group["id"]], PROJECT)
    assert asked(neutron) == ["networks", "security_groups", "subnets"]
    assert facts.security_groups([group["id"]])[group["id"]]["name"] == "web"
    assert asked(neutron) == []


def test_what_is_kept_is_not_read_ahead_until_it_grows_old(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("novalike.clients.network_cache.time.monotonic", lambda: now[0])
    neutron = FakeNeutron()
    one, two = (neutron.add_network(name, PROJECT) for name in ("one", "two"))
    facts = NetworkCache(neutron)
    fetch(facts, [one["id"]], [], PROJECT)
    assert asked(neutron) == ["networks", "security_groups", "subnets"]
    now[0] += 9.9
    fetch(facts, [one["id"]], [], PROJECT)
    assert asked(neutron) == []
    # Another network, another project: only what is new.
    fetch(facts, [one["id"], two["id"]], [], PROJECT)
    assert neutron.calls[0][1][0]["id"] == [two["id"]]
    assert asked(neutron) == ["networks", "subnets"]
    fetch(facts, [one["id"]], [], "another project")
    assert asked(neutron) == ["security_groups"]
    # What was asked for in between is renewed with the rest: all is old at the same time.
    facts.networks([one["id"]], fresh=True)
    assert asked(neutron) == ["networks"]
    now[0] += 0.2
    fetch(facts, [one["id"]], [], PROJECT)
    assert asked(neutron) == ["networks", "security_groups", "subnets"]


def test_of_many_that_begin_at_once_one_reads_ahead():
    neutron = FakeNeutron()
    net = neutron.add_network("one", PROJECT)
    facts, many = NetworkCache(neutron), 20
    together = threading.Barrier(many)

    def begin():
        together.wait(10)
        return facts.prefetch([net["id"]], [], PROJECT)

    with ThreadPoolExecutor(many) as pool:
        calls = [future.result() for future in [pool.submit(begin) for _ in range(many)]]
    assert sum(len(found) for found in calls) == 3


def test_what_can_not_be_read_ahead_is_asked_for_when_it_is_needed():
    neutron = FakeNeutron()
    net = neutron.add_network("one", PROJECT)
    facts = NetworkCache(neutron)

    def away(*_args):
        raise errors.Unavailable(reason="away")

    neutron.fail = away
    fetch(facts, [net["id"]], [], PROJECT)
    assert asked(neutron) == ["networks", "security_groups", "subnets"]
    with pytest.raises(errors.Unavailable):
        facts.networks([net["id"]])
    neutron.fail = lambda *_args: None
    assert facts.networks([net["id"]])[net["id"]]["name"] == "one"


def test_nothing_is_read_ahead_that_is_not_kept():
    assert NetworkCache(FakeNeutron(), 0).prefetch(["n"], [], PROJECT) == []
