"""``novalike-manage placement heal_allocations``: servers get the allocations that they lack."""

import argparse
from collections.abc import Callable

from novalike.clients.placement_types import Claim, ClaimConflict, single
from novalike.clients.placement import PlacementClient
from novalike.cmd.management.claim_cases import Audit, Case, take_away
from novalike.cmd.management.claim_records import ClaimRecords, Seen
from novalike.cmd.management.group import complain
from novalike.cmd.management.placement_audit import Claimant, Kind

_LACKING = frozenset({Kind.MISSING, Kind.NO_NODE})
_WRONG = frozenset({Kind.MISPLACED, Kind.AMOUNTS})


class Healing:
    """One run.

    :param args: the command's, checked.
    """

    def __init__(self, placement: PlacementClient, records: ClaimRecords, args: argparse.Namespace) -> None:
        self._placement = placement
        self._records = records
        self._args = args
        self._say: Callable[[str], None] = print if args.verbose or args.dry_run else lambda _text: None
        self._limit = int(args.max_count) if args.max_count else None
        self._made = 0
        self._statuses: set[int] = set()

    def run(self) -> int:
        """Mend. Gives the exit status.

        :raises Unavailable: Placement or a cell can't be reached.
        """
        seen = self._records.scan(servers=not self._args.instance)
        only = [self._args.instance] if self._args.instance else None
        kinds = _LACKING | _WRONG if self._args.force else _LACKING
        for case in Audit(self._placement, self._records, self._say, kinds=kinds).cases(seen, only):
            if case.finding.kind is Kind.NO_NODE:
                complain(f"Server {case.finding.consumer}: {Kind.NO_NODE}: {case.finding.detail}")
                self._statuses.add(2)
            elif case.server is not None:
                if self._made == self._limit:
                    self._say(f"Max count reached. Processed {self._made} instances.")
                    self._statuses.add(1)
                    break
                self._mend(case, case.server, seen)
        self._say(f"Processed {self._made} instances.")
        worst = next((status for status in (3, 2, 1) if status in self._statuses), None)
        return worst if worst is not None else 0 if self._made else 4

    def _mend(self, case: Case, server: Claimant, seen: Seen) -> None:
        choice = single(server.provider or "", server.wanted)
        what = f"allocations of server {server.uuid}: {dict(server.wanted)} of resource provider {server.provider}"
        if self._args.dry_run:
            self._say(f"[dry-run] Would write {what}")
            self._made += 1
            return
        # Generation None says that the server must not have anything yet.
        generation = case.allocation.consumer_generation
        try:
            self._placement.claim([Claim(server.uuid, choice, server.project_id, server.user_id, generation)])
        except ClaimConflict as conflict:
            if conflict.fields["kind"] == "consumer":
                self._say(f"Server {server.uuid} is left alone: its allocations have just changed.")
                return
            complain(f"Server {server.uuid}: {conflict}")
            self._statuses.add(3)
            return
        if generation is None and not self._still_needs(server, seen):
            return
        self._made += 1
        self._say(f"Wrote {what}")

    def _still_needs(self, server: Claimant, seen: Seen) -> bool:
        """Whether a server that has just been given allocations is where it was; otherwise takes them away again.

        Somebody who deleted the server meanwhile found no allocations to give up.
        """
        now = self._records.again([server.uuid], seen)
        if now.claimants.get(server.uuid) == server and server.uuid not in now.busy:
            return True
        has = self._placement.get_allocations(server.uuid)
        if has.allocations == single(server.provider or "", server.wanted).allocations:
            take_away(self._placement, server.uuid, has)
        self._say(f"Server {server.uuid} is left alone: something has just been done to it.")
        return False
