"""All hosts as of one moment. Never changed: a newer one takes its place."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from novalike.objects.host import AggregateFacts, HostState, HostStates

MULTIPLIER_SUFFIX = "_weight_multiplier"


class Snapshot(NamedTuple):
    """The states of all hosts, indexed.

    :param version: the conductor's number of it; None is "nothing is known yet".
    :param by_uuid: nodes by the uuid of their resource provider.
    :param by_host: a host's nodes.
    :param multipliers: provider uuid → weighers' multipliers that its aggregates override.
    :param aggregates: those that have hosts.
    """

    version: str | None
    by_uuid: Mapping[str, HostState]
    by_host: Mapping[str, tuple[HostState, ...]]
    multipliers: Mapping[str, Mapping[str, float]]
    aggregates: tuple[AggregateFacts, ...]


EMPTY = Snapshot(None, {}, {}, {}, ())


def take(states: HostStates) -> Snapshot:
    """Return a snapshot of the states of all hosts."""
    return update(EMPTY, states)


def update(snapshot: Snapshot, states: HostStates) -> Snapshot:
    """Return a snapshot with newer states of some hosts. No host is gone in it."""
    by_uuid, by_host = dict(snapshot.by_uuid), dict(snapshot.by_host)
    multipliers = dict(snapshot.multipliers)
    aggregates = {aggregate.id: aggregate for aggregate in snapshot.aggregates}
    share = _Shared()
    for state in states.hosts:
        share.facts_of(state)
        before = by_uuid.get(state.uuid)
        if before is not None and before.host != state.host:
            by_host[before.host] = tuple(node for node in by_host[before.host] if node.uuid != state.uuid)
        by_uuid[state.uuid] = state
        others = tuple(node for node in by_host.get(state.host, ()) if node.uuid != state.uuid)
        by_host[state.host] = (*others, state)
        if found := _multipliers(state):
            multipliers[state.uuid] = found
        else:
            multipliers.pop(state.uuid, None)
        for aggregate in state.aggregates:
            aggregates[aggregate.id] = aggregate
    return Snapshot(states.version, by_uuid, by_host, multipliers, tuple(aggregates.values()))


class _Shared:
    """Lets hosts that are alike share the facts in which they are: ten thousand hosts have few kinds of CPUs."""

    def __init__(self) -> None:
        self._known: dict[Any, Any] = {}

    def facts_of(self, state: HostState) -> None:
        """Replace facts of a host by equal ones that were met before."""
        known = self._known
        for field in ("supported_instances", "traits"):
            value = getattr(state, field)
            msgspec.structs.force_setattr(state, field, known.setdefault(value, value))
        text = msgspec.json.encode(state.cpu_info)
        msgspec.structs.force_setattr(state, "cpu_info", known.setdefault(text, state.cpu_info))
        # Of one answer: an aggregate has one set of metadata.
        key = tuple(aggregate.id for aggregate in state.aggregates)
        msgspec.structs.force_setattr(state, "aggregates", known.setdefault(key, state.aggregates))


def _multipliers(state: HostState) -> dict[str, float]:
    """The smallest of the values that a host's aggregates give, as in Nova; what is no number doesn't count."""
    found: dict[str, float] = {}
    spoiled: set[str] = set()
    for aggregate in state.aggregates:
        for key, value in aggregate.metadata.items():
            if key.endswith(MULTIPLIER_SUFFIX):
                try:
                    found[key] = min(float(value), found.get(key, float(value)))
                except ValueError:
                    spoiled.add(key)
    return {key: value for key, value in found.items() if key not in spoiled}
