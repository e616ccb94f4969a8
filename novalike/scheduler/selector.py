"""One request from question to answer: ask Placement, plan, claim; and again when others were faster."""

import logging
from collections import Counter

import msgspec
from oslo_config import cfg

from novalike.clients.placement import PlacementClient
from novalike.clients.placement_types import CandidateQuery, QueryRefused
from novalike.objects import errors
from novalike.objects.scheduling import Rejection, SchedulingRequest, Selection, Selections
from novalike.scheduler import claims
from novalike.scheduler.candidate_cache import CandidateCache
from novalike.scheduler.claims_in_flight import ClaimsInFlight
from novalike.scheduler.host_assignment import AssignedHost
from novalike.scheduler.pipeline import Pipeline, Plan
from novalike.scheduler.request_filters import asked_nodes
from novalike.scheduler.resources import UnusableExtraSpec, build_query
from novalike.scheduler.snapshot import Snapshot
from novalike.scheduler.snapshot_cache import SnapshotCache

LOG = logging.getLogger(__name__)

ATTEMPTS = 4
WHOLE_WRITES = 2


class Selector:
    """Chooses and claims hosts. Safe for threads."""

    def __init__(
        self, conf: cfg.ConfigOpts, placement: PlacementClient, snapshot_cache: SnapshotCache, pipeline: Pipeline
    ) -> None:
        self._conf = conf
        self._placement = placement
        self._snapshot_cache = snapshot_cache
        self._pipeline = pipeline
        self._in_flight = ClaimsInFlight()
        self._candidate_cache = CandidateCache(placement, self._in_flight, conf.scheduler.candidates_max_age)

    def select(self, request: SchedulingRequest) -> Selections:
        """A claimed host for every server of the request, or none and why.

        :raises Unavailable: Placement, or at first the conductor, can't be reached.
        """
        snapshot = self._snapshot_cache.current()
        answer = self._try(request, snapshot)
        if not answer.selections and self._newer(snapshot):
            # The snapshot may just be too old to know a host that Placement knows.
            answer = self._try(request, self._snapshot_cache.current())
        if not answer.selections:
            _log_failure(request, answer)
        return answer

    def _newer(self, snapshot: Snapshot) -> bool:
        try:
            return self._snapshot_cache.refresh() or self._snapshot_cache.current() is not snapshot
        except errors.Unavailable:
            return False

    def _try(self, request: SchedulingRequest, snapshot: Snapshot) -> Selections:
        nodes = asked_nodes(request, snapshot)
        if nodes is not None and not nodes:
            wanted = f"host: {request.host or 'any'}, node: {request.node or 'any'}"
            return _refused("requested host", f"there is no such host ({wanted})")
        in_tree = nodes[0].uuid if nodes is not None and len(nodes) == 1 else None
        limit = max(self._conf.scheduler.max_placement_results, len(request.instance_uuids))
        try:
            query = build_query(self._conf, request, in_tree, limit)
            return self._claim_all(request, snapshot, query)
        except UnusableExtraSpec as error:
            return _refused("flavor", str(error))
        except QueryRefused as error:
            return _refused("placement", str(error))

    def _claim_all(self, request: SchedulingRequest, snapshot: Snapshot, query: CandidateQuery) -> Selections:
        kept = self._pipeline.keep(request, snapshot, query)
        kept = claims.commit(self._placement, request, kept, by_host=True) if kept else []
        won = {assignment.instance_uuid: assignment for assignment in kept}
        old = bool(kept)
        if len(won) == len(request.instance_uuids):
            return _selected(request, won, old)
        try:
            for attempt in range(ATTEMPTS):
                pending = [uuid for uuid in request.instance_uuids if uuid not in won]
                already = Counter(assignment.state.host for assignment in won.values())
                # A claim that was lost: the answer was too old.
                plan, entry, new = self._plan(request, pending, snapshot, query, already, anew=attempt > 0)
                old = old or not new
                if entry is None:
                    claims.release(self._placement, request, won.values())
                    return Selections(rejections=plan.rejections.all())
                claimed = False
                try:
                    got = claims.commit(self._placement, request, plan.assignments, attempt >= WHOLE_WRITES)
                    claimed = bool(got)
                finally:
                    self._in_flight.settle(entry, claimed)
                won.update({assignment.instance_uuid: assignment for assignment in got})
                if len(won) == len(request.instance_uuids):
                    return _selected(request, won, old)
        except errors.NovalikeError:
            # A write that got no answer may have been done: whoever asks again keeps or overwrites such claims.
            claims.release(self._placement, request, won.values())
            raise
        claims.release(self._placement, request, won.values())
        return _refused("claim", f"other requests were faster {ATTEMPTS} times")

    def _plan(
        self,
        request: SchedulingRequest,
        servers: list[str],
        snapshot: Snapshot,
        query: CandidateQuery,
        already: Counter[str],
        *,
        anew: bool,
    ) -> tuple[Plan, int | None, bool]:
        """A plan, its entry in the in_flight when it is complete, and whether Placement was asked for it.

        What others are claiming at the moment may fail, and may be counted twice; so before we say that there
        is no room, we look again at what Placement says alone, and at all that it has.

        :param anew: an answer of Placement from before won't do.
        """
        for counting in (True, False):
            reader = self._in_flight.begin()
            try:
                (found, began), new = self._candidate_cache.ask(query, anew=anew or not counting)
                with self._in_flight.lock:
                    taken = self._in_flight.taken_since(began) if counting else {}
                    counted = bool(taken) or not new
                    plan = self._pipeline.plan(request, servers, snapshot, query, found, taken, already)
                    if not plan.missing:
                        return plan, self._in_flight.enter(a.choice for a in plan.assignments), new
            finally:
                self._in_flight.end(reader)
            truncated = query.limit is not None and len(found.allocation_requests) >= query.limit
            if not counted and not truncated:
                break
            if truncated:
                query = msgspec.structs.replace(query, limit=None)
        return plan, None, new


def _selected(request: SchedulingRequest, won: dict[str, AssignedHost], old: bool) -> Selections:
    selections = tuple(_selection(won[uuid]) for uuid in request.instance_uuids)
    return Selections(selections=selections, on_old_candidates=old)


def _selection(assignment: AssignedHost) -> Selection:
    state = assignment.state
    return Selection(
        instance_uuid=assignment.instance_uuid,
        host=state.host,
        node=state.hypervisor_hostname,
        node_uuid=state.uuid,
        endpoint=state.endpoint,
        cell=state.cell,
        zone=state.zone,
    )


def _refused(stage: str, reason: str) -> Selections:
    return Selections(rejections=(Rejection(stage=stage, reason=reason),))


def _log_failure(request: SchedulingRequest, answer: Selections) -> None:
    counts: Counter[str] = Counter()
    for rejection in answer.rejections:
        counts[rejection.stage] += len(rejection.hosts)
    LOG.info(
        "No host for %s server(s) of flavor %s (first: %s). Hosts by stage: %s. %s",
        len(request.instance_uuids),
        request.flavor.flavor_id,
        request.instance_uuids[0] if request.instance_uuids else None,
        ", ".join(f"{stage} {count}" for stage, count in counts.items()),
        "; ".join(f"{r.stage}: {r.reason}" for r in answer.rejections),
    )
