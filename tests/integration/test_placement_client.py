"""The Placement client against a real Placement, with providers of its own that it removes again.

Keystone and credentials come from the environment (``OS_AUTH_URL`` …); Placement's URL from the catalog.
"""

import os
import uuid

import msgspec
import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.clients import placement_provider
from novalike.clients.placement import PlacementClient
from novalike.clients.placement_types import (
    CandidateQuery,
    Choice,
    Claim,
    ClaimConflict,
    QueryRefused,
    ResourceGroup,
    single,
)
from novalike.clients.session import ServiceSession
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.flavor import Flavor
from novalike.objects.host import ChildProvider, HostState, HostStates, NodeReport, ResourceInventory
from novalike.objects.scheduling import EarlierClaim, SchedulingRequest
from novalike.scheduler import claims
from novalike.scheduler.host_assignment import AssignedHost
from novalike.scheduler.server import SchedulerServer
from novalike.scheduler.snapshot import take
from novalike.virt.node_inventory import standard_inventories

pytestmark = pytest.mark.skipif("OS_AUTH_URL" not in os.environ, reason="OS_AUTH_URL is not set")

PROJECT, USER = str(uuid.uuid4()), str(uuid.uuid4())
TRAIT = "CUSTOM_NOVALIKE_TEST"


@pytest.fixture(scope="module")
def conf(tmp_path_factory):
    """[placement] as an operator would write it, from the environment."""
    env = os.environ
    lines = [
        "[placement]", "auth_type = password", f"auth_url = {env['OS_AUTH_URL']}",
        f"username = {env['OS_USERNAME']}", f"password = {env['OS_PASSWORD']}",
        f"project_name = {env['OS_PROJECT_NAME']}",
        f"user_domain_name = {env.get('OS_USER_DOMAIN_NAME', 'Default')}",
        f"project_domain_name = {env.get('OS_PROJECT_DOMAIN_NAME', 'Default')}",
        f"region_name = {env.get('OS_REGION_NAME', 'RegionOne')}",
    ]  # fmt: skip
    path = tmp_path_factory.mktemp("conf") / "novalike.conf"
    path.write_text("\n".join(lines))
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf(["--config-file", str(path)], project="novalike")
    return conf


@pytest.fixture
def client(conf):
    return PlacementClient(conf)


@pytest.fixture
def consumers(client):
    """uuids of servers whose claims go when the test ends."""
    made = [str(uuid.uuid4()) for _ in range(8)]
    yield made
    for consumer in made:
        client.delete_allocations(consumer)


@pytest.fixture
def nodes(client, consumers):
    """Two nodes that only this test's traits lead to: 4 vCPUs, 8 GiB, 50 GiB each."""
    made = [report(f"novalike-test-{uuid.uuid4()}") for _ in range(2)]
    for node in made:
        client.ensure_provider(node, disabled=False)
    yield made
    for consumer in consumers:
        client.delete_allocations(consumer)
    for node in made:
        client.delete_provider(node.uuid)


def report(name, **facts):
    values = {
        "uuid": str(uuid.uuid4()), "host": name, "hypervisor_hostname": name, "hypervisor_type": "fake",
        "hypervisor_version": 1, "host_ip": None, "vcpus": 4, "memory_mb": 8704, "local_gb": 50,
        "cpu_allocation_ratio": 1.0, "traits": ("COMPUTE_NODE", "HW_CPU_X86_AVX", TRAIT),
    }  # fmt: skip
    return with_inventories(NodeReport(**(values | facts)))


def changed(node, **facts):
    return with_inventories(msgspec.structs.replace(node, **facts))


def with_inventories(node):
    return msgspec.structs.replace(node, inventories=standard_inventories(node))


def query(node=None, **resources):
    group = ResourceGroup(resources=resources or {"VCPU": 1}, required=frozenset({TRAIT}))
    forbidden = frozenset({"COMPUTE_STATUS_DISABLED"})
    return CandidateQuery(groups={"": group}, root_forbidden=forbidden, in_tree=node, limit=1000)


