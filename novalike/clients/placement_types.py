"""What is said to and heard from Placement about candidates and claims."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

import msgspec

from novalike.objects import errors
from novalike.objects.record import Record


class ClaimConflict(errors.Conflict):
    """Placement did not take a claim, and nothing of it was written.

    ``kind`` is ``capacity`` (somebody was faster), ``consumer`` (a server has a claim already, or its
    generation has moved) or ``provider`` (no such provider or resource any more).
    """

    template = "Placement refused a claim ({kind}): {reason}"


class QueryRefused(errors.Invalid):
    """Placement says that the query itself can't be right, for example that there is no such trait."""

    template = "{reason}"


class ResourceGroup(Record, frozen=True):
    """Resources that must come from one provider, and the traits that it must have or must not have."""

    resources: dict[str, int] = {}
    required: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()


class CandidateQuery(Record, frozen=True):
    """What ``GET /allocation_candidates`` is asked.

    :param groups: by suffix; "" is the group that may be spread over a tree of providers.
    :param in_tree: only the tree that this provider is in.
    :param limit: candidates at most; None is all.
    """

    groups: dict[str, ResourceGroup]
    root_required: frozenset[str] = frozenset()
    root_forbidden: frozenset[str] = frozenset()
    group_policy: str | None = None
    in_tree: str | None = None
    limit: int | None = None

    def to_url(self) -> str:
        """The query string. Its order depends on the content only."""
        pairs: list[tuple[str, Any]] = []
        for suffix, group in sorted(self.groups.items()):
            if group.resources:
                amounts = ",".join(f"{name}:{amount}" for name, amount in sorted(group.resources.items()))
                pairs.append((f"resources{suffix}", amounts))
            if traits := _traits(group.required, group.forbidden):
                pairs.append((f"required{suffix}", traits))
        if traits := _traits(self.root_required, self.root_forbidden):
            pairs.append(("root_required", traits))
        if self.group_policy:
            pairs.append(("group_policy", self.group_policy))
        if self.in_tree:
            pairs.append(("in_tree", self.in_tree))
        if self.limit:
            pairs.append(("limit", self.limit))
        return urlencode(pairs, safe=":,!")

    def totals(self) -> dict[str, int]:
        """The amounts of all groups together, by resource class."""
        return total(group.resources for group in self.groups.values())


def total(amounts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Sums by resource class."""
    sums: dict[str, int] = {}
    for each in amounts:
        for name, amount in each.items():
            sums[name] = sums.get(name, 0) + amount
    return sums


def _traits(required: frozenset[str], forbidden: frozenset[str]) -> str:
    return ",".join([*sorted(required), *(f"!{trait}" for trait in sorted(forbidden))])


class Use(msgspec.Struct, frozen=True, gc=False):
    """Capacity (after ratio and reservation) of a resource, and how much of it is used."""

    capacity: int
    used: int


class Summary(msgspec.Struct, frozen=True, gc=False):
    """A provider that takes part in some candidate."""

    resources: dict[str, Use]
    root_provider_uuid: str


class Amounts(msgspec.Struct, frozen=True, gc=False):
    resources: dict[str, int]


class Choice(msgspec.Struct, frozen=True, gc=False):
    """One way to satisfy a query: amounts by provider, and which provider serves which group."""

    allocations: dict[str, Amounts]
    mappings: dict[str, tuple[str, ...]] = {}

    def totals(self) -> dict[str, int]:
        """The amounts of all providers together, by resource class."""
        return total(amounts.resources for amounts in self.allocations.values())


class Candidates(msgspec.Struct, frozen=True):
    """The answer to a query."""

    allocation_requests: tuple[Choice, ...] = ()
    provider_summaries: dict[str, Summary] = {}


class Claim(msgspec.Struct, frozen=True):
    """Resources for one consumer: a server, or a migration, which has what its server had before.

    :param generation: of the consumer, as Placement counts; None says that it must be new.
    :param consumer_type: ``INSTANCE`` or ``MIGRATION``.
    """

    consumer: str
    choice: Choice
    project_id: str
    user_id: str
    generation: int | None = None
    consumer_type: str = "INSTANCE"

    def to_wire(self) -> dict[str, Any]:
        """As Placement wants it, from microversion 1.38 on."""
        body: dict[str, Any] = {
            "allocations": {
                provider: {"resources": amounts.resources}
                for provider, amounts in self.choice.allocations.items()
            },
            "project_id": self.project_id,
            "user_id": self.user_id,
            "consumer_generation": self.generation,
            "consumer_type": self.consumer_type,
        }
        if self.choice.mappings:
            body["mappings"] = {suffix: list(uuids) for suffix, uuids in self.choice.mappings.items()}
        return body


class Allocation(msgspec.Struct, frozen=True):
    """What a consumer has. Without ``allocations`` it has nothing."""

    allocations: dict[str, Amounts] = {}
    consumer_generation: int | None = None
    project_id: str | None = None
    user_id: str | None = None
    consumer_type: str | None = None


def single(provider: str, resources: Mapping[str, int]) -> Choice:
    """The choice that takes everything from one provider."""
    return Choice({provider: Amounts(dict(resources))}, {"": (provider,)})
