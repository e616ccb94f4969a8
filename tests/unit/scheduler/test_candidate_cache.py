"""An answer of Placement is used again for a moment, and never to the harm of a request."""

import threading
import time
from collections import Counter
from queue import Queue

import pytest

from novalike.clients.placement_types import CandidateQuery, Candidates
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate_cache import AT_A_TIME, CandidateCache
from novalike.scheduler.claims_in_flight import ClaimsInFlight
from novalike.scheduler.resources import build_query
from tests.unit.scheduler.cloud import Cloud, flavor, request, server_uuids


def asked(cloud: Cloud) -> int:
    return cloud.placement.requests["allocation_candidates"]


def one(uuid: str) -> SchedulingRequest:
    return request(instance_uuids=(uuid,))


def test_requests_that_ask_the_same_share_an_answer_and_spread_all_the_same() -> None:
    cloud = Cloud(4)
    chosen = Counter(cloud.hosts_of(one(uuid))[0] for uuid in server_uuids(12))
    assert asked(cloud) == 1
    assert set(chosen.values()) == {3}


def test_an_answer_grows_old(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("novalike.scheduler.candidate_cache.time.monotonic", lambda: now[0])
    cloud = Cloud(4)
    for uuid, moment, questions in zip(server_uuids(3), (0.0, 0.9, 1.1), (1, 1, 2), strict=True):
        now[0] = 1000.0 + moment
        assert cloud.hosts_of(one(uuid))
        assert asked(cloud) == questions


def test_nothing_is_refused_on_an_old_answer() -> None:
    cloud = Cloud(1)
    first = next(iter(server_uuids(1)))
    while cloud.hosts_of(one(first)):  # until the host is full, all on one answer
        full, first = first, first + "x"
    cloud.placement.delete_allocations(full)
    assert cloud.hosts_of(one("late")) == ["host0"]


def test_what_others_took_since_shows_at_the_claim() -> None:
    cloud, uuids = Cloud(2), iter(server_uuids(100))
    assert cloud.hosts_of(one(next(uuids)))
    other = cloud.new_scheduler()
    taken = []
    while found := other.select(admin_context(), request=one(next(uuids))).selections:
        taken += found
    for selection in taken[:2]:
        cloud.placement.delete_allocations(selection.instance_uuid)
    # By the answer that it has there is room for many.
    assert [len(cloud.hosts_of(one(name))) for name in ("a", "b", "c")] == [1, 1, 0]


def test_it_can_be_switched_off() -> None:
    cloud = Cloud(4, scheduler__candidates_max_age=0.0)
    for uuid in server_uuids(3):
        cloud.hosts_of(one(uuid))
    assert asked(cloud) == 3


def test_the_ledger_keeps_nothing_for_answers_that_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was chosen is kept for as long as there is an answer that is older than it."""
    now = [1000.0]
    monkeypatch.setattr("novalike.scheduler.candidate_cache.time.monotonic", lambda: now[0])
    in_flight = ClaimsInFlight()
    cloud = Cloud(2)
    candidate_cache = CandidateCache(cloud.placement, in_flight, 1.0)  # type: ignore[arg-type]
    queries = [build_query(cloud.conf, request(flavor=flavor(memory_mb=size)), None, 10) for size in (1, 2, 3)]
    for query in queries:
        candidate_cache.ask(query, anew=False)
        candidate_cache.ask(query, anew=True)
        assert len(in_flight._readers) == 1, "one answer is kept, and its reader"
        now[0] += 2


def test_all_who_share_a_question_are_told_that_it_failed() -> None:
    in_flight, cloud = ClaimsInFlight(), Cloud(2)
    queries = [build_query(cloud.conf, request(flavor=flavor(memory_mb=size)), None, 10) for size in (1, 2, 3)]
    began, go_on = threading.Semaphore(0), threading.Event()

    class Placement:
        def allocation_candidates(self, query: CandidateQuery) -> Candidates:
            began.release()
            assert go_on.wait(5)
            if query == queries[2]:
                raise errors.Unavailable(reason="away")
            return cloud.placement.allocation_candidates(query)

    candidate_cache = CandidateCache(Placement(), in_flight, 1.0)  # type: ignore[arg-type]
    answers: Queue[object] = Queue()

    def ask(query: CandidateQuery) -> None:
        try:
            answers.put(candidate_cache.ask(query, anew=True))
        except errors.Unavailable as error:
            answers.put(error)

    def start(query: CandidateQuery) -> None:
        threading.Thread(target=ask, args=(query,), daemon=True).start()

    for query in queries[:AT_A_TIME]:
        start(query)
        assert began.acquire(timeout=5)
    for _ in range(2):
        start(queries[2])
    time.sleep(0.1)  # for the second one to have found the first
    go_on.set()
    given = [answers.get(timeout=5) for _ in range(4)]
    assert sum(isinstance(answer, errors.Unavailable) for answer in given) == 2
    assert len(in_flight._readers) == AT_A_TIME, "the answers that are kept, and nobody else"
