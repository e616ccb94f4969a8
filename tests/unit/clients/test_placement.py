"""The Placement client: what is sent, what is repeated, what is left alone.

How Placement itself behaves is in ``tests/integration/test_placement_client.py``.
"""

import json

import pytest

from novalike.clients import placement_provider
from novalike.clients.placement import PlacementClient, PlacementError
from novalike.clients.placement_types import CandidateQuery, Claim, ClaimConflict, QueryRefused, ResourceGroup, single
from novalike.objects import errors
from tests.fakes.http import FakeSession, answer
from tests.unit.scheduler.cloud import report

NODE = report("node", traits=("COMPUTE_NODE", "CUSTOM_OURS"))
PATH = f"/resource_providers/{NODE.uuid}"


def refusal(status, detail="no", code="placement.undefined_code"):
    return answer(status, {"errors": [{"status": status, "detail": f"{detail}\n\n  ", "code": code}]})


class Placement:
    """Answers by (method, path); a list is answered one after the other. Providers have generation 7."""

    def __init__(self, **answers):
        self.answers = {
            ("GET", "/resource_providers"): {"resource_providers": [{"uuid": NODE.uuid, "name": "node"}]},
            ("GET", f"{PATH}/inventories"): {"inventories": {}, "resource_provider_generation": 7},
            ("GET", f"{PATH}/traits"): {"traits": [], "resource_provider_generation": 8},
            ("PUT", f"{PATH}/inventories"): {},
            ("PUT", f"{PATH}/traits"): {},
            ("PUT", "/traits/CUSTOM_OURS"): answer(201),
        }
        self.session = FakeSession(self.respond)
        self.client = PlacementClient(None, self.session)

    def respond(self, asked):
        found = self.answers[asked.method, asked.path.partition("?")[0]]
        if isinstance(found, list):
            found = found.pop(0)
        return answer(200, found) if isinstance(found, dict) else found

    def sent(self, method):
        return [(asked.path, asked.json) for asked in self.session.asked if asked.method == method]


def test_a_new_provider_gets_inventory_and_traits():
    placement = Placement()
    placement.answers["GET", "/resource_providers"] = {"resource_providers": []}
    placement.answers["POST", "/resource_providers"] = {}
    assert placement.client.ensure_provider(NODE) is True
    assert placement.sent("POST") == [("/resource_providers", {"uuid": NODE.uuid, "name": "node"})]
    by_path = dict(placement.sent("PUT"))
    written = by_path[f"{PATH}/inventories"]
    assert written["resource_provider_generation"] == 7
    assert written["inventories"]["MEMORY_MB"] == {
        "total": 8704, "reserved": 512, "min_unit": 1, "max_unit": 8704, "step_size": 1, "allocation_ratio": 1.0,
    }  # fmt: skip
    assert by_path[f"{PATH}/traits"] == {"traits": ["COMPUTE_NODE", "CUSTOM_OURS"], "resource_provider_generation": 8}
    assert "/traits/CUSTOM_OURS" in by_path
    assert {asked.headers["OpenStack-API-Version"] for asked in placement.session.asked} == {"placement 1.39"}


def test_a_renamed_node_keeps_its_provider():
    placement = Placement()
    placement.answers["PUT", PATH] = {}
    placement.client.ensure_provider(report("node", hypervisor_hostname="new"))
    assert dict(placement.sent("PUT"))[PATH] == {"name": "new"}


