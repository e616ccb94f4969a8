"""Do the claims in Placement agree with our records? A comparison of the two, as a pure function.

Both change while they are read, so whoever compares leaves out servers that something is being done to, and
looks at the suspicious ones again.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from novalike.clients.placement_types import total

# Amounts by resource provider, then by resource class.
Claimed = Mapping[str, Mapping[str, int]]


class Kind(StrEnum):
    """What is wrong."""

    DELETED = "the server was deleted"
    UNKNOWN = "there is no such server or migration"
    OVER = "the migration is over"
    UNPLACED = "the server is on no host"
    MISSING = "the server has no allocation"
    NO_NODE = "the server's host has no compute node record"
    MISPLACED = "allocations on the wrong resource provider"
    AMOUNTS = "wrong amounts"
    ASTRAY = "the migration has allocations elsewhere than on its source"


# Nobody needs these allocations. The others belong to a server that is somewhere, or to its migration.
ORPHANED = frozenset({Kind.DELETED, Kind.UNKNOWN, Kind.UNPLACED, Kind.OVER})


class Claimant(NamedTuple):
    """A server of ours.

    :param host: None when it is on none.
    :param provider: uuid of its node's resource provider; None when we know no such node.
    :param wanted: amounts by resource class that it must have.
    """

    uuid: str
    deleted: bool
    host: str | None
    provider: str | None
    wanted: Mapping[str, int]
    project_id: str
    user_id: str


class Mover(NamedTuple):
    """A migration of ours: while it is not over, it may have on its source what its server had there.

    :param server: the server's uuid.
    :param source: uuid of the source's resource provider; None when we know no such node.
    """

    uuid: str
    server: str
    is_over: bool
    source: str | None


class Finding(NamedTuple):
    """A disagreement about one consumer."""

    consumer: str
    kind: Kind
    detail: str = ""


def compare(
    claimants: Mapping[str, Claimant],
    movers: Mapping[str, Mover],
    claims: Mapping[str, Claimed],
    roots: Mapping[str, str],
) -> list[Finding]:
    """What does not agree.

    :param claims: by consumer. Those that are neither a server's or a migration's nor look like one are left out by
        the caller.
    :param roots: resource provider → root of its tree, so that what is taken from a node's child counts.
    """
    found = [
        _judge_migration(movers[uuid], claims.get(uuid, {}), roots)
        if uuid in movers
        else _judge(uuid, claimants.get(uuid), claims.get(uuid, {}), roots)
        for uuid in {**claimants, **claims}
    ]
    return sorted((finding for finding in found if finding is not None), key=lambda f: (f.kind, f.consumer))


def _judge(uuid: str, server: Claimant | None, claimed: Claimed, roots: Mapping[str, str]) -> Finding | None:
    if server is None or server.deleted or server.host is None:
        if not claimed:
            return None
        kind = Kind.UNKNOWN if server is None else Kind.DELETED if server.deleted else Kind.UNPLACED
        return Finding(uuid, kind, _say(claimed))
    if server.provider is None:
        return Finding(uuid, Kind.NO_NODE, f"host {server.host}")
    if not claimed:
        return Finding(uuid, Kind.MISSING, f"host {server.host}, resource provider {server.provider}")
    elsewhere = {p: amounts for p, amounts in claimed.items() if roots.get(p, p) != server.provider}
    if elsewhere:
        return Finding(uuid, Kind.MISPLACED, f"{_say(elsewhere)}; the server is on {server.provider}")
    has = total(claimed.values())
    if has != dict(server.wanted):
        return Finding(uuid, Kind.AMOUNTS, f"{_amounts(has)} instead of {_amounts(server.wanted)}")
    return None


def _judge_migration(migration: Mover, claimed: Claimed, roots: Mapping[str, str]) -> Finding | None:
    elsewhere = {p: amounts for p, amounts in claimed.items() if roots.get(p, p) != migration.source}
    if migration.is_over and claimed:
        return Finding(migration.uuid, Kind.OVER, _say(claimed))
    if elsewhere:
        source = "no node that we know" if migration.source is None else migration.source
        return Finding(migration.uuid, Kind.ASTRAY, f"{_say(elsewhere)}; its source is {source}")
    return None


def _say(claimed: Claimed) -> str:
    return "; ".join(f"{_amounts(amounts)} of {provider}" for provider, amounts in sorted(claimed.items()))


def _amounts(amounts: Mapping[str, int]) -> str:
    return ", ".join(f"{name}={amount}" for name, amount in sorted(amounts.items()))
