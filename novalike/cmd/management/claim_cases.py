"""Where Placement and our records disagree: both are read, and what is suspicious is read once more."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from novalike.clients.placement_types import Allocation, Choice, Claim, ClaimConflict
from novalike.clients.placement import PlacementClient
from novalike.cmd.management.claim_records import ClaimRecords, Seen
from novalike.cmd.management.group import complain
from novalike.cmd.management.placement_audit import Claimant, Finding, Kind, compare

# So many suspicious consumers are looked at again, and dealt with, at a time.
_BATCH = 100
_INSTANCE = "INSTANCE"


class Case(NamedTuple):
    """A disagreement that was there at the second look, too."""

    finding: Finding
    server: Claimant | None
    allocation: Allocation


class Audit:
    """One comparison of Placement with our records.

    :param say: told what is done, for people.
    :param kinds: what is looked for.
    :param provider: uuid of the only resource provider to look at.
    """

    def __init__(
        self,
        placement: PlacementClient,
        records: ClaimRecords,
        say: Callable[[str], None],
        *,
        kinds: Collection[Kind] = tuple(Kind),
        provider: str | None = None,
    ) -> None:
        self._placement = placement
        self._records = records
        self._say = say
        self._kinds = kinds
        self._provider = provider
        self.roots = placement.provider_roots()

    def cases(self, seen: Seen, only: Sequence[str] | None = None) -> Iterator[Case]:
        """What does not agree, each seen twice.

        Servers that something is being done to are left out, and so is what may be somebody else's.

        :param only: servers to look at instead of all.
        :raises Unavailable: Placement or a cell can't be reached.
        """
        suspects = self._suspects(seen) if only is None else list(only)
        left = [uuid for uuid in suspects if uuid in seen.busy]
        for uuid in left:
            self._say(f"Server {uuid} is left alone: something is being done to it.")
        suspects = [uuid for uuid in suspects if uuid not in seen.busy]
        for start in range(0, len(suspects), _BATCH):
            yield from self._look_again(suspects[start : start + _BATCH], seen)

    def _suspects(self, seen: Seen) -> list[str]:
        claims: dict[str, dict[str, dict[str, int]]] = {}
        providers = [self._provider] if self._provider else list(self.roots)
        for provider in providers:
            for consumer, amounts in self._placement.provider_allocations(provider).items():
                claims.setdefault(consumer, {})[provider] = amounts
        read = f"{len(claims)} consumers of {len(providers)} resource providers, {len(seen.claimants)} servers"
        self._say(f"Read {read}.")
        claimants = seen.claimants
        if self._provider:
            root = self.roots[self._provider]
            claimants = {u: s for u, s in claimants.items() if u in claims or s.provider == root}
        return [f.consumer for f in self._compare(claimants, claims)]

    def _compare(
        self, claimants: Mapping[str, Claimant], claims: Mapping[str, Mapping[str, Mapping[str, int]]]
    ) -> list[Finding]:
        return [finding for finding in compare(claimants, claims, self.roots) if finding.kind in self._kinds]

    def _look_again(self, uuids: list[str], seen: Seen) -> Iterator[Case]:
        allocations = {uuid: self._placement.get_allocations(uuid) for uuid in uuids}
        ours = {u: a for u, a in allocations.items() if not a.allocations or a.consumer_type == _INSTANCE}
        for uuid in allocations.keys() - ours.keys():
            self._say(f"Consumer {uuid} is left alone: it is of type {allocations[uuid].consumer_type}.")
        # The records after Placement: whoever has a claim was recorded before it was made.
        now = self._records.again(list(ours), seen)
        claims = {u: {p: a.resources for p, a in found.allocations.items()} for u, found in ours.items()}
        found = self._compare({u: s for u, s in now.claimants.items() if u in ours}, claims)
        strangers = self._strangers([f.consumer for f in found if f.kind is Kind.UNKNOWN], ours)
        for finding in found:
            if finding.consumer in now.busy:
                self._say(f"Server {finding.consumer} is left alone: something is being done to it.")
            elif finding.consumer in strangers:
                self._say(f"Consumer {finding.consumer} is left alone: {strangers[finding.consumer]}.")
            else:
                yield Case(finding, now.claimants.get(finding.consumer), ours[finding.consumer])

    def _strangers(self, unknown: list[str], allocations: dict[str, Allocation]) -> dict[str, str]:
        """Those of some consumers without a record that may still be somebody's, and why."""
        if not unknown:
            return {}
        found = dict.fromkeys(self._records.mapped(unknown), "it is mapped to a cell, but in none")
        if not self._provider:
            nodes = self._records.provider_uuids()
            for uuid in unknown:
                if not any(self.roots.get(p, p) in nodes for p in allocations[uuid].allocations):
                    found[uuid] = "its resource provider is no node of ours (name that to have it looked at)"
        return found


def take_away(placement: PlacementClient, consumer: str, seen: Allocation) -> bool:
    """Take from a consumer what we saw that it has; nothing when that has changed since. Says whether it was done."""
    claim = Claim(consumer, Choice({}), seen.project_id or "", seen.user_id or "", seen.consumer_generation)
    try:
        placement.claim([claim])
    except ClaimConflict as conflict:
        complain(f"{consumer}: the allocations have changed and were left: {conflict}")
        return False
    return True
