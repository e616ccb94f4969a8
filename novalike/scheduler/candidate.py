"""A host that Placement offers: one request's own working copy."""

from collections.abc import Container, Iterable, Mapping

from novalike.clients.allocation import Candidates, Choice, Summary, Use
from novalike.objects.host import HostState
from novalike.scheduler.snapshot import Snapshot

Taken = dict[str, dict[str, int]]
"""Provider → resource class → amount that is taken and that Placement's answer doesn't have yet."""

NOTHING: Mapping[str, int] = {}


def count(taken: Taken, choice: Choice) -> None:
    """Add one more choice to what is taken."""
    for provider, amounts in choice.allocations.items():
        sums = taken.setdefault(provider, {})
        for name, amount in amounts.resources.items():
            sums[name] = sums.get(name, 0) + amount


class Candidate:
    """A host, what is free on it, and the ways in which it can take a server.

    Free amounts are what Placement says now, less what is taken since; what Placement doesn't count is as in
    the snapshot. Memory in MiB, disk in GiB.

    :param summaries: Placement's, by provider; shared with other requests.
    :param taken: the request's own, for all of its hosts; counted up as servers are placed.
    """

    __slots__ = (
        "state", "summaries", "taken", "choices", "free_vcpus", "free_memory_mb", "free_disk_gb", "num_instances",
        "num_io_ops", "failed_builds", "hypervisor_version",
    )  # fmt: skip

    def __init__(self, state: HostState, summaries: Mapping[str, Summary], taken: Taken) -> None:
        self.state = state
        self.summaries = summaries
        self.taken = taken
        self.choices: list[Choice] = []
        self.num_instances = state.num_instances
        self.num_io_ops = state.num_io_ops
        self.failed_builds = state.failed_builds
        self.hypervisor_version = state.hypervisor_version
        self._count_free()

    def _count_free(self) -> None:
        state = self.state
        root = self.summaries.get(state.uuid)
        resources: dict[str, Use] = root.resources if root is not None else {}
        vcpu, memory, disk = resources.get("VCPU"), resources.get("MEMORY_MB"), resources.get("DISK_GB")
        self.free_vcpus: float = (
            vcpu.capacity - vcpu.used
            if vcpu is not None
            else state.vcpus_total * state.cpu_allocation_ratio - state.vcpus_used
        )
        self.free_memory_mb = memory.capacity - memory.used if memory is not None else state.free_memory_mb
        self.free_disk_gb = disk.capacity - disk.used if disk is not None else state.free_disk_gb
        taken = self.taken.get(state.uuid)
        if taken is not None:
            self.free_vcpus -= taken.get("VCPU", 0)
            self.free_memory_mb -= taken.get("MEMORY_MB", 0)
            self.free_disk_gb -= taken.get("DISK_GB", 0)

    def fitting(self) -> Choice | None:
        """The first way in which the host still has room for one more server."""
        for choice in self.choices:
            if self._fits(choice):
                return choice
        return None

    def _fits(self, choice: Choice) -> bool:
        for provider, amounts in choice.allocations.items():
            resources, taken = self.summaries[provider].resources, self.taken.get(provider, NOTHING)
            for name, amount in amounts.resources.items():
                use = resources[name]
                if use.used + taken.get(name, 0) + amount > use.capacity:
                    return False
        return True

    def take(self, choice: Choice) -> None:
        """Count one more server on the host."""
        count(self.taken, choice)
        self.num_instances += 1
        self.num_io_ops += 1
        self._count_free()


def list_candidates(found: Candidates, snapshot: Snapshot, taken: Taken) -> list[Candidate]:
    """Placement's answer, by host. Providers that the snapshot has no host for are left out."""
    summaries, by_uuid = found.provider_summaries, snapshot.by_uuid
    candidates: dict[str, Candidate] = {}
    for choice in found.allocation_requests:
        root = _root(choice.allocations, summaries, by_uuid)
        if root is None:
            continue
        candidate = candidates.get(root)
        if candidate is None:
            candidate = candidates[root] = Candidate(by_uuid[root], summaries, taken)
        candidate.choices.append(choice)
    return list(candidates.values())


def _root(providers: Iterable[str], summaries: Mapping[str, Summary], known: Container[str]) -> str | None:
    """The node that a choice is about: the root of its providers that is a node, not a shared storage pool."""
    for provider in providers:
        root = summaries[provider].root_provider_uuid
        if root in known:
            return root
    return None
