import threading
import time
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.bus.compute import ExternalEvent
from novalike.clients.neutron import NeutronClient
from novalike.clients.port_batching import AT_A_TIME, PortBatcher
from novalike.compute.networking import PLUGGED, Networking
from novalike.objects import errors, network_errors
from novalike.objects.network import RequestedNetwork, Vif
from tests.fakes.http import FakeSession
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT, context, server, spec


@pytest.fixture
def conf():
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    return conf


@pytest.fixture
def neutron():
    return FakeNeutron()


@pytest.fixture
def networking(conf, neutron):
    return Networking(conf, neutron)


def wanted(*requests, **more):
    return spec(networks=tuple(requests), **more)


def on(network, **more):
    return RequestedNetwork(network_id=network["id"], **more)


def count(neutron, operation):
    return sum(name == operation for name, _ in neutron.calls)


def test_ports_are_made_and_bound_in_one_request(networking, neutron):
    one, two = neutron.add_network("one", PROJECT), neutron.add_network("two", PROJECT, cidr="10.9.0.0/24")
    want = wanted(on(two, tag="b"), on(one))
    vifs = networking.allocate(context(), want, "host1")
    assert [(v.network_name, v.tag, v.created_here, v.active) for v in vifs] == [
        ("two", "b", True, True), ("one", None, True, True),
    ]  # fmt: skip
    assert count(neutron, "create_ports") == 1
    assert count(neutron, "update_port") == 0
    port = neutron.port(vifs[0].port_id)
    assert port["device_id"] == want.server.uuid
    assert port["device_owner"] == "compute:nova"
    assert port["binding:host_id"] == "host1"
    assert port["tenant_id"] == PROJECT


def test_what_nobody_has_touched_is_not_looked_for(networking, neutron):
    want = wanted(on(neutron.add_network("one", PROJECT)))
    networking.allocate(context(), want, "host1", untouched=True)
    assert count(neutron, "ports") == 0
    # Again, as after a crash: what is there is found.
    assert len(networking.allocate(context(), want, "host1")) == 1
    assert count(neutron, "create_ports") == 1


def test_what_was_touched_just_now_is_looked_for(networking, neutron):
    want = wanted(on(neutron.add_network("one", PROJECT)))
    make = neutron.create_ports

    def answer_is_lost(*args, **more):
        neutron.create_ports = make
        make(*args, **more)
        raise errors.Unavailable(reason="no answer")

    neutron.create_ports = answer_is_lost
    assert len(networking.allocate(context(), want, "host1", untouched=True)) == 1
    assert count(neutron, "create_ports") == 1


def test_none_is_none(networking, neutron):
    neutron.add_network("one", PROJECT)
    assert networking.allocate(context(), spec(networks=None), "h") == ()
    assert neutron.calls == []


def test_again_makes_nothing_new(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net, tag="a"), on(net, tag="b"))
    first = networking.allocate(context(), want, "h")
    assert networking.allocate(context(), want, "h") == first
    assert count(neutron, "create_ports") == 1
    assert count(neutron, "update_port") == 0


def test_a_lost_answer_makes_no_second_port(networking, neutron):
    net = neutron.add_network("one", PROJECT)

    def lose(name, *args):
        neutron.lose = lambda *a: None
        raise errors.Unavailable(reason="lost")

    neutron.lose = lose
    want = wanted(on(net))
    (vif,) = networking.allocate(context(), want, "h")
    assert [p["id"] for p in neutron.ports()] == [vif.port_id]


def test_ports_too_many_are_deleted_but_not_the_users(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net))
    mark = {"binding:profile": {"novalike": {"created": True, "index": 0}}}
    for _ in range(2):
        neutron.add_port(net, PROJECT, device_id=want.server.uuid, **mark)
    brought = neutron.add_port(neutron.add_network("x", PROJECT), PROJECT, device_id=want.server.uuid)
    networking.allocate(context(), want, "h")
    left = {p["id"] for p in neutron.ports()}
    assert len(left) == 2
    assert brought["id"] in left


def test_on_another_host_the_port_is_bound_there(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net))
    (vif,) = networking.allocate(context(), want, "h1")
    assert networking.allocate(context(), want, "h2")[0].port_id == vif.port_id
    assert neutron.port(vif.port_id)["binding:host_id"] == "h2"