@pytest.mark.parametrize("more", [{}, {"reserved_host_disk_mb": 1025, "memory_mb": 256}, {"local_gb": 0}])
def test_what_is_written_of_cpus_memory_and_disk(more):
    """To the byte what was written when nodes reported nothing else."""
    placement = Placement()
    node = report("node", cpu_allocation_ratio=16.0, **more)
    placement.client.ensure_provider(node)
    amounts = {
        "VCPU": (node.vcpus, node.reserved_host_cpus, node.cpu_allocation_ratio),
        "MEMORY_MB": (node.memory_mb, node.reserved_host_memory_mb, node.ram_allocation_ratio),
        "DISK_GB": (node.local_gb, -(-node.reserved_host_disk_mb // 1024), node.disk_allocation_ratio),
    }
    wanted = {
        name: {
            "total": total, "reserved": min(reserved, total), "min_unit": 1, "max_unit": total, "step_size": 1,
            "allocation_ratio": ratio,
        }
        for name, (total, reserved, ratio) in amounts.items() if total
    }  # fmt: skip
    written = dict(placement.sent("PUT"))[f"{PATH}/inventories"]
    assert json.dumps(written) == json.dumps({"inventories": wanted, "resource_provider_generation": 7})


def test_what_is_there_already_is_not_written():
    placement = Placement()
    placement.answers["GET", f"{PATH}/inventories"] = {
        "inventories": placement_provider.node_inventories(NODE, {}), "resource_provider_generation": 7,
    }  # fmt: skip
    placement.answers["GET", f"{PATH}/traits"] = {"traits": list(NODE.traits), "resource_provider_generation": 7}
    placement.client.ensure_provider(NODE)
    assert placement.sent("PUT") == []


def test_the_same_report_is_not_told_twice_until_something_changes():
    placement = Placement()
    assert placement.client.ensure_provider(NODE) is True
    asked = len(placement.session.asked)
    assert placement.client.ensure_provider(NODE) is False
    assert len(placement.session.asked) == asked
    assert placement.client.ensure_provider(report("node", vcpus=8)) is True


def test_a_moved_generation_is_read_again():
    placement = Placement()
    moved = refusal(409, code="placement.concurrent_update")
    placement.answers["PUT", f"{PATH}/inventories"] = [moved, moved, answer(200, {})]
    placement.client.ensure_provider(NODE)
    assert [path for path, _ in placement.sent("GET")].count(f"{PATH}/inventories") == 3


def test_a_generation_that_always_moves_is_given_up():
    placement = Placement()
    placement.answers["PUT", f"{PATH}/traits"] = refusal(409, code="placement.concurrent_update")
    with pytest.raises(errors.Unavailable, match="keep changing"):
        placement.client.ensure_provider(NODE)


def test_an_inventory_in_use_is_a_conflict():
    placement = Placement()
    placement.answers["PUT", f"{PATH}/inventories"] = refusal(409, "in use", "placement.inventory.inuse")
    with pytest.raises(errors.Conflict, match="in use"):
        placement.client.ensure_provider(NODE)


def test_two_processes_may_register_a_node_at_a_time():
    placement = Placement()
    placement.answers["GET", "/resource_providers"] = {"resource_providers": []}
    placement.answers["GET", PATH] = answer(200, {"name": "node"})
    placement.answers["POST", "/resource_providers"] = refusal(409)
    assert placement.client.ensure_provider(NODE) is True


def test_inventories_and_traits_of_others_stay():
    existing = {"CUSTOM_GPU": {"total": 1}, "VCPU": {"total": 99}}
    wanted = placement_provider.node_inventories(report("node", local_gb=0, reserved_host_disk_mb=1), existing)
    assert set(wanted) == {"CUSTOM_GPU", "VCPU", "MEMORY_MB"}
    assert wanted["VCPU"]["total"] == 4
    rounded = placement_provider.node_inventories(report("node", reserved_host_disk_mb=1025), {})
    assert rounded["DISK_GB"]["reserved"] == 2
    had = frozenset({"CUSTOM_OPERATORS", "COMPUTE_OLD", "HW_OLD", "COMPUTE_STATUS_DISABLED"})
    kept = {"CUSTOM_OPERATORS", "CUSTOM_OURS", "COMPUTE_NODE"}
    assert placement_provider.wanted_traits(NODE.traits, had, None) == kept | {"COMPUTE_STATUS_DISABLED"}
    assert placement_provider.wanted_traits(NODE.traits, had, False) == kept
    assert placement_provider.wanted_traits(NODE.traits, frozenset(), True) >= {"COMPUTE_STATUS_DISABLED"}


def test_the_query_string():
    query = CandidateQuery(
        groups={
            "": ResourceGroup(
                resources={"VCPU": 1, "DISK_GB": 2}, required=frozenset({"B", "A"}), forbidden=frozenset({"C"})
            ),
            "_x": ResourceGroup(resources={"VGPU": 1}),
        },
        root_forbidden=frozenset({"D"}),
        group_policy="none",
        in_tree="u",
        limit=5,
    )
    assert query.to_url() == (
        "resources=DISK_GB:2,VCPU:1&required=A,B,!C&resources_x=VGPU:1&root_required=!D"
        "&group_policy=none&in_tree=u&limit=5"
    )
    assert query.totals() == {"DISK_GB": 2, "VCPU": 1, "VGPU": 1}


@pytest.mark.parametrize(
    ("status", "detail", "code", "kind"),
    [
        (409, "Unable to allocate inventory", "placement.undefined_code", "capacity"),
        (409, "changed while attempting", "placement.concurrent_update", "capacity"),
        (409, "consumer generation conflict - expected 1", "placement.concurrent_update", "consumer"),
        (400, "does not exist", "placement.undefined_code", "provider"),
    ],
)
def test_refused_claims(status, detail, code, kind):
    placement = Placement()
    placement.answers["POST", "/allocations"] = [refusal(status, detail, code) for _ in range(2)]
    with pytest.raises(ClaimConflict) as refused:
        placement.client.claim([Claim("c", single("p", {"VCPU": 1}), "project", "user")])
    assert refused.value.fields == {"kind": kind, "reason": detail}
    assert placement.sent("POST")[0][1] == {
        "c": {
            "allocations": {"p": {"resources": {"VCPU": 1}}},
            "mappings": {"": ["p"]},
            "project_id": "project",
            "user_id": "user",
            "consumer_generation": None,
            "consumer_type": "INSTANCE",
        }
    }


def test_a_consumer_that_placement_made_and_died_over():
    """It has nothing, and refuses every claim that says that it is new."""
    placement = Placement()
    taken = refusal(409, "consumer generation conflict - expected 0 but got None", "placement.concurrent_update")
    absent = refusal(409, "consumer generation conflict - expected null but got 0", "placement.concurrent_update")
    placement.answers["POST", "/allocations"] = [taken, absent, answer(204), answer(204)]
    placement.answers["DELETE", "/allocations/orphan"] = answer(204)
    claims = [Claim(each, single("p", {"VCPU": 1}), "project", "user") for each in ("sound", "orphan")]
    placement.client.claim(claims)
    sent = [{name: claim["consumer_generation"] for name, claim in body.items()} for _, body in placement.sent("POST")]
    both = {"sound": None, "orphan": None}
    assert sent == [both, {"sound": 0}, {"orphan": 0}, both]
    assert placement.sent("DELETE") == [("/allocations/orphan", None)]


def test_a_claim_that_is_there_stays():
    placement = Placement()
    taken = refusal(409, "consumer generation conflict - expected 1 but got None", "placement.concurrent_update")
    placement.answers["POST", "/allocations"] = [taken, taken]
    with pytest.raises(ClaimConflict):
        placement.client.claim([Claim("c", single("p", {"VCPU": 1}), "project", "user")])
    assert not placement.sent("DELETE")


def test_answers_that_nobody_expects():
    placement = Placement()
    query = CandidateQuery(groups={"": ResourceGroup(resources={"VCPU": 1})})
    for found, error in ((refusal(400, "bad trait"), QueryRefused), (answer(500, b"<html>"), PlacementError)):
        placement.answers["GET", "/allocation_candidates"] = found
        with pytest.raises(error):
            placement.client.allocation_candidates(query)
    placement.answers["DELETE", PATH] = refusal(409, "has allocations")
    with pytest.raises(errors.Conflict, match="has allocations"):
        placement.client.delete_provider(NODE.uuid)


def test_roots_of_trees():
    placement = Placement()
    listed = [{"uuid": "node", "root_provider_uuid": "node"}, {"uuid": "numa", "root_provider_uuid": "node"}]
    placement.answers["GET", "/resource_providers"] = {"resource_providers": listed}
    assert placement.client.provider_roots() == {"node": "node", "numa": "node"}
