"""From Placement's candidates to a plan: request filters, filters, weighers, a host for each server. No I/O.

    candidates → list_candidates → request_filters → filters → Normalizer (weighers) → HostAssignment → Plan
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from oslo_config import cfg

from novalike.clients.placement_types import Amounts, CandidateQuery, Candidates, Choice, Summary
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler import diagnosis
from novalike.scheduler.candidate import Candidate, Taken, list_candidates, new_candidate
from novalike.scheduler.filters.base import Check, Filter
from novalike.scheduler.host_assignment import STAGE, AssignedHost, HostAssignment
from novalike.scheduler.rejections import Rejections
from novalike.scheduler.request_filters import list_request_filters
from novalike.scheduler.snapshot import Snapshot
from novalike.scheduler.weighers.base import Weigher
from novalike.scheduler.weighers.normalize import Normalizer

NO_SUMMARIES: Mapping[str, Summary] = {}


class Plan(NamedTuple):
    """Hosts for servers.

    :param missing: servers for which there is no host.
    :param rejections: why hosts were not taken; complete only when some server is missing.
    """

    assignments: list[AssignedHost]
    missing: int
    rejections: Rejections


class Pipeline:
    """The filters and weighers of a configuration."""

    def __init__(
        self, conf: cfg.ConfigOpts, filters: Sequence[tuple[str, Filter]], weighers: Sequence[Weigher]
    ) -> None:
        self._conf = conf
        self._filters = filters
        self._weighers = weighers

    def plan(
        self,
        request: SchedulingRequest,
        servers: Sequence[str],
        snapshot: Snapshot,
        query: CandidateQuery,
        found: Candidates,
        taken: Taken,
        already: Mapping[str, int],
    ) -> Plan:
        """Hosts for these of the request's servers.

        :param found: Placement's answer.
        :param taken: what others have taken since; counted up.
        :param already: host → other servers of the request that have claims there.
        """
        placed = dict(already)
        rejections = Rejections()
        request_filters = list_request_filters(self._conf, request, snapshot, query)
        checks, rechecks = self._checks(request, placed)
        offered = list_candidates(found, snapshot, taken)
        passed = _sift(offered, [*request_filters, *checks, *rechecks], rejections)
        options = self._conf.filter_scheduler
        normalizer = Normalizer(self._conf, self._weighers, passed, snapshot.multipliers)
        shuffle = options.shuffle_best_same_weighed_hosts
        hosts = HostAssignment(passed, normalizer, options.host_subset_size, shuffle)
        assignments = hosts.assign(servers, rechecks, placed, rejections)
        missing = len(servers) - len(assignments)
        if missing:
            diagnosis.explain_missing(snapshot, offered, query, request_filters, rejections)
            if assignments:
                rejections.add(STAGE, f"there is room for {len(assignments)} of {len(servers)} servers")
        return Plan(assignments, missing, rejections)

    def keep(self, request: SchedulingRequest, snapshot: Snapshot, query: CandidateQuery) -> list[AssignedHost]:
        """The servers whose earlier claim will still do, where it is.

        Their room is taken, by themselves, so Placement's answer may not have their hosts at all.
        """
        if not request.earlier:
            return []
        placed: dict[str, int] = {}
        once, again = self._checks(request, placed)
        checks = [*list_request_filters(self._conf, request, snapshot, query), *once, *again]
        kept = []
        for server, claim in request.earlier.items():
            choice = Choice({provider: Amounts(amounts) for provider, amounts in claim.resources.items()})
            state = next((snapshot.by_uuid[uuid] for uuid in choice.allocations if uuid in snapshot.by_uuid), None)
            if state is None or choice.totals() != query.totals():
                continue
            host = new_candidate(state, NO_SUMMARIES, {})
            if all(check(host) is None for _, check in checks):
                placed[state.host] = placed.get(state.host, 0) + 1
                kept.append(AssignedHost(server, state, choice))
        return kept

    def _checks(
        self, request: SchedulingRequest, placed: Mapping[str, int]
    ) -> tuple[list[tuple[str, Check]], list[tuple[str, Check]]]:
        """The filters' checks: those made once, and those made again before every server."""
        once: list[tuple[str, Check]] = []
        again: list[tuple[str, Check]] = []
        if not request.force_host:
            for name, filter_ in self._filters:
                check = filter_.for_request(request, placed)
                if check is not None:
                    (again if filter_.follows_placement else once).append((name, check))
        return once, again


def _sift(hosts: list[Candidate], checks: Sequence[tuple[str, Check]], rejections: Rejections) -> list[Candidate]:
    """The hosts that pass all checks, stage by stage."""
    for stage, check in checks:
        passed: list[Candidate] = []
        for host in hosts:
            reason = check(host)
            if reason is None:
                passed.append(host)
            else:
                rejections.add(stage, reason, host.state.host)
        hosts = passed
    return hosts