def test_a_given_port_is_taken_and_given_back(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    port = neutron.add_port(net, PROJECT, **{"binding:profile": {"theirs": 1}})
    want = wanted(RequestedNetwork(port_id=port["id"], tag="t"), on(net))
    vifs = networking.allocate(context(), want, "h")
    assert [(v.port_id == port["id"], v.created_here, v.tag) for v in vifs] == [
        (True, False, "t"), (False, True, None),
    ]  # fmt: skip
    networking.deallocate(context(), want)
    (left,) = neutron.ports()
    assert left["id"] == port["id"]
    assert (left["device_id"], left["device_owner"], left["binding:host_id"]) == ("", "", None)
    assert left["binding:profile"] == {"theirs": 1}
    networking.deallocate(context(), want)


def test_a_host_that_a_server_has_left_deletes_the_ports_that_were_made_for_it_there(networking, neutron):
    network = neutron.add_network("private", PROJECT)
    given = neutron.add_port(network, PROJECT)
    spec = wanted(on(network), RequestedNetwork(port_id=given["id"]))
    made, _ = networking.allocate(context(), spec, "host1", epoch=3)
    networking.clear(spec.server, "host2")
    assert {port["id"] for port in neutron.ports(device_id=spec.server.uuid)} == {made.port_id, given["id"]}
    networking.clear(spec.server, "host1")
    assert [port["id"] for port in neutron.ports(device_id=spec.server.uuid)] == [given["id"]]


def test_a_host_that_a_server_has_left_deletes_no_port_that_it_has(networking, neutron):
    """It is still bound there: after a move nobody has bound it elsewhere yet. It is the server's only one."""
    network = neutron.add_network("private", PROJECT)
    spec = wanted(on(network))
    (made,) = networking.allocate(context(), spec, "host1", epoch=3)
    moved = msgspec.structs.replace(spec.server, host="host2", vifs=(made,))
    networking.clear(moved, "host1")
    assert [port["id"] for port in neutron.ports(device_id=spec.server.uuid)] == [made.port_id]
    networking.clear(msgspec.structs.replace(moved, vm_state="deleted"), "host1")
    assert neutron.ports(device_id=spec.server.uuid) == []


def test_somebody_elses_ports(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    used = neutron.add_port(net, PROJECT, device_id="other")
    foreign = neutron.add_port(net, "other-project")
    with pytest.raises(errors.PortInUse):
        networking.allocate(context(), wanted(RequestedNetwork(port_id=used["id"])), "h")
    with pytest.raises(network_errors.PortNotUsable):
        networking.allocate(context(), wanted(RequestedNetwork(port_id=foreign["id"])), "h")
    assert neutron.port(used["id"])["device_id"] == "other"


def test_two_servers_race_for_a_port(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    port = neutron.add_port(net, PROJECT)

    def taken_meanwhile(name, *args):
        if name == "update_port":
            neutron.fail = lambda *a: None
            neutron.update_port(port["id"], {"device_id": "faster"})

    neutron.fail = taken_meanwhile
    with pytest.raises(errors.PortInUse):
        networking.allocate(context(), wanted(RequestedNetwork(port_id=port["id"])), "h")
    assert neutron.port(port["id"])["device_id"] == "faster"


def test_a_chosen_address(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net), on(net, fixed_ip="10.0.0.99"))
    vifs = networking.allocate(context(), want, "h")
    assert vifs[1].fixed_ips[0].address == "10.0.0.99"
    assert networking.allocate(context(), want, "h") == vifs
    with pytest.raises(network_errors.FixedIpInUse):
        networking.allocate(context(), wanted(on(net, fixed_ip="10.0.0.99")), "h")


def test_automatic_choice(networking, neutron):
    assert networking.allocate(context(), wanted(), "h") == ()
    net = neutron.add_network("mine", PROJECT)
    neutron.add_network("outside", "admin", external=True)
    want = wanted(RequestedNetwork())
    (vif,) = networking.allocate(context(), want, "h")
    assert vif.network_id == net["id"]
    neutron.add_network("another", PROJECT)
    # What was chosen once stays chosen.
    assert networking.allocate(context(), want, "h") == (vif,)
    with pytest.raises(network_errors.NetworkAmbiguous):
        networking.allocate(context(), wanted(), "h")


def test_automatic_network_is_made(networking, neutron):
    with pytest.raises(network_errors.AutoAllocationFailed):
        networking.allocate(context(), wanted(RequestedNetwork()), "h")
    neutron.auto_network = neutron.add_network("auto_allocated_network", PROJECT, admin_state_up=False)
    (vif,) = networking.allocate(context(), wanted(RequestedNetwork()), "h")
    assert vif.network_name == "auto_allocated_network"


def test_security_groups(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    web = neutron.add_security_group("web", PROJECT)
    for _ in range(2):
        neutron.add_security_group("twice", PROJECT)
    networking.allocate(context(), wanted(on(net), security_groups=("default",)), "h")
    # Neutron chooses it; what its name is may be read ahead.
    assert "security_groups" not in next(args[0][0] for name, args in neutron.calls if name == "create_ports")
    assert all(args[0]["name"] == "default" for name, args in neutron.calls if name == "security_groups")
    (vif,) = networking.allocate(context(), wanted(on(net), security_groups=("web",)), "h")
    assert neutron.port(vif.port_id)["security_groups"] == [web["id"]]
    with pytest.raises(network_errors.SecurityGroupNotFound):
        networking.allocate(context(), wanted(on(net), security_groups=("none",)), "h")
    with pytest.raises(network_errors.SecurityGroupAmbiguous):
        networking.allocate(context(), wanted(on(net), security_groups=("twice",)), "h")
    bare = neutron.add_network("bare", PROJECT, port_security_enabled=False)
    with pytest.raises(network_errors.SecurityGroupsNotApplicable):
        networking.allocate(context(), wanted(on(bare), security_groups=("web",)), "h")


def test_names_in_dns(networking, neutron):
    neutron.aliases.add("dns-integration")
    net = neutron.add_network("one", PROJECT)
    own = neutron.add_network("own", PROJECT, dns_domain="example.org.")
    inside, outside = networking.allocate(context(), wanted(on(net), on(own)), "h")
    assert neutron.port(inside.port_id)["dns_name"] == "vm1"
    assert "dns_name" not in neutron.port(outside.port_id)


def test_binding_failed_may_work_elsewhere(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    neutron.plugs = "never"
    want = wanted(on(net))
    with pytest.raises(errors.RescheduleBuild):
        networking.allocate(context(), want, "h")
    networking.deallocate(context(), want)
    assert neutron.ports() == []


def test_neutron_away(networking, neutron):
    net = neutron.add_network("one", PROJECT)

    def away(*args):
        raise errors.Unavailable(reason="away")

    neutron.fail = away
    with pytest.raises(errors.Unavailable):
        networking.allocate(context(), wanted(on(net)), "h")


def test_waiting_for_the_plug(networking, neutron):
    neutron.plugs = "later"
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net), on(net))
    vifs = networking.allocate(context(), want, "h")
    neutron.on_plugged = lambda port: networking.events.notify(
        ExternalEvent(name=PLUGGED, instance_uuid=port["device_id"], tag=port["id"])
    )
    with networking.expect_plugged(want.server.uuid, vifs) as expectation:
        for vif in vifs:
            neutron.plug(vif.port_id)
        assert networking.wait_plugged(context(), expectation, timeout=5)


def test_an_event_that_was_lost_is_found(networking, neutron):
    neutron.plugs = "later"
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net))
    vifs = networking.allocate(context(), want, "h")
    with networking.expect_plugged(want.server.uuid, vifs) as expectation:
        neutron.plug(vifs[0].port_id)
        assert networking.wait_plugged(context(), expectation, timeout=5)


