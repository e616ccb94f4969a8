"""Placement in memory: the interface of ``clients.placement.PlacementClient``, with its rules.

Capacities, ``max_unit``, generations of providers and consumers, all-or-nothing writes. Providers of parts of nodes are
kept, and can be claimed, but what is looked for is looked for on the nodes' own only.
"""

import copy
import threading
from collections.abc import Callable, Sequence
from typing import Any

from novalike.clients import placement_provider as providers
from novalike.clients.placement import PlacementClient
from novalike.clients.placement_types import (
    Allocation,
    Amounts,
    CandidateQuery,
    Candidates,
    Choice,
    Claim,
    ClaimConflict,
    QueryRefused,
    Summary,
    Use,
)
from novalike.objects import errors
from novalike.objects.host import NodeReport


class FakeProvider:
    def __init__(self, uuid: str, name: str, parent: str | None = None) -> None:
        self.uuid = uuid
        self.name = name
        self.parent = parent
        self.generation = 0
        self.inventories: dict[str, dict[str, Any]] = {}
        self.traits: frozenset[str] = frozenset()

    def capacity(self, resource: str) -> int:
        inventory = self.inventories[resource]
        return int((inventory["total"] - inventory["reserved"]) * inventory["allocation_ratio"])


class FakePlacement(PlacementClient):
    """A Placement for tests. ``requests`` counts what was asked, by method name.

    :ivar down: raise Unavailable on everything.
    :ivar before_claim: called before each write of claims, for races.
    """

    def __init__(self) -> None:
        self.providers: dict[str, FakeProvider] = {}
        self.consumers: dict[str, Allocation] = {}
        self.known_traits: set[str] | None = None
        self.requests: dict[str, int] = {}
        self.down = False
        self.before_claim: Callable[[Sequence[Claim]], None] | None = None
        self._mutex = threading.RLock()

    # -- what tests look at

    def used(self, provider_uuid: str) -> dict[str, int]:
        """Used amounts of a provider."""
        sums: dict[str, int] = {}
        for allocation in self.consumers.values():
            amounts = allocation.allocations.get(provider_uuid)
            for name, amount in (amounts.resources if amounts else {}).items():
                sums[name] = sums.get(name, 0) + amount
        return sums

    def add_provider(self, report: NodeReport, disabled: bool = False) -> None:
        """A node, as a compute host would report it."""
        self.ensure_provider(report, disabled)

    # -- PlacementClient

    def load(self) -> None:
        pass

    def ping(self) -> None:
        self._asked("ping")

    def _asked(self, name: str) -> None:
        with self._mutex:
            self.requests[name] = self.requests.get(name, 0) + 1
        if self.down:
            raise errors.Unavailable(reason="placement can't be reached (fake)")

    def allocation_candidates(self, query: CandidateQuery) -> Candidates:
        self._asked("allocation_candidates")
        named = {t for g in query.groups.values() for t in g.required | g.forbidden}
        if self.known_traits is not None and (unknown := sorted(named - self.known_traits)):
            raise QueryRefused(reason=f"No such trait(s): {', '.join(unknown)}.")
        with self._mutex:
            usage = self._usage()
            nodes = [p for p in self.providers.values() if p.parent is None]
            found = [p for p in nodes if self._offers(p, query, usage.get(p.uuid, {}))]
            if query.limit:
                found = found[: query.limit]
            amounts = query.totals()
            suffixes = list(query.groups) or [""]
            return Candidates(
                tuple(
                    Choice({p.uuid: Amounts(dict(amounts))}, dict.fromkeys(suffixes, (p.uuid,))) for p in found
                ),
                {p.uuid: self._summary(p, usage.get(p.uuid, {})) for p in found},
            )

    def _usage(self) -> dict[str, dict[str, int]]:
        usage: dict[str, dict[str, int]] = {}
        for allocation in self.consumers.values():
            for uuid, amounts in allocation.allocations.items():
                sums = usage.setdefault(uuid, {})
                for name, amount in amounts.resources.items():
                    sums[name] = sums.get(name, 0) + amount
        return usage

    def _offers(self, found: FakeProvider, query: CandidateQuery, used: dict[str, int]) -> bool:
        required = query.root_required.union(*(g.required for g in query.groups.values()))
        forbidden = query.root_forbidden.union(*(g.forbidden for g in query.groups.values()))
        if query.in_tree not in (None, found.uuid) or required - found.traits or forbidden & found.traits:
            return False
        if query.group_policy == "isolate" and len(query.groups.keys() - {""}) > 1:
            return False
        return self._room(found, query.totals(), used) is None

    @staticmethod
    def _room(found: FakeProvider, amounts: dict[str, int], used: dict[str, int]) -> str | None:
        for name, amount in amounts.items():
            if name not in found.inventories:
                return f"Inventory for '{name}' on resource provider '{found.uuid}' invalid."
            if amount > found.inventories[name]["max_unit"]:
                return f"{name} on {found.uuid} violates max_unit."
            if used.get(name, 0) + amount > found.capacity(name):
                return f"{name} on resource provider '{found.uuid}' would exceed the capacity."
        return None

    @staticmethod
    def _summary(found: FakeProvider, used: dict[str, int]) -> Summary:
        uses = {name: Use(found.capacity(name), used.get(name, 0)) for name in found.inventories}
        return Summary(uses, found.uuid)

    def claim(self, claims: Sequence[Claim]) -> None:
        if self.before_claim is not None:
            self.before_claim(claims)
        self._asked("claim")
        with self._mutex:
            kept = copy.copy(self.consumers)
            try:
                for one in claims:
                    existing = self.consumers.get(one.consumer)
                    if (existing.consumer_generation if existing else None) != one.generation:
                        raise ClaimConflict(kind="consumer", reason="consumer generation conflict")
                    self.consumers.pop(one.consumer, None)
                for one in claims:
                    self._write(one)
            except ClaimConflict:
                self.consumers = kept
                raise

    def _write(self, claim: Claim) -> None:
        for uuid, amounts in claim.choice.allocations.items():
            if uuid not in self.providers:
                raise ClaimConflict(kind="provider", reason=f"resource provider {uuid} does not exist")
            if refusal := self._room(self.providers[uuid], amounts.resources, self.used(uuid)):
                raise ClaimConflict(kind="capacity", reason=f"Unable to allocate inventory: {refusal}")
        if not claim.choice.allocations:
            return  # Placement forgets a consumer that has nothing
        self.consumers[claim.consumer] = Allocation(
            claim.choice.allocations, (claim.generation or 0) + 1, claim.project_id, claim.user_id, claim.consumer_type
        )

    def get_allocations(self, consumer: str) -> Allocation:
        self._asked("get_allocations")
        return self.consumers.get(consumer, Allocation())

    def delete_allocations(self, consumer: str) -> bool:
        self._asked("delete_allocations")
        with self._mutex:
            return self.consumers.pop(consumer, None) is not None

    def provider_allocations(self, provider_uuid: str) -> dict[str, dict[str, int]]:
        self._asked("provider_allocations")
        with self._mutex:
            return {
                consumer: dict(allocation.allocations[provider_uuid].resources)
                for consumer, allocation in self.consumers.items()
                if provider_uuid in allocation.allocations
            }

    def provider_roots(self) -> dict[str, str]:
        self._asked("provider_roots")
        return {uuid: provider.parent or uuid for uuid, provider in self.providers.items()}

    def ensure_provider(self, report: NodeReport, disabled: bool | None = None) -> bool:
        self._asked("ensure_provider")
        with self._mutex:
            node = self._named(report.uuid, report.hypervisor_hostname)
            inventories = providers.node_inventories(report, node.inventories)
            changed = self._set(node, inventories, providers.wanted_traits(report.traits, node.traits, disabled))
            for child in report.children:
                uuid, name = providers.child_uuid(report.uuid, child.name), providers.child_name(report, child)
                found = self._named(uuid, name, report.uuid)
                traits = providers.wanted_traits(child.traits, found.traits, None)
                changed |= self._set(found, providers.inventories(child.inventories), traits)
            tree = {p.uuid: p.name for p in self.providers.values() if report.uuid in (p.uuid, p.parent)}
            for lost in providers.lost_children(report, tree):
                changed = True
                if self.used(lost):
                    gone = self.providers[lost]
                    self._set(gone, providers.closed(gone.inventories), gone.traits)
                else:
                    del self.providers[lost]
            return changed

    def _named(self, uuid: str, name: str, parent: str | None = None) -> FakeProvider:
        """The provider, made if need be."""
        found = self.providers.get(uuid)
        if any(p.name == name and p is not found for p in self.providers.values()):
            raise errors.Conflict(f"Placement has another resource provider named {name!r}")
        if found is None:
            found = self.providers[uuid] = FakeProvider(uuid, name, parent)
        found.name = name
        return found

    def _set(self, found: FakeProvider, inventories: dict[str, dict[str, Any]], traits: frozenset[str]) -> bool:
        """Says whether anything has changed."""
        if lost := [name for name in self.used(found.uuid) if name not in inventories]:
            raise errors.Conflict(f"The inventory of provider {found.uuid} can't change: {lost} in use")
        if (inventories, traits) == (found.inventories, found.traits):
            return False
        found.inventories, found.traits = inventories, traits
        found.generation += 1
        return True

    def set_disabled(self, provider_uuid: str, disabled: bool) -> None:
        self._asked("set_disabled")
        with self._mutex:
            if provider_uuid in self.providers:
                found, trait = self.providers[provider_uuid], frozenset({providers.DISABLED_TRAIT})
                found.traits = found.traits | trait if disabled else found.traits - trait
                found.generation += 1

    def delete_provider(self, provider_uuid: str) -> bool:
        self._asked("delete_provider")
        with self._mutex:
            for child in [p.uuid for p in self.providers.values() if p.parent == provider_uuid]:
                self.delete_provider(child)
            if self.used(provider_uuid):
                raise errors.Conflict(f"Resource provider {provider_uuid} is in use")
            return self.providers.pop(provider_uuid, None) is not None
