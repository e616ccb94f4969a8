"""One question to Placement for all requests that would ask the same at about the same time.

To find candidates costs Placement as much as all else that it does for a build. So an answer is used again for a
moment, with what this scheduler has chosen since it was given (the claims in flight) taken off. What it can't know,
such as the claims of others, shows when the claim is written; then, and before anybody is told that there is no room,
a new answer is asked for: one that was read after the request came in. While as many questions are under way as
Placement should work on at a time, equal ones gather, and are asked once for all of them.
"""

import threading
import time
from concurrent.futures import Future
from typing import NamedTuple

from novalike.clients.placement import PlacementClient
from novalike.clients.placement_types import CandidateQuery, Candidates
from novalike.scheduler.claims_in_flight import ClaimsInFlight

AT_A_TIME = 2


class Reading(NamedTuple):
    """An answer of Placement, shared: not to be changed.

    :param began: the time of the claims in flight just before it was asked for, which it knows us by as a reader.
    """

    found: Candidates
    began: int


class _Kept(NamedTuple):
    reading: Reading
    until: float


class CandidateCache:
    """Asks Placement for candidates. Safe for threads.

    :param max_age: seconds for which an answer is used again; 0 is not at all.
    """

    def __init__(self, placement: PlacementClient, in_flight: ClaimsInFlight, max_age: float) -> None:
        self._placement = placement
        self._in_flight = in_flight
        self._max_age = max_age
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_A_TIME)
        self._gathering: dict[str, Future[Reading]] = {}
        self._kept: dict[str, _Kept] = {}

    def ask(self, query: CandidateQuery, *, anew: bool) -> tuple[Reading, bool]:
        """The candidates for a query, and whether they were read after this was called.

        :param anew: an earlier answer won't do.
        :raises QueryRefused: Placement doesn't know a trait or a resource class of the query.
        :raises Unavailable: Placement can't be reached.
        """
        key = query.to_url()
        with self._lock:
            self._forget_old()
            kept = self._kept.get(key)
            if kept is not None and not anew:
                return kept.reading, False
            answer = self._gathering.get(key)
            follows = answer is not None
            if answer is None:
                answer = self._gathering[key] = Future()
        if not follows:
            with self._turns:
                with self._lock:
                    del self._gathering[key]  # who comes from now on may need a newer answer
                self._ask(key, query, answer)
        return answer.result(), True

    def _ask(self, key: str, query: CandidateQuery, answer: Future[Reading]) -> None:
        reader = self._in_flight.begin()
        try:
            reading = Reading(self._placement.allocation_candidates(query), reader)
        except BaseException as error:
            self._in_flight.end(reader)
            answer.set_exception(error)
            return
        self._keep(key, reading)
        answer.set_result(reading)

    def _keep(self, key: str, reading: Reading) -> None:
        until = time.monotonic() + self._max_age
        if not reading.found.allocation_requests:
            until = 0.0  # nobody is to be told twice of one look that there is no room
        with self._lock:
            before = self._kept.get(key)
            self._kept[key] = _Kept(reading, until)
            if before is not None:
                self._in_flight.end(before.reading.began)

    def _forget_old(self) -> None:
        now = time.monotonic()
        for key, kept in list(self._kept.items()):
            if kept.until <= now:
                self._in_flight.end(kept.reading.began)
                del self._kept[key]
