"""The metadata of the aggregates that a host is in."""

import functools

from novalike.objects.host import HostState


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