def test_candidates_have_capacity_after_reservation_and_ratio(client, nodes):
    found = client.allocation_candidates(query(VCPU=2, MEMORY_MB=1024))
    assert {uuid for choice in found.allocation_requests for uuid in choice.allocations} == {n.uuid for n in nodes}
    resources = found.provider_summaries[nodes[0].uuid].resources
    assert {name: use.capacity for name, use in resources.items()} == {"VCPU": 4, "MEMORY_MB": 8192, "DISK_GB": 50}


def test_claims_are_all_or_nothing(client, nodes, consumers):
    first, second = (single(node.uuid, {"VCPU": 3}) for node in nodes)
    client.claim([Claim(consumers[0], first, PROJECT, USER), Claim(consumers[1], second, PROJECT, USER)])
    held = client.get_allocations(consumers[0])
    assert held.allocations[nodes[0].uuid].resources == {"VCPU": 3}
    assert (held.project_id, held.user_id, held.consumer_type) == (PROJECT, USER, "INSTANCE")
    assert held.consumer_generation is not None
    with pytest.raises(ClaimConflict) as lost:
        client.claim(
            [
                Claim(consumers[2], single(nodes[0].uuid, {"VCPU": 1}), PROJECT, USER),
                Claim(consumers[3], single(nodes[1].uuid, {"VCPU": 2}), PROJECT, USER),
            ]
        )
    assert lost.value.fields["kind"] == "capacity"
    assert client.get_allocations(consumers[2]).allocations == {}
    with pytest.raises(ClaimConflict) as lost:
        client.claim([Claim(consumers[0], single(nodes[0].uuid, {"VCPU": 1}), PROJECT, USER)])
    assert lost.value.fields["kind"] == "consumer"
    with pytest.raises(ClaimConflict) as lost:
        client.claim([Claim(consumers[4], single(str(uuid.uuid4()), {"VCPU": 1}), PROJECT, USER)])
    assert lost.value.fields["kind"] == "provider"
    assert client.provider_allocations(nodes[0].uuid) == {consumers[0]: {"VCPU": 3}}
    usages = client._request("GET", f"/usages?project_id={PROJECT}&consumer_type=all").json()["usages"]
    assert usages["all"]["VCPU"] == 6
    assert client.delete_allocations(consumers[0]) is True
    assert client.delete_allocations(consumers[0]) is False


def test_an_empty_claim_takes_everything_if_nothing_has_changed(client, nodes, consumers):
    node, consumer = nodes[0], consumers[0]
    client.claim([Claim(consumer, single(node.uuid, {"VCPU": 1}), PROJECT, USER)])
    seen = client.get_allocations(consumer)
    assert seen.consumer_type == "INSTANCE"
    client.claim([Claim(consumer, single(node.uuid, {"VCPU": 2}), PROJECT, USER, seen.consumer_generation)])
    with pytest.raises(ClaimConflict) as refused:
        client.claim([Claim(consumer, Choice({}), PROJECT, USER, seen.consumer_generation)])
    assert refused.value.fields["kind"] == "consumer"
    seen = client.get_allocations(consumer)
    client.claim([Claim(consumer, Choice({}), PROJECT, USER, seen.consumer_generation)])
    assert not client.get_allocations(consumer).allocations
    assert consumer not in client.provider_allocations(node.uuid)


def test_a_provider_is_the_root_of_its_own_tree(client, nodes):
    assert client.provider_roots()[nodes[0].uuid] == nodes[0].uuid


def test_a_provider_follows_its_report(client, nodes, consumers):
    node = nodes[0]
    assert client.ensure_provider(node, disabled=False) is False
    bigger = changed(node, memory_mb=16896, hypervisor_hostname=f"{node.host}-renamed", traits=("COMPUTE_NODE",))
    assert client.ensure_provider(bigger) is True
    assert client._request("GET", f"/resource_providers/{node.uuid}").json()["name"] == f"{node.host}-renamed"
    assert client.allocation_candidates(query(node.uuid, MEMORY_MB=10000)).allocation_requests
    # An operator's trait stays though the report doesn't name it; the driver's went.
    traits = client._request("GET", f"/resource_providers/{node.uuid}/traits").json()["traits"]
    assert set(traits) == {"COMPUTE_NODE", TRAIT}
    client.claim([Claim(consumers[0], single(node.uuid, {"DISK_GB": 1}), PROJECT, USER)])
    with pytest.raises(errors.Conflict):
        client.ensure_provider(changed(bigger, local_gb=0))
    with pytest.raises(errors.Conflict):
        client.delete_provider(node.uuid)


