"""Why Placement did not offer a host: it doesn't say, so we look at what we know of the host."""

from collections.abc import Iterable, Sequence

from novalike.clients.placement_types import CandidateQuery
from novalike.objects.host import HostState
from novalike.scheduler.candidate import Candidate, new_candidate
from novalike.scheduler.filters.base import Check
from novalike.scheduler.rejections import Rejections
from novalike.scheduler.snapshot import Snapshot

STAGE = "placement"


def explain_missing(
    snapshot: Snapshot,
    offered: Iterable[Candidate],
    query: CandidateQuery,
    request_filters: Sequence[tuple[str, Check]],
    rejections: Rejections,
) -> None:
    """Count every host of the snapshot that Placement did not offer, with the likeliest reason."""
    if not snapshot.by_uuid:
        rejections.add(STAGE, "no compute host is known")
    seen = {candidate.state.uuid for candidate in offered}
    amounts = query.totals()
    traits = {trait for group in query.groups.values() for trait in group.required} | query.root_required
    for state in snapshot.by_uuid.values():
        if state.uuid in seen:
            continue
        left_out = next(
            ((stage, why) for stage, check in request_filters if (why := check(new_candidate(state, {}, {})))), None
        )
        stage, why = left_out or (STAGE, _likeliest(state, amounts, traits))
        rejections.add(stage, why, state.host)


def _likeliest(state: HostState, amounts: dict[str, int], traits: set[str]) -> str:
    if state.disabled:
        return "the service is disabled"
    if state.traits and (lacking := sorted(traits.difference(state.traits))):
        return f"the host lacks {', '.join(lacking)}"
    free = {
        "VCPU": min(state.vcpus_total, int(state.vcpus_total * state.cpu_allocation_ratio) - state.vcpus_used),
        "MEMORY_MB": min(state.memory_mb_total, state.free_memory_mb),
        "DISK_GB": min(state.total_disk_gb, state.free_disk_gb),
    }
    short = [f"{name} {amount}" for name, amount in sorted(amounts.items()) if amount > free.get(name, amount)]
    if short:
        return f"not enough is free of what is wanted ({', '.join(short)})"
    wanted = ", ".join(f"{name} {amount}" for name, amount in sorted(amounts.items()))
    return f"it has no room for {wanted}" + (f" with {', '.join(sorted(traits))}" if traits else "")
