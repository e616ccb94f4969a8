"""The scheduler's own work for a request over ten thousand hosts: all of Placement's candidates to a plan."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from novalike.clients.placement_types import Candidates
from novalike.objects.flavor import Flavor
from novalike.objects.host import HostState
from novalike.objects.image import Image
from novalike.objects.scheduling import SchedulingRequest, ServerGroup
from novalike.scheduler import snapshot as snapshots
from novalike.scheduler.filters.registry import load_filters
from novalike.scheduler.pipeline import Pipeline, Plan
from novalike.scheduler.resources import build_query
from novalike.scheduler.weighers.registry import load_weighers
from tests.benchmarks.micro import hosts
from tests.unit.scheduler.cloud import new_conf, server_uuids

ROUNDS = 15
USUAL = [
    "ComputeFilter", "ComputeCapabilitiesFilter", "ImagePropertiesFilter", "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
]  # fmt: skip
MORE = [*USUAL, "SameHostFilter", "DifferentHostFilter", "AggregateInstanceExtraSpecsFilter", "NumInstancesFilter"]
FLAVOR = Flavor(flavor_id="2", name="m1", memory_mb=4096, vcpus=2, root_gb=40)
IMAGE = Image(id="3057cd15-8181-4d1b-9d34-f6265025a2b9", properties={"hw_architecture": "x86_64", "hw_vm_mode": "hvm"})
# With hosts that are all alike in size, Nova's weights come down to: the one with the least on it, of the idle ones.
FREE = {state.host: hosts.SPAN[1] - hosts.used(n)[1] for n, state in enumerate(hosts.states())}


def plan(benchmark: Any, filters: list[str], count: int, **facts: Any) -> Plan:
    """Time the plan of a request for so many servers. Placement's answer is a new one for each."""
    conf = new_conf(enabled_filters=filters, max_instances_per_host=100)
    pipeline = Pipeline(conf, load_filters(conf), load_weighers(conf))
    snapshot = snapshots.take(hosts.inventory())
    values = {
        "project_id": "project", "user_id": "user", "instance_uuids": server_uuids(count), "flavor": FLAVOR,
        "image": IMAGE,
    }  # fmt: skip
    request = SchedulingRequest(**(values | facts))
    query = build_query(conf, request)

    def run(found: Candidates) -> Plan:
        return pipeline.plan(request, request.instance_uuids, snapshot, query, found, {}, {})

    return benchmark.pedantic(run, setup=lambda: ((hosts.candidates(),), {}), rounds=ROUNDS, warmup_rounds=2)


def check(plan: Plan, count: int, fits: Callable[[HostState], Any] = lambda state: True) -> None:
    """That the servers are on hosts that are up and fit, and that no host was better than those chosen."""
    assert plan.missing == 0
    taken = Counter(assignment.state.host for assignment in plan.assignments)
    assert sum(taken.values()) == count
    chosen = [assignment.state for assignment in plan.assignments]
    assert all(state.up and fits(state) for state in chosen)
    others = [s for s in hosts.states() if s.up and fits(s) and s.host not in taken]
    # In some aggregates free memory counts half: these come later than the others.
    idle = [s for s in others if not s.num_io_ops and all(a.name != "cheap" for a in s.aggregates)]
    if idle:
        assert min(FREE[s.host] for s in chosen) >= max(FREE[s.host] for s in idle)


@pytest.mark.parametrize("count", [1, 50])
def test_plan(benchmark: Any, count: int) -> None:
    check(plan(benchmark, USUAL, count), count)


def test_plan_in_a_zone(benchmark: Any) -> None:
    check(plan(benchmark, USUAL, 1, availability_zone="zone2"), 1, lambda s: s.zone == "zone2")


def test_plan_with_affinity_hints(benchmark: Any) -> None:
    away = {uuid: f"host-{n:05}" for n, uuid in enumerate(server_uuids(20, "other"))}
    found = plan(benchmark, MORE, 1, hints={"different_host": list(away)}, instance_hosts=away)
    check(found, 1, lambda s: s.host not in away.values())


def test_plan_of_a_group_apart(benchmark: Any) -> None:
    group = ServerGroup(uuid="group", policy="anti-affinity", members=server_uuids(50))
    found = plan(benchmark, USUAL, 50, group=group)
    check(found, 50)
    assert len({assignment.state.host for assignment in found.assignments}) == 50


def test_plan_by_aggregate_metadata(benchmark: Any) -> None:
    flavor = Flavor(
        flavor_id="3", name="fast", memory_mb=4096, vcpus=2, root_gb=40,
        extra_specs={"aggregate_instance_extra_specs:ssd": "true"},
    )  # fmt: skip
    found = plan(benchmark, MORE, 1, flavor=flavor)
    check(found, 1, lambda s: any(a.name == "fast" for a in s.aggregates))


def test_plan_by_capabilities(benchmark: Any) -> None:
    flavor = Flavor(
        flavor_id="4", name="big", memory_mb=4096, vcpus=2, root_gb=40,
        extra_specs={"capabilities:cpu_info:topology:cores": ">= 8", "capabilities:hypervisor_type": "QEMU"},
    )  # fmt: skip
    check(plan(benchmark, USUAL, 1, flavor=flavor), 1)


def test_plan_that_fails(benchmark: Any) -> None:
    """Why each of ten thousand hosts was not taken has to be said."""
    found = plan(benchmark, USUAL, 1, availability_zone="nowhere")
    assert found.missing == 1
    (rejection,) = found.tally.rejections()
    assert rejection.stage == "availability zone"
    assert len(rejection.hosts) == hosts.COUNT


@pytest.mark.parametrize("count", [1000, hosts.COUNT])
def test_decode_placements_answer(benchmark: Any, count: int) -> None:
    hosts.answer(count)
    found = benchmark(lambda: hosts.candidates(count))
    assert len(found.allocation_requests) == len(found.provider_summaries) == count
    assert found.provider_summaries[hosts.node_uuid(3)].resources["VCPU"].used == hosts.used(3)[0]
