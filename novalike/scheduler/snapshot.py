"""All hosts as of one moment. Never changed: a newer one takes its place."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from novalike.objects.host import AggregateFacts, HostState, Inventory

MULTIPLIER_SUFFIX = "_weight_multiplier"


class Snapshot(NamedTuple):
    """An indexed inventory.

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


def take(inventory: Inventory) -> Snapshot:
    """Index an inventory."""
    return _index(inventory.version, inventory.hosts)


EMPTY = Snapshot(None, {}, {}, {}, ())


def _index(version: str, hosts: Iterable[HostState]) -> Snapshot:
    by_uuid = {state.uuid: state for state in hosts}
    by_host: dict[str, tuple[HostState, ...]] = {}
    for state in by_uuid.values():
        by_host[state.host] = (*by_host.get(state.host, ()), state)
    multipliers = {uuid: found for uuid, state in by_uuid.items() if (found := _multipliers(state))}
    aggregates = {aggregate.id: aggregate for state in by_uuid.values() for aggregate in state.aggregates}
    return Snapshot(version, by_uuid, by_host, multipliers, tuple(aggregates.values()))


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
