"""What a user is told of a host that Placement did not offer."""

from typing import Any

import pytest

from novalike.clients.placement_types import CandidateQuery, ResourceGroup
from novalike.objects.host import HostStates
from novalike.scheduler.diagnosis import explain_missing
from novalike.scheduler.rejections import Rejections
from novalike.scheduler.snapshot import EMPTY, take
from tests.unit.scheduler.cloud import candidate, state

ROOM = {
    "vcpus_total": 4, "vcpus_used": 2, "cpu_allocation_ratio": 2.0, "memory_mb_total": 4096, "free_memory_mb": 1024,
    "total_disk_gb": 100, "free_disk_gb": 20, "traits": ("COMPUTE_NODE",),
}  # fmt: skip


def why(amounts: dict[str, int], *, required: frozenset[str] = frozenset(), **facts: Any) -> str:
    query = CandidateQuery(groups={"": ResourceGroup(resources=amounts, required=required)})
    rejections = Rejections()
    explain_missing(take(HostStates(version="1", hosts=(state("h", **(ROOM | facts)),))), (), query, (), rejections)
    (rejection,) = rejections.all()
    assert (rejection.stage, rejection.hosts) == ("placement", ("h",))
    return rejection.reason


@pytest.mark.parametrize(
    ("amounts", "short"),
    [
        ({"VCPU": 5}, "VCPU 5"), ({"MEMORY_MB": 1025}, "MEMORY_MB 1025"), ({"DISK_GB": 21}, "DISK_GB 21"),
        ({"VCPU": 1, "MEMORY_MB": 2000, "DISK_GB": 90}, "DISK_GB 90, MEMORY_MB 2000"),
        ({"VCPU": 4, "MEMORY_MB": 1024, "DISK_GB": 21}, "DISK_GB 21"), ({"PGPU": 1, "DISK_GB": 21}, "DISK_GB 21"),
    ],
)  # fmt: skip
def test_what_there_is_not_enough_of(amounts: dict[str, int], short: str) -> None:
    assert why(amounts) == f"not enough is free of what is wanted ({short})"


def test_no_server_is_larger_than_its_host_whatever_the_ratio() -> None:
    """Placement takes no more of a resource for one consumer than there is (``max_unit``)."""
    assert "VCPU 5" in why({"VCPU": 5}, vcpus_used=0, cpu_allocation_ratio=16.0)
    assert "MEMORY_MB 5000" in why({"MEMORY_MB": 5000}, free_memory_mb=9000)
    assert "DISK_GB 101" in why({"DISK_GB": 101}, free_disk_gb=900)


def test_what_is_used_is_not_free() -> None:
    assert "VCPU 3" in why({"VCPU": 3}, vcpus_used=6)
    assert "it has no room" in why({"VCPU": 2}, vcpus_used=6)


def test_what_the_host_lacks() -> None:
    traits = frozenset({"CUSTOM_B", "CUSTOM_A", "COMPUTE_NODE"})
    assert why({"VCPU": 99}, required=traits) == "the host lacks CUSTOM_A, CUSTOM_B"
    # Who says nothing of its traits lacks nothing that we know of.
    assert "not enough" in why({"VCPU": 99}, required=traits, traits=())


def test_a_disabled_host_is_not_looked_at_further() -> None:
    assert why({"VCPU": 99}, disabled=True) == "the service is disabled"


def test_when_nothing_is_wrong_that_we_know_of() -> None:
    assert why({"VCPU": 1, "DISK_GB": 2}) == "it has no room for DISK_GB 2, VCPU 1"
    asked = why({"VCPU": 1}, required=frozenset({"COMPUTE_NODE"}))
    assert asked == "it has no room for VCPU 1 with COMPUTE_NODE"


def test_restrictions_come_first_and_offered_hosts_are_not_explained() -> None:
    query, rejections = CandidateQuery(groups={"": ResourceGroup(resources={"VCPU": 99})}), Rejections()
    snapshot = take(HostStates(version="1", hosts=tuple(state(name, **ROOM) for name in ("a", "b", "host"))))
    zone = ("zone", lambda host: "elsewhere" if host.state.host == "a" else None)
    explain_missing(snapshot, (candidate(),), query, (zone,), rejections)
    assert [(r.stage, r.hosts) for r in rejections.all()] == [("zone", ("a",)), ("placement", ("b",))]


def test_no_host_at_all() -> None:
    rejections = Rejections()
    explain_missing(EMPTY, (), CandidateQuery(groups={}), (), rejections)
    assert [(r.stage, r.hosts) for r in rejections.all()] == [("placement", ())]
