"""What counts as a disagreement between Placement and the records."""

import pytest

from novalike.cmd.management.placement_audit import ORPHANED, Claimant, Claimed, Kind, Mover, compare

WANTED = {"VCPU": 1, "MEMORY_MB": 64}
ROOTS = {"node": "node", "numa": "node", "other": "other"}


def server(*, deleted: bool = False, host: str | None = "h", provider: str | None = "node") -> Claimant:
    return Claimant("s", deleted, host, provider, WANTED, "p", "u")


def judged(claimant: Claimant | None, claimed: Claimed) -> Kind | None:
    found = compare({"s": claimant} if claimant else {}, {}, {"s": claimed} if claimed else {}, ROOTS)
    assert len(found) <= 1
    return found[0].kind if found else None


@pytest.mark.parametrize(
    ("claimant", "claimed", "kind"),
    [
        (server(), {"node": WANTED}, None),
        (server(), {"node": {"VCPU": 1}, "numa": {"MEMORY_MB": 64}}, None),
        (server(host=None, provider=None), {}, None),
        (server(deleted=True), {}, None),
        (None, {"node": WANTED}, Kind.UNKNOWN),
        (server(deleted=True), {"node": WANTED}, Kind.DELETED),
        (server(host=None, provider=None), {"node": WANTED}, Kind.UNPLACED),
        (server(), {}, Kind.MISSING),
        (server(provider=None), {}, Kind.NO_NODE),
        (server(provider=None), {"node": WANTED}, Kind.NO_NODE),
        (server(), {"other": WANTED}, Kind.MISPLACED),
        (server(), {"node": WANTED, "other": {"VCPU": 1}}, Kind.MISPLACED),
        (server(), {"node": WANTED, "gone": {"VCPU": 1}}, Kind.MISPLACED),
        (server(), {"node": {"VCPU": 2, "MEMORY_MB": 64}}, Kind.AMOUNTS),
        (server(), {"node": {"VCPU": 1}}, Kind.AMOUNTS),
        (server(), {"node": {**WANTED, "DISK_GB": 1}}, Kind.AMOUNTS),
        (server(), {"node": WANTED, "numa": {"VCPU": 1}}, Kind.AMOUNTS),
    ],
)
def test_judgements(claimant: Claimant | None, claimed: Claimed, kind: Kind | None) -> None:
    assert judged(claimant, claimed) is kind


@pytest.mark.parametrize(
    ("is_over", "source", "claimed", "kind"),
    [
        (False, "node", {}, None),
        (False, "node", {"node": WANTED}, None),
        (False, "node", {"node": {"VCPU": 1}, "numa": {"MEMORY_MB": 64}}, None),
        (False, "node", {"other": WANTED}, Kind.ASTRAY),
        (False, "node", {"node": WANTED, "other": {"VCPU": 1}}, Kind.ASTRAY),
        (False, None, {"node": WANTED}, Kind.ASTRAY),
        (False, None, {}, None),
        (True, "node", {}, None),
        (True, "node", {"node": WANTED}, Kind.OVER),
        (True, None, {"other": WANTED}, Kind.OVER),
    ],
)
def test_judgements_of_migrations(is_over: bool, source: str | None, claimed: Claimed, kind: Kind | None) -> None:
    claims = {"m": claimed} if claimed else {}
    found = compare({}, {"m": Mover("m", "s", is_over, source)}, claims, ROOTS)
    assert [f.kind for f in found] == ([] if kind is None else [kind])


def test_what_belongs_to_a_server_that_is_somewhere_is_never_called_orphaned() -> None:
    assert ORPHANED.isdisjoint({Kind.MISSING, Kind.MISPLACED, Kind.AMOUNTS, Kind.NO_NODE, Kind.ASTRAY})


def test_the_detail_says_what_and_where() -> None:
    (found,) = compare({"s": server()}, {}, {"s": {"other": {"VCPU": 3}}}, ROOTS)
    assert found.detail == "VCPU=3 of other; the server is on node"
    (found,) = compare({"s": server()}, {}, {"s": {"node": {"VCPU": 3}}}, ROOTS)
    assert found.detail == "VCPU=3 instead of MEMORY_MB=64, VCPU=1"
