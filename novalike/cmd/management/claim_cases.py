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
# Types of consumers that are servers and migrations.
_TYPES = frozenset({"INSTANCE", "MIGRATION"})


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

        Servers that something is being done to are left out with their migrations, and so is what may be somebody
        else's.

        :param only: servers to look at instead of all that there is.
        :raises Unavailable: Placement or a cell can't be reached.
        """
        suspects = self._suspects(seen) if only is None else list(only)
        suspects = [uuid for uuid in suspects if not self._is_busy(uuid, seen)]
        for start in range(0, len(suspects), _BATCH):
            yield from self._look_again(suspects[start : start + _BATCH], seen)

    def _is_busy(self, consumer: str, seen: Seen) -> bool:
        """Return whether something is being done to a server, or to a migration's server, and say so."""
        migration = seen.movers.get(consumer)
        if (consumer if migration is None else migration.server) not in seen.busy:
            return False
        who = f"Server {consumer}" if migration is None else f"Migration {consumer} of server {migration.server}"
        self._say(f"{who} is left alone: something is being done to it.")
        return True

    def _suspects(self, seen: Seen) -> list[str]:
        claims: dict[str, dict[str, dict[str, int]]] = {}
        providers = [self._provider] if self._provider else list(self.roots)
        for provider in providers:
            for consumer, amounts in self._placement.provider_allocations(provider).items():
                claims.setdefault(consumer, {})[provider] = amounts
        self._say(
            f"Read {len(claims)} consumers of {len(providers)} resource providers, {len(seen.claimants)} servers, "
            f"{len(seen.movers)} migrations that are not over."
        )
        claimants = seen.claimants
        if self._provider:
            root = self.roots[self._provider]
            claimants = {u: s for u, s in claimants.items() if u in claims or s.provider == root}
        return [f.consumer for f in self._compare(seen._replace(claimants=claimants), claims)]

    def _compare(self, seen: Seen, claims: Mapping[str, Mapping[str, Mapping[str, int]]]) -> list[Finding]:
        found = compare(seen.claimants, seen.movers, claims, self.roots)
        return [finding for finding in found if finding.kind in self._kinds]

    def _look_again(self, uuids: list[str], seen: Seen) -> Iterator[Case]:
        allocations = {uuid: self._placement.get_allocations(uuid) for uuid in uuids}
        ours = {u: a for u, a in allocations.items() if not a.allocations or a.consumer_type in _TYPES}
        for uuid in allocations.keys() - ours.keys():
            self._say(f"Consumer {uuid} is left alone: it is of type {allocations[uuid].consumer_type}.")
        # The records after Placement: whoever has a claim was recorded before it was made.
        now = self._records.again(list(ours), seen)
        claims = {u: {p: a.resources for p, a in found.allocations.items()} for u, found in ours.items()}
        found = self._compare(now, claims)
        strangers = self._strangers([f.consumer for f in found if f.kind is Kind.UNKNOWN], ours)
        for finding in found:
            if self._is_busy(finding.consumer, now):
                continue
            if finding.consumer in strangers:
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
    claim = Claim(
        consumer=consumer,
        choice=Choice({}),
        project_id=seen.project_id or "",
        user_id=seen.user_id or "",
        generation=seen.consumer_generation,
        consumer_type=seen.consumer_type or "INSTANCE",
    )
    try:
        placement.claim([claim])
    except ClaimConflict as conflict:
        complain(f"{consumer}: the allocations have changed and were left: {conflict}")
        return False
    return True