def test_parts_of_a_node_come_and_go_with_its_report(client, nodes, consumers):
    node = nodes[0]
    inventories = {"PCPU": ResourceInventory(total=4), "CUSTOM_NOVALIKE_TEST": ResourceInventory(total=2)}
    part = ChildProvider(name="numa_0", inventories=inventories, traits=(TRAIT,))
    client.ensure_provider(msgspec.structs.replace(node, children=(part,)))
    child = placement_provider.child_uuid(node.uuid, part.name)
    assert client.provider_roots()[child] == node.uuid
    client.claim([Claim(consumers[0], single(child, {"PCPU": 1}), PROJECT, USER)])
    client.ensure_provider(node)
    with pytest.raises(ClaimConflict):
        client.claim([Claim(consumers[1], single(child, {"PCPU": 1}), PROJECT, USER)])
    with pytest.raises(errors.Conflict):
        client.delete_provider(node.uuid)
    client.delete_allocations(consumers[0])
    assert client.delete_provider(node.uuid)
    assert not {node.uuid, child} & client.provider_roots().keys()


def test_a_name_belongs_to_one_provider(client, nodes):
    with pytest.raises(errors.Conflict, match="another resource provider"):
        client.ensure_provider(report(nodes[0].hypervisor_hostname))


def test_disabled_hosts_are_no_candidates(client, nodes):
    client.set_disabled(nodes[0].uuid, True)
    offered = {uuid for c in client.allocation_candidates(query()).allocation_requests for uuid in c.allocations}
    assert offered == {nodes[1].uuid}
    client.ensure_provider(changed(nodes[0], memory_mb=9000))
    assert not client.allocation_candidates(query(nodes[0].uuid)).allocation_requests
    client.set_disabled(nodes[0].uuid, False)
    assert client.allocation_candidates(query(nodes[0].uuid)).allocation_requests


def test_what_placement_does_not_know(client):
    unknown = CandidateQuery(groups={"": ResourceGroup(resources={"VCPU": 1}, required=frozenset({"NO_SUCH"}))})
    with pytest.raises(QueryRefused, match="NO_SUCH"):
        client.allocation_candidates(unknown)
    nowhere = str(uuid.uuid4())
    assert client.provider_allocations(nowhere) == {}
    assert client.delete_provider(nowhere) is False
    client.set_disabled(nowhere, True)


def test_granular_groups_on_a_node(client, nodes):
    groups = {"": ResourceGroup(resources={"VCPU": 1}, required=frozenset({TRAIT}))}
    groups["_fast"] = ResourceGroup(resources={"MEMORY_MB": 64}, forbidden=frozenset({"HW_CPU_X86_AVX2"}))
    found = client.allocation_candidates(CandidateQuery(groups=groups, group_policy="none"))
    assert {uuid for choice in found.allocation_requests for uuid in choice.allocations} == {n.uuid for n in nodes}
    assert set(found.allocation_requests[0].mappings) == {"", "_fast"}


