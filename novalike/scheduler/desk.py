"""One question to Placement for all requests that would ask the same at the same time.

A request gets an answer that was read after the request came in, never an older one. While as many questions
are under way as Placement should work on at a time, equal ones gather, and are asked once for all of them.
"""

import threading
from concurrent.futures import Future
from typing import NamedTuple

from novalike.clients.allocation import CandidateQuery, Candidates
from novalike.clients.placement import PlacementClient
from novalike.scheduler.ledger import Ledger

AT_A_TIME = 2


class Reading(NamedTuple):
    """An answer of Placement, shared: not to be changed.

    :param began: the ledger's time just before it was asked for.
    """

    found: Candidates
    began: int


class CandidateDesk:
    """Asks Placement for candidates. Safe for threads."""

    def __init__(self, placement: PlacementClient, ledger: Ledger) -> None:
        self._placement = placement
        self._ledger = ledger
        self._lock = threading.Lock()
        self._turns = threading.BoundedSemaphore(AT_A_TIME)
        self._gathering: dict[str, Future[Reading]] = {}

    def ask(self, query: CandidateQuery) -> Reading:
        """The candidates for a query.

        :raises QueryRefused: Placement doesn't know a trait or a resource class of the query.
        :raises Unavailable: Placement can't be reached.
        """
        key = query.to_url()
        with self._lock:
            answer = self._gathering.get(key)
            follows = answer is not None
            if answer is None:
                answer = self._gathering[key] = Future()
        if not follows:
            with self._turns:
                with self._lock:
                    del self._gathering[key]  # who comes from now on may need a newer answer
                self._ask(query, answer)
        return answer.result()

    def _ask(self, query: CandidateQuery, answer: Future[Reading]) -> None:
        try:
            began = self._ledger.now()
            answer.set_result(Reading(self._placement.allocation_candidates(query), began))
        except BaseException as error:
            answer.set_exception(error)
