"""The metadata of the aggregates that a host is in."""

import functools
from collections.abc import Callable

from novalike.objects.host import AggregateFacts, HostState
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check


def per_aggregates(judge: Callable[[HostState], str | None]) -> Check:
    """A check that looks at nothing of a host but its aggregates: those that share theirs are judged together.

    :param judge: says of one host why it can't be taken, or None.
    """
    # By identity, which the snapshot sees to; what has one is kept here, so that nothing else gets it meanwhile.
    verdicts: dict[int, tuple[tuple[AggregateFacts, ...], str | None]] = {}

    def check(host: Candidate) -> str | None:
        aggregates = host.state.aggregates
        found = verdicts.get(id(aggregates))
        if found is None:
            found = verdicts[id(aggregates)] = aggregates, judge(host.state)
        return found[1]

    return check


def smallest(state: HostState, key: str, default: int) -> int:
    """The smallest number that an aggregate of the host has under a key; the default if there is none."""
    try:
        return min((int(a.metadata[key]) for a in state.aggregates if key in a.metadata), default=default)
    except ValueError:
        return default


def merged(state: HostState) -> dict[str, frozenset[str]]:
    """All metadata of a host's aggregates; a value with commas counts as several."""
    return _merge(tuple((a.id, tuple(sorted(a.metadata.items()))) for a in state.aggregates))


@functools.lru_cache(maxsize=1024)
def _merge(facts: tuple[tuple[int, tuple[tuple[str, str], ...]], ...]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for _, items in facts:
        for key, value in items:
            found.setdefault(key, set()).update(part.strip() for part in value.split(","))
    return {key: frozenset(values) for key, values in found.items()}
