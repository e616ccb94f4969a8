"""The ports of a server that moves are bound to its new host, and stay what they are besides."""

from typing import Any

import msgspec
import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.compute.networking import Networking
from novalike.objects import errors, network_errors
from novalike.objects.network import RequestedNetwork, Vif
from novalike.objects.server import ServerSpec
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT, context, server, spec

Json = dict[str, Any]


@pytest.fixture
def neutron() -> FakeNeutron:
    return FakeNeutron()


@pytest.fixture
def networking(neutron: FakeNeutron) -> Networking:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    fake: Any = neutron
    return Networking(conf, fake)


@pytest.fixture
def moved(neutron: FakeNeutron, networking: Networking) -> ServerSpec:
    """A server on host1 with a port that was made for it, tagged ``b``, and one that its user has brought."""
    network = neutron.add_network("one", PROJECT)
    given = neutron.add_port(network, PROJECT)["id"]
    networks = (RequestedNetwork(network_id=network["id"], tag="b"), RequestedNetwork(port_id=given, tag="a"))
    made = spec(server(uuid="s1", availability_zone="east"), networks=networks)
    return _with(made, networking.allocate(context(), made, "host1", epoch=2))


def _with(a_spec: ServerSpec, vifs: tuple[Vif, ...]) -> ServerSpec:
    return msgspec.structs.replace(a_spec, server=msgspec.structs.replace(a_spec.server, vifs=vifs))


def updates(neutron: FakeNeutron) -> list[str]:
    return [args[0] for name, args in neutron.calls if name == "update_port"]


def test_all_ports_are_bound_to_the_new_host(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec
) -> None:
    before = {port["id"]: port for port in neutron.ports()}
    vifs = networking.bind(moved, "host2", epoch=5)
    assert [(v.port_id, v.tag, v.created_here, v.mac) for v in vifs] == [
        (v.port_id, v.tag, v.created_here, v.mac) for v in moved.server.vifs
    ]
    assert [(v.tag, v.created_here) for v in vifs] == [("b", True), ("a", False)]
    for number, vif in enumerate(vifs):
        port = neutron.port(vif.port_id)
        changes = {name for name, value in port.items() if value != before[vif.port_id][name]}
        assert changes == {"binding:host_id", "binding:profile", "revision_number"}
        assert port["binding:host_id"] == "host2"
        assert port["binding:profile"]["novalike"] == {
            "created": vif.created_here, "index": number, "epoch": 5, "tag": vif.tag,
        }  # fmt: skip


def test_what_is_bound_already_is_left_alone(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec
) -> None:
    first = networking.bind(moved, "host2", epoch=5)
    neutron.calls.clear()
    assert networking.bind(moved, "host2", epoch=5) == first
    assert updates(neutron) == []
    # By a later operation it is made its own, and on the way back the source's again.
    networking.bind(moved, "host2", epoch=6)
    networking.bind(moved, "host1", epoch=6)
    assert updates(neutron) == [vif.port_id for vif in first] * 2
    assert {port["binding:host_id"] for port in neutron.ports()} == {"host1"}


def test_a_port_that_is_gone_is_no_interface_any_more(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec
) -> None:
    gone, stays = moved.server.vifs
    neutron.delete_port(gone.port_id)
    (vif,) = networking.bind(moved, "host2", epoch=5)
    assert (vif.port_id, vif.tag, vif.created_here) == (stays.port_id, "a", False)
    assert neutron.port(stays.port_id)["binding:profile"]["novalike"]["index"] == 1


def test_a_port_of_another_server_is_no_interface_any_more(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec
) -> None:
    taken, _stays = moved.server.vifs
    neutron.update_port(taken.port_id, {"device_id": "s2"})
    neutron.calls.clear()
    assert len(networking.bind(moved, "host2", epoch=5)) == 1
    assert taken.port_id not in updates(neutron)


def test_without_interfaces_neutron_is_not_asked(neutron: FakeNeutron, networking: Networking) -> None:
    assert networking.bind(spec(server()), "host2", epoch=5) == ()
    assert neutron.calls == []


def test_a_successor_keeps_what_it_has_bound(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec
) -> None:
    networking.bind(moved, "host3", epoch=9)
    taken = neutron.ports()
    with pytest.raises(errors.Fenced):
        networking.bind(moved, "host2", epoch=8)
    assert neutron.ports() == taken


def test_one_that_has_taken_a_port_over_meanwhile_keeps_it(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec
) -> None:
    """Between being read and being written."""
    first = moved.server.vifs[0].port_id

    def overtake(name: str, *args: Any) -> None:
        if name == "update_port":
            neutron.fail = lambda *_what: None
            networking.bind(moved, "host3", epoch=9)

    neutron.fail = overtake
    with pytest.raises(errors.Fenced):
        networking.bind(moved, "host2", epoch=8)
    assert {port["binding:host_id"] for port in neutron.ports()} == {"host3"}
    assert neutron.port(first)["binding:profile"]["novalike"]["epoch"] == 9


def test_a_port_that_somebody_changes_meanwhile_is_bound_all_the_same(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec
) -> None:
    first = moved.server.vifs[0].port_id

    def rename(name: str, *args: Any) -> None:
        if name == "update_port":
            neutron.fail = lambda *_what: None
            neutron.update_port(first, {"name": "new"})

    neutron.fail = rename
    networking.bind(moved, "host2", epoch=5)
    assert (neutron.port(first)["name"], neutron.port(first)["binding:host_id"]) == ("new", "host2")


@pytest.mark.parametrize("again", [False, True], ids=["at once", "when it is tried again"])
def test_a_host_that_cannot_have_a_port_says_so(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec, again: bool
) -> None:
    neutron.plugs = "never"
    for _ in range(1 + again):
        with pytest.raises(network_errors.PortBindingFailed):
            networking.bind(moved, "host2", epoch=5)
    neutron.plugs = "at once"
    assert len(networking.bind(moved, "host2", epoch=5)) == 2


def test_what_neutron_has_now_is_what_the_guest_gets(
    neutron: FakeNeutron, networking: Networking, moved: ServerSpec
) -> None:
    """Nothing that is remembered is trusted: the new host may see the network otherwise."""
    (network,) = neutron.networks()
    neutron._networks[network["id"]]["mtu"] = 9000
    neutron.plugs = "later"
    vifs = networking.bind(moved, "host2", epoch=5)
    assert {vif.mtu for vif in vifs} == {9000}


def test_a_port_without_our_mark_stays_whose_it_was_recorded_to_be(
    neutron: FakeNeutron, networking: Networking
) -> None:
    network = neutron.add_network("one", PROJECT)
    ports = [neutron.add_port(network, PROJECT, device_id="s1", **{"binding:host_id": "host1"}) for _ in range(2)]
    vifs = tuple(
        Vif(port_id=port["id"], network_id=network["id"], network_name="one", mac="m", created_here=made, tag=tag)
        for port, made, tag in zip(reversed(ports), (True, False), ("x", None), strict=True)
    )
    found = networking.bind(spec(server(uuid="s1", vifs=vifs)), "host2", epoch=5)
    assert [(v.port_id, v.created_here, v.tag) for v in found] == [(v.port_id, v.created_here, v.tag) for v in vifs]
    assert [neutron.port(v.port_id)["binding:profile"]["novalike"]["created"] for v in found] == [True, False]
    assert [neutron.port(v.port_id)["binding:host_id"] for v in found] == ["host2", "host2"]
