"""Which ports a server has, lacks, and has too many of."""

from typing import Any

from novalike.clients.neutron_vifs import MARK
from novalike.compute.port_plan import plan_ports
from novalike.objects.network import RequestedNetwork

Json = dict[str, Any]


def on(network: str = "n", **more: Any) -> RequestedNetwork:
    return RequestedNetwork(network_id=network, **more)


def own(port: str) -> RequestedNetwork:
    """A port that the user has made."""
    return RequestedNetwork(port_id=port)


def port(name: str, network: str = "n", *ips: str, index: int | None = None, created: bool = True) -> Json:
    """As Neutron has it; with what was noted in it, when we have bound it."""
    profile = {} if index is None else {MARK: {"index": index, "created": created}}
    addresses = [{"ip_address": ip} for ip in ips]
    return {"id": name, "network_id": network, "fixed_ips": addresses, "binding:profile": profile}


def planned(requests: list[RequestedNetwork], *present: Json) -> tuple[Any, ...]:
    """(place, port) kept, places taken, places created, ports in excess."""
    plan = plan_ports(requests, present)
    return (
        [(place.number, kept["id"]) for place, kept in plan.keep],
        [place.number for place in plan.take],
        [place.number for place in plan.create],
        [left["id"] for left in plan.excess],
    )


def test_at_first_all_is_missing() -> None:
    assert planned([on(), own("mine"), on("other")]) == ([], [1], [0, 2], [])


def test_after_a_crash_what_is_there_is_kept() -> None:
    there = (port("a", "other", index=2), port("mine", index=1, created=False), port("b", index=0))
    assert planned([on(), own("mine"), on("other")], *there) == ([(0, "b"), (1, "mine"), (2, "a")], [], [], [])
    assert planned([on(), own("mine"), on("other")], *there[:1]) == ([(2, "a")], [1], [0], [])


def test_a_port_of_the_user_is_only_ever_itself() -> None:
    assert planned([own("mine")], port("other", index=0)) == ([], [0], [], ["other"])
    assert planned([own("one"), own("two")], port("two"), port("one")) == ([(0, "one"), (1, "two")], [], [], [])


def test_each_port_is_in_its_place_when_several_would_do() -> None:
    assert planned([on(), on()], port("second", index=1), port("first", index=0))[0] == [(0, "first"), (1, "second")]


def test_who_wants_an_address_gets_the_port_that_has_it() -> None:
    wanted = [on(), on(fixed_ip="10.0.0.9")]
    assert planned(wanted, port("nine", "n", "10.0.0.8", "10.0.0.9")) == ([(1, "nine")], [], [0], [])
    assert planned(wanted, port("eight", "n", "10.0.0.8")) == ([(0, "eight")], [], [1], [])


def test_only_what_we_have_made_is_too_much() -> None:
    there = (port("ours", index=0), port("twice", index=0), port("theirs", index=0, created=False), port("unmarked"))
    assert planned([on()], *there) == ([(0, "ours")], [], [], ["twice"])