def test_ports_that_work_are_not_waited_for(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net))
    vifs = networking.allocate(context(), want, "h")
    with networking.expect_plugged(want.server.uuid, vifs) as expectation:
        assert networking.wait_plugged(context(), expectation)


def test_plugging_that_fails(conf, networking, neutron):
    vifs = (Vif(port_id="p", network_id="n", network_name="", mac="m"),)
    with networking.expect_plugged("u", vifs) as expectation:
        with pytest.raises(errors.BuildAborted):
            networking.wait_plugged(context(), expectation, timeout=0.01)
        conf.set_override("vif_plugging_is_fatal", False)
        assert not networking.wait_plugged(context(), expectation, timeout=0.01)
        conf.set_override("vif_plugging_timeout", 0)
        assert not networking.wait_plugged(context(), expectation)


def test_refresh(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net, tag="a"), on(net))
    vifs = networking.allocate(context(), want, "h")
    assert networking.refresh(context(), want.server.uuid) == vifs
    neutron.add_floating_ip("172.24.4.7", neutron.port(vifs[0].port_id))
    assert networking.refresh(context(), want.server.uuid)[0].fixed_ips[0].floating_ips == ("172.24.4.7",)


def test_a_port_from_another_release_is_judged_by_the_record(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    uuid = server().uuid
    port = neutron.add_port(net, PROJECT, device_id=uuid)
    vif = Vif(port_id=port["id"], network_id=net["id"], network_name="one", mac="m", created_here=True)
    networking.deallocate(context(), spec(server(uuid=uuid, vifs=(vif,)), networks=None))
    assert neutron.ports() == []


def test_a_crowd_of_servers_asks_little(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    networking.allocate(context(), wanted(on(net)), "h")
    neutron.calls.clear()
    networking.allocate(context(), wanted(on(net)), "h")
    assert [name for name, _ in neutron.calls] == ["ports", "create_ports"]


def test_what_a_new_ports_network_is_like_is_asked_for_once(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    neutron.add_security_group("default", PROJECT)
    (vif,) = networking.allocate(context(), wanted(on(net)), "h", untouched=True)
    assert (vif.network_name, vif.security_groups, len(vif.subnets)) == ("one", ("default",), 1)
    first = [name for name, _ in neutron.calls]
    assert first[0] == "create_ports"
    assert sorted(first[1:]) == ["networks", "security_groups", "subnets"]
    # One by the network's id: a port does not have its subnets before it is made.
    assert [args[0] for name, args in neutron.calls if name == "subnets"] == [{"network_id": [net["id"]]}]
    neutron.calls.clear()
    (second,) = networking.allocate(context(), wanted(on(net)), "h", untouched=True)
    assert [name for name, _ in neutron.calls] == ["create_ports"]
    assert (second.network_name, second.security_groups, second.subnets) == ("one", ("default",), vif.subnets)


def test_what_a_new_ports_network_is_like_is_read_while_the_port_is_made(conf, networking, neutron):
    net = neutron.add_network("one", PROJECT)
    neutron.together = NeutronClient(conf, FakeSession(None)).together
    names, all_asked = set(), threading.Event()

    def made_last(name, *args):
        names.add(name)
        if {"networks", "subnets", "security_groups"} <= names:
            all_asked.set()
        if name == "create_ports":
            assert all_asked.wait(10)

    neutron.fail = made_last
    assert networking.allocate(context(), wanted(on(net)), "h", untouched=True)


def test_a_build_does_not_fail_for_what_is_read_ahead(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    neutron.add_security_group("default", PROJECT)
    failed = []

    def fails_once(name, *args):
        if name in ("networks", "subnets", "security_groups") and name not in failed:
            failed.append(name)
            raise network_errors.NeutronRefused(status=403, kind="x", reason="y")

    neutron.fail = fails_once
    (vif,) = networking.allocate(context(), wanted(on(net)), "h", untouched=True)
    assert sorted(failed) == ["networks", "security_groups", "subnets"]
    assert (vif.network_name, vif.security_groups, len(vif.subnets)) == ("one", ("default",), 1)
    assert count(neutron, "create_ports") == 1


def test_who_got_no_answer_asks_alone_the_next_time(monkeypatch, networking, neutron):
    net, alone = neutron.add_network("one", PROJECT), []

    def create(_port_batcher, bodies, **how):
        alone.append(how["alone"])
        if len(alone) == 1:
            raise errors.Unavailable(reason="somebody else's ports")
        return neutron.create_ports(bodies)

    monkeypatch.setattr(PortBatcher, "create", create)
    assert len(networking.allocate(context(), wanted(on(net)), "h", untouched=True)) == 1
    assert alone == [False, True]
    assert count(neutron, "ports") == 1


def test_servers_that_are_built_together_share_a_request_and_one_that_neutron_dies_of_harms_none(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    specs = [wanted(on(net)) for _ in range(AT_A_TIME + 3)]
    guilty = specs[-2].server.uuid
    arrived, go = threading.Semaphore(0), threading.Event()

    def slow(name, *args):
        if name == "create_ports":
            arrived.release()
            assert go.wait(10)
            if guilty in [body["device_id"] for body in args[0]]:
                raise errors.Unavailable(reason="neutron answered 500")

    neutron.fail = slow
    with ThreadPoolExecutor(len(specs)) as pool:
        futures = []
        for number, want in enumerate(specs):
            futures.append(pool.submit(networking.allocate, context(), want, "h", untouched=True))
            if number < AT_A_TIME:
                assert arrived.acquire(timeout=10)
        deadline = time.monotonic() + 10
        while networking._port_batcher._open is None or len(networking._port_batcher._open.callers) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        go.set()
        failures = [type(future.exception(10)) for future in futures if future.exception(10)]
    assert failures == [errors.Unavailable]
    assert futures[-2].exception()
    sizes = [len(args[0]) for name, args in neutron.calls if name == "create_ports"]
    assert sizes[: AT_A_TIME + 1] == [1] * AT_A_TIME + [3]
    assert set(sizes[AT_A_TIME + 1 :]) == {1}
    devices = sorted(port["device_id"] for port in neutron.ports())
    assert devices == sorted(want.server.uuid for want in specs if want.server.uuid != guilty)


def test_a_refresh_sees_what_is_new(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    want = wanted(on(net))
    networking.allocate(context(), want, "h")
    net["name"] = "renamed"
    assert networking.refresh(context(), want.server.uuid)[0].network_name == "renamed"


def test_a_network_that_is_chosen_by_itself_keeps_the_tag_that_the_user_gave_it(networking, neutron):
    neutron.add_network("mine", PROJECT)
    (vif,) = networking.allocate(context(), wanted(RequestedNetwork(tag="nic")), "h")
    assert (vif.network_name, vif.tag) == ("mine", "nic")
    (untagged,) = networking.allocate(context(), wanted(), "h")
    assert untagged.tag is None


def test_a_port_of_the_users_that_a_successor_has_taken_is_left_to_it(networking, neutron):
    """Nobody has looked what the server has, since nobody can have touched it; but somebody has, meanwhile."""
    want = wanted(RequestedNetwork(port_id=neutron.add_port(neutron.add_network("one", PROJECT), PROJECT)["id"]))
    networking.allocate(context(), want, "host2", epoch=5)
    taken = neutron.ports()
    with pytest.raises(errors.Fenced):
        networking.allocate(context(), want, "host1", epoch=3, untouched=True)
    assert neutron.ports() == taken
    # Its own it takes again.
    (vif,) = networking.allocate(context(), want, "host2", epoch=5, untouched=True)
    assert neutron.port(vif.port_id)["binding:host_id"] == "host2"


@pytest.mark.parametrize("taken", [False, True], ids=["to take", "to bind"])
def test_a_port_that_others_change_all_the_time_is_given_up(networking, neutron, taken):
    port = neutron.add_port(neutron.add_network("one", PROJECT), PROJECT)
    want = wanted(RequestedNetwork(port_id=port["id"]))
    if taken:
        networking.allocate(context(), want, "host1")
    tries = []

    def changed_again(name, *args):
        if name == "update_port":
            tries.append(args)
            raise errors.PortInUse(port_id=port["id"])

    neutron.fail = changed_again
    with pytest.raises(errors.PortInUse):
        networking.allocate(context(), want, "host2")
    assert len(tries) == 3


def test_only_the_networks_that_are_wanted_are_asked_for(networking, neutron):
    one, _other = neutron.add_network("one", PROJECT), neutron.add_network("other", PROJECT)
    neutron.add_security_group("web", PROJECT)
    networking.allocate(context(), wanted(on(one), security_groups=("web",)), "h")
    asked = [args[0] for name, args in neutron.calls if name == "networks"]
    assert asked
    assert all(filters.get("id") == [one["id"]] for filters in asked)


def test_what_never_had_an_interface_is_deleted_without_asking_neutron(networking, neutron):
    networking.deallocate(context(), spec(networks=None))
    assert neutron.calls == []
    neutron.add_port(neutron.add_network("one", PROJECT), PROJECT, device_id="s1")
    vif = Vif(port_id="p", network_id="n", network_name="", mac="m", created_here=True)
    for some in (spec(server(uuid="s1", vifs=(vif,)), networks=None), spec(server(uuid="s1"), networks=())):
        neutron.calls.clear()
        networking.deallocate(context(), some)
        assert count(neutron, "ports") >= 1


def test_a_refresh_keeps_order_and_tags_of_ports_that_another_release_has_made(networking, neutron):
    net = neutron.add_network("one", PROJECT)
    ports = [neutron.add_port(net, PROJECT, device_id="s1") for _ in range(2)]
    first, second = networking.refresh(context(), "s1")
    assert [first.port_id, second.port_id] == [port["id"] for port in ports]
    known = tuple(msgspec.structs.replace(vif, tag=tag) for vif, tag in ((second, "b"), (first, "a")))
    found = networking.refresh(context(), "s1", known)
    assert [(vif.port_id, vif.tag) for vif in found] == [(second.port_id, "b"), (first.port_id, "a")]
