"""All hosts as of one moment, and what follows of a newer inventory."""

from typing import Any

from novalike.objects.host import AggregateFacts, HostState, HostStates
from novalike.scheduler.snapshot import EMPTY, Snapshot, take, update
from tests.unit.scheduler.cloud import node_uuid, state


def inventory(*hosts: HostState, version: str = "1") -> HostStates:
    return HostStates(version=version, hosts=hosts)


def aggregate(number: int, **metadata: str) -> AggregateFacts:
    return AggregateFacts(id=number, uuid=str(number), name=f"a{number}", metadata=metadata)


def hosts_of(snapshot: Snapshot) -> dict[str, list[str]]:
    return {host: [node.hypervisor_hostname for node in nodes] for host, nodes in snapshot.by_host.items() if nodes}


def test_new_hosts_come_and_changed_ones_take_the_place_of_what_they_were() -> None:
    first = take(inventory(state("a"), state("b")))
    second = update(first, inventory(state("b", disabled=True), state("c"), version="2"))
    assert (first.version, second.version) == ("1", "2")
    assert hosts_of(second) == {"a": ["a"], "b": ["b"], "c": ["c"]}
    assert second.by_uuid[node_uuid("b")].disabled
    assert second.by_host["b"][0].disabled
    # The one before is as it was: somebody may still choose by it.
    assert not first.by_uuid[node_uuid("b")].disabled
    assert hosts_of(first) == {"a": ["a"], "b": ["b"]}
    assert (EMPTY.version, EMPTY.by_uuid) == (None, {})


def test_a_host_may_have_several_nodes_and_a_node_may_go_to_another_host() -> None:
    nodes = [state(name, host="h1") for name in ("n1", "n2")]
    first = take(inventory(*nodes))
    assert hosts_of(first) == {"h1": ["n1", "n2"]}
    second = update(first, inventory(state("n1", host="h2"), version="2"))
    assert hosts_of(second) == {"h1": ["n2"], "h2": ["n1"]}


def test_aggregates_and_their_multipliers_are_the_newest() -> None:
    light, heavy = aggregate(1, ram_weight_multiplier="0.5"), aggregate(2, ram_weight_multiplier="3", zone="x")
    first = take(inventory(state("a", aggregates=(light, heavy)), state("b", aggregates=(heavy,))))
    assert first.multipliers == {
        node_uuid("a"): {"ram_weight_multiplier": 0.5}, node_uuid("b"): {"ram_weight_multiplier": 3.0},
    }  # fmt: skip
    assert [each.id for each in first.aggregates] == [1, 2]
    changed = aggregate(2, ram_weight_multiplier="4")
    second = update(first, inventory(state("a"), state("b", aggregates=(changed,)), version="2"))
    assert second.multipliers == {node_uuid("b"): {"ram_weight_multiplier": 4.0}}
    assert {each.id: each.metadata for each in second.aggregates}[2] == {"ram_weight_multiplier": "4"}


def test_a_multiplier_that_is_no_number_does_not_count() -> None:
    found = take(inventory(state("a", aggregates=(
        aggregate(1, ram_weight_multiplier="2", cpu_weight_multiplier="1", other="5"),
        aggregate(2, ram_weight_multiplier="much"),
    ))))  # fmt: skip
    assert found.multipliers == {node_uuid("a"): {"cpu_weight_multiplier": 1.0}}


def test_hosts_that_are_alike_share_their_facts() -> None:
    """Ten thousand hosts have few kinds of CPUs, and each would otherwise have a copy of its own."""

    def facts(*models: str) -> dict[str, Any]:
        return {
            "traits": tuple(f"CUSTOM_{model}" for model in models), "cpu_info": {"models": list(models)},
            "supported_instances": tuple((model, "qemu", "hvm") for model in models),
            "aggregates": (aggregate(len(models)),),
        }  # fmt: skip

    one, two, other = (state(name, **facts(*models)) for name, models in (("1", "ab"), ("2", "ab"), ("3", "c")))
    take(inventory(one, two, other))
    for field in ("traits", "cpu_info", "supported_instances", "aggregates"):
        assert getattr(one, field) is getattr(two, field), field
        assert getattr(other, field) is not getattr(one, field), field
    assert other.cpu_info == {"models": ["c"]}
