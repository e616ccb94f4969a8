"""Hosts that a request itself, or a rule about its project, leaves out. Forced requests keep to these as well."""

from oslo_config import cfg

from novalike.clients.placement_types import CandidateQuery
from novalike.objects.host import AggregateFacts, HostState
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check
from novalike.scheduler.filters.metadata import per_aggregates
from novalike.scheduler.snapshot import Snapshot

TENANT_PREFIX = "filter_tenant_id"
TRAIT_PREFIX = "trait:"


def asked_nodes(request: SchedulingRequest, snapshot: Snapshot) -> list[HostState] | None:
    """The nodes that the request names, which may be none at all; None when it names none."""
    if not request.host and not request.node:
        return None
    states = snapshot.by_host.get(request.host, ()) if request.host else snapshot.by_uuid.values()
    return [state for state in states if not request.node or state.hypervisor_hostname == request.node]


def list_request_filters(
    conf: cfg.ConfigOpts, request: SchedulingRequest, snapshot: Snapshot, query: CandidateQuery
) -> list[tuple[str, Check]]:
    """Checks with the names of their stages."""
    found: list[tuple[str, Check | None]] = [
        ("requested host", _host(request)),
        ("retry", _excluded(request)),
        ("availability zone", _zone(request)),
    ]
    if conf.scheduler.limit_tenants_to_placement_aggregate:
        required = conf.scheduler.placement_aggregate_required_for_tenants
        found.append(("project's aggregates", _tenant(request, snapshot, required)))
    if conf.scheduler.enable_isolated_aggregate_filtering:
        found.append(("isolated aggregates", _isolated(snapshot, query)))
    return [(stage, check) for stage, check in found if check is not None]


def _host(request: SchedulingRequest) -> Check | None:
    host, node = request.host, request.node
    if not host and not node:
        return None
    wanted = " node ".join(filter(None, (host or "", node or "")))

    def check(candidate: Candidate) -> str | None:
        state = candidate.state
        if (host and state.host != host) or (node and state.hypervisor_hostname != node):
            return f"{wanted} was asked for"
        return None

    return check


def _excluded(request: SchedulingRequest) -> Check | None:
    excluded = frozenset(request.excluded_hosts)
    if not excluded:
        return None
    return lambda candidate: "an earlier try failed there" if candidate.state.host in excluded else None


def _zone(request: SchedulingRequest) -> Check | None:
    zone = request.availability_zone
    if not zone:
        return None
    return lambda candidate: None if candidate.state.zone == zone else f"it is not in zone {zone}"


def _tenant(request: SchedulingRequest, snapshot: Snapshot, required: bool) -> Check | None:
    own = frozenset(
        aggregate.id
        for aggregate in snapshot.aggregates
        for key, value in aggregate.metadata.items()
        if key.startswith(TENANT_PREFIX) and value == request.project_id
    )
    if not own and not required:
        return None
    return _members_only(own, "it is in no aggregate of the project")


def _members_only(aggregates: frozenset[int], reason: str) -> Check:
    return per_aggregates(lambda state: None if any(a.id in aggregates for a in state.aggregates) else reason)


def _isolated(snapshot: Snapshot, query: CandidateQuery) -> Check | None:
    required = {trait for group in query.groups.values() for trait in group.required} | query.root_required
    closed = frozenset(a.id for a in snapshot.aggregates if _traits(a) - required)
    if not closed:
        return None

    def judge(state: HostState) -> str | None:
        for aggregate in state.aggregates:
            if aggregate.id in closed:
                return f"aggregate {aggregate.name} is for servers that require its traits"
        return None

    return per_aggregates(judge)


def _traits(aggregate: AggregateFacts) -> set[str]:
    return {
        key.removeprefix(TRAIT_PREFIX)
        for key, value in aggregate.metadata.items()
        if key.startswith(TRAIT_PREFIX) and value == "required"
    }