def test_the_scheduler_over_a_real_placement(conf, client, nodes, consumers):
    hosts = tuple(
        HostState(
            uuid=n.uuid, host=n.host, hypervisor_hostname=n.hypervisor_hostname, endpoint="e", cell="cell1",
            hypervisor_type="fake", hypervisor_version=1, traits=n.traits,
        )
        for n in nodes
    )  # fmt: skip

    class Reads:
        def inventory(self, ctx, *, known_version=None, changes=False):
            return None

    scheduler = SchedulerServer(conf, client, Reads(), take(HostStates(version="1", hosts=hosts)))
    flavor = Flavor(
        flavor_id="f", name="f", memory_mb=512, vcpus=1, root_gb=1, extra_specs={f"trait:{TRAIT}": "required"}
    )
    asked = SchedulingRequest(project_id=PROJECT, user_id=USER, instance_uuids=tuple(consumers), flavor=flavor)
    chosen = [selection.host for selection in scheduler.select(admin_context(), request=asked).selections]
    assert sorted(chosen.count(node.host) for node in nodes) == [4, 4]
    # Asked again, it touches nobody's claim: neither when the cloud is full, nor when there would be room.
    assert not scheduler.select(admin_context(), request=asked).selections
    client.delete_allocations(consumers[0])
    again = SchedulingRequest(project_id=PROJECT, user_id=USER, instance_uuids=(consumers[1],), flavor=flavor)
    with pytest.raises(errors.AlreadyClaimed):
        scheduler.select(admin_context(), request=again)
    one = SchedulingRequest(project_id=PROJECT, user_id=USER, instance_uuids=(consumers[0],), flavor=flavor)
    (selection,) = scheduler.select(admin_context(), request=one).selections
    # Told of an earlier claim it keeps it, in a cloud that is full; and nobody else can write for that server then.
    claim = client.get_allocations(consumers[0])
    resources = {provider: amounts.resources for provider, amounts in claim.allocations.items()}
    earlier = {consumers[0]: EarlierClaim(resources=resources, generation=claim.consumer_generation)}
    known = msgspec.structs.replace(one, earlier=earlier)
    assert scheduler.select(admin_context(), request=known).selections == (selection,)
    with pytest.raises(errors.AlreadyClaimed):
        scheduler.select(admin_context(), request=known)
    for node in nodes:
        assert sum(amounts["VCPU"] for amounts in client.provider_allocations(node.uuid).values()) == 4
    ninth = SchedulingRequest(project_id=PROJECT, user_id=USER, instance_uuids=(str(uuid.uuid4()),), flavor=flavor)
    assert not scheduler.select(admin_context(), request=ninth).selections


def test_the_scheduler_takes_away_what_it_has_just_written_and_nothing_else(client, nodes, consumers):
    """It knows the consumer's generation without asking: the first write of a claim makes it 1."""
    choice = single(nodes[0].uuid, {"VCPU": 1, "MEMORY_MB": 512})
    flavor = Flavor(flavor_id="f", name="f", memory_mb=512, vcpus=1, root_gb=0)
    asked = SchedulingRequest(project_id=PROJECT, user_id=USER, instance_uuids=(consumers[0],), flavor=flavor)
    state = HostState(
        uuid=nodes[0].uuid, host="h", hypervisor_hostname="h", endpoint="e", cell="cell1", hypervisor_type="fake",
        hypervisor_version=1,
    )  # fmt: skip
    mine = AssignedHost(consumers[0], state, choice)

    def commit_and_release(between):
        claims.commit(client, asked, [mine], by_host=False)
        between()
        claims.release(client, asked, [mine])
        return client.get_allocations(consumers[0])

    assert not commit_and_release(lambda: None).allocations
    left = commit_and_release(lambda: client.claim([Claim(consumers[0], choice, PROJECT, USER, generation=1)]))
    assert left.allocations
    assert left.consumer_generation == 2
    earlier = EarlierClaim(resources={nodes[0].uuid: choice.totals()}, generation=2)
    asked = msgspec.structs.replace(asked, earlier={consumers[0]: earlier})
    assert not commit_and_release(lambda: None).allocations


def test_wrong_credentials_and_no_service_are_unavailable(conf):
    wrong = cfg.ConfigOpts()
    options.register(wrong)
    wrong([f"--config-file={conf.config_file[0]}"], project="novalike")
    ServiceSession(wrong, "placement").load()
    wrong.set_override("password", "not this", group="placement")
    with pytest.raises(errors.Unavailable, match=r"refuses the credentials in \[placement\]") as refused:
        PlacementClient(wrong).ping()
    assert "not this" not in str(refused.value)
    wrong.set_override("endpoint_override", "http://127.0.0.1:9", group="placement")
    wrong.clear_override("password", group="placement")
    with pytest.raises(errors.Unavailable, match="placement can't be reached"):
        PlacementClient(wrong).ping()
