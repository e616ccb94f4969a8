"""A host that Placement offers: one request's own working copy."""

from collections.abc import Mapping

import msgspec

from novalike.clients.placement_types import Candidates, Choice, Summary, Use
from novalike.objects.host import HostState
from novalike.scheduler.snapshot import Snapshot

Taken = dict[str, dict[str, int]]
"""Provider → resource class → amount that is taken and that Placement's answer doesn't have yet."""

NOTHING: Mapping[str, int] = {}
NO_RESOURCES: Mapping[str, Use] = {}


def count(taken: Taken, choice: Choice) -> None:
    """Add one more choice to what is taken."""
    for provider, amounts in choice.allocations.items():
        sums = taken.setdefault(provider, {})
        for name, amount in amounts.resources.items():
            sums[name] = sums.get(name, 0) + amount


class Candidate(msgspec.Struct, gc=False, eq=False):
    """A host, what is free on it, and the ways in which it can take a server.

    Free amounts are what Placement says now, less what is taken since; what Placement doesn't count is as in
    the snapshot. Memory in MiB, disk in GiB. There may be ten thousand per request: they are none of the garbage
    collector's business, and must refer to nothing that refers to them.

    :param summaries: Placement's, by provider; shared with other requests.
    :param taken: the request's own, for all of its hosts; counted up as servers are placed.
    :param choice: the first way; most hosts have no other.
    """

    state: HostState
    summaries: Mapping[str, Summary]
    taken: Taken
    choice: Choice | None
    free_vcpus: float
    free_memory_mb: float
    free_disk_gb: float
    num_instances: int
    num_io_ops: int
    other_choices: tuple[Choice, ...] = ()

    def fitting(self) -> Choice | None:
        """The first way in which the host still has room for one more server."""
        if self.choice is None or self._fits(self.choice):
            return self.choice
        return next(filter(self._fits, self.other_choices), None)

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
        now = new_candidate(self.state, self.summaries, self.taken)
        self.free_vcpus, self.free_memory_mb, self.free_disk_gb = now.free_vcpus, now.free_memory_mb, now.free_disk_gb


def new_candidate(
    state: HostState, summaries: Mapping[str, Summary], taken: Taken, choice: Choice | None = None
) -> Candidate:
    """A host as one request begins with it."""
    uuid = state.uuid
    root = summaries.get(uuid)
    find = NO_RESOURCES.get if root is None else root.resources.get
    vcpu, memory, disk = find("VCPU"), find("MEMORY_MB"), find("DISK_GB")
    free_vcpus: float = (
        vcpu.capacity - vcpu.used
        if vcpu is not None
        else state.vcpus_total * state.cpu_allocation_ratio - state.vcpus_used
    )
    free_memory = memory.capacity - memory.used if memory is not None else state.free_memory_mb
    free_disk = disk.capacity - disk.used if disk is not None else state.free_disk_gb
    if taken and (gone := taken.get(uuid)):
        free_vcpus -= gone.get("VCPU", 0)
        free_memory -= gone.get("MEMORY_MB", 0)
        free_disk -= gone.get("DISK_GB", 0)
    return Candidate(
        state, summaries, taken, choice, free_vcpus, free_memory, free_disk, state.num_instances, state.num_io_ops
    )


def list_candidates(found: Candidates, snapshot: Snapshot, taken: Taken) -> list[Candidate]:
    """Placement's answer, by host. Providers that the snapshot has no host for are left out."""
    summaries, by_uuid = found.provider_summaries, snapshot.by_uuid
    candidates: dict[str, Candidate] = {}
    find_state, find_candidate = by_uuid.get, candidates.get
    for choice in found.allocation_requests:
        for provider in choice.allocations:
            root = summaries[provider].root_provider_uuid
            if (state := find_state(root)) is not None:
                if (known := find_candidate(root)) is None:
                    candidates[root] = new_candidate(state, summaries, taken, choice)
                else:
                    known.other_choices += (choice,)
                break
        # Otherwise no provider is a node: a shared storage pool, or a node that is too new.
    return list(candidates.values())
