"""While a server is moved, its migration has what it had before: the claims of both change together, or not at all."""

from collections.abc import Callable
from typing import Any

import pytest

from novalike.clients.placement import PlacementClient
from novalike.clients.placement_types import Claim, ClaimConflict, single
from novalike.conductor.operations.claims import MovedClaims
from novalike.objects import errors
from tests.fakes.http import Asked, FakeSession, answer
from tests.fakes.placement import FakePlacement
from tests.fakes.records import PROJECT, USER
from tests.unit.scheduler.cloud import node_uuid, report

SOURCE, DESTINATION = node_uuid("source"), node_uuid("destination")
OLD, NEW = {"VCPU": 1, "MEMORY_MB": 512}, {"VCPU": 2, "MEMORY_MB": 1024}
Has = dict[str, tuple[str, dict[str, int], str | None]]


@pytest.fixture
def placement() -> FakePlacement:
    found = FakePlacement()
    for host in ("source", "destination"):
        found.add_provider(report(host))
    return found


def claim(placement: FakePlacement, consumer: str, provider: str, resources: dict[str, int], kind: str) -> None:
    placement.claim([Claim(consumer, single(provider, resources), PROJECT, USER, consumer_type=kind)])


def has(placement: FakePlacement) -> Has:
    """Consumer → provider, what it has of it, and what it is."""
    found = {}
    for consumer, claimed in placement.consumers.items():
        ((provider, amounts),) = claimed.allocations.items()
        assert (claimed.project_id, claimed.user_id) == (PROJECT, USER)
        found[consumer] = (provider, amounts.resources, claimed.consumer_type)
    return found


def ours() -> bool:
    return True


HAD: Has = {"server": (SOURCE, OLD, "INSTANCE")}
KEPT: Has = {"migration": (SOURCE, OLD, "MIGRATION")}
MOVED: Has = KEPT | {"server": (DESTINATION, NEW, "INSTANCE")}


def given(placement: FakePlacement, state: Has) -> None:
    for consumer, (provider, resources, kind) in state.items():
        assert kind is not None
        claim(placement, consumer, provider, resources, kind)


@pytest.mark.parametrize(
    ("before", "after"),
    [(HAD, KEPT), (KEPT, KEPT), (MOVED, MOVED), ({}, {})],
    ids=["once", "again", "when the server has the new one", "nothing claimed"],
)
def test_a_servers_claim_becomes_its_migrations(placement: FakePlacement, before: Has, after: Has) -> None:
    given(placement, before)
    placement.requests.clear()
    MovedClaims(placement).hand_to_migration("server", "migration", ours)
    assert has(placement) == after
    assert placement.requests.get("claim", 0) == (before != after)


@pytest.mark.parametrize(
    ("before", "after"),
    [(MOVED, HAD), (KEPT, HAD), (HAD, HAD), ({}, {})],
    ids=["from where it was to go", "before anything was claimed", "again", "nothing claimed"],
)
def test_a_migrations_claim_becomes_its_servers_again(placement: FakePlacement, before: Has, after: Has) -> None:
    given(placement, before)
    placement.requests.clear()
    MovedClaims(placement).hand_back("server", "migration", ours)
    assert has(placement) == after
    assert placement.requests.get("claim", 0) == (before != after)


Hand = Callable[..., None]


@pytest.fixture(params=["hand_to_migration", "hand_back"])
def hand(request: pytest.FixtureRequest, placement: FakePlacement) -> Hand:
    """One of both ways, with claims for which there is something to do."""
    given(placement, HAD if request.param == "hand_to_migration" else MOVED)
    found: Hand = getattr(MovedClaims(placement), request.param)
    return found


def test_who_has_lost_the_operation_changes_nothing(placement: FakePlacement, hand: Hand) -> None:
    """He is asked after the claims were read: those of his successor would be others."""
    before, asked = has(placement), []

    def lost() -> bool:
        asked.append(placement.requests["get_allocations"])
        return False

    placement.requests.clear()
    hand("server", "migration", lost)
    assert has(placement) == before
    assert asked == [2], "both have been read"
    assert "claim" not in placement.requests


@pytest.mark.parametrize("who", ["server", "migration"])
def test_who_is_overtaken_while_he_writes_changes_nothing(placement: FakePlacement, hand: Hand, who: str) -> None:
    def overtake(claims: Any) -> None:
        placement.before_claim = None
        known = placement.get_allocations(who)
        kind = "INSTANCE" if who == "server" else "MIGRATION"
        placement.claim([
            Claim(who, single(DESTINATION, {"VCPU": 3}), PROJECT, USER, known.consumer_generation, consumer_type=kind)
        ])  # fmt: skip

    before = has(placement)
    placement.before_claim = overtake
    with pytest.raises(errors.Unavailable, match="consumer generation conflict"):
        hand("server", "migration", ours)
    assert has(placement)[who][1] == {"VCPU": 3}
    before.pop(who, None)
    assert {consumer: what for consumer, what in has(placement).items() if consumer != who} == before


def test_an_answer_that_was_lost_is_found_to_have_been_written(placement: FakePlacement, hand: Hand) -> None:
    write = placement.claim

    def lose(claims: Any) -> None:
        write(claims)
        raise errors.Unavailable(reason="no answer")

    placement.claim = lose  # type: ignore[method-assign]
    with pytest.raises(errors.Unavailable):
        hand("server", "migration", ours)
    written = has(placement)
    placement.claim = write  # type: ignore[method-assign]
    hand("server", "migration", ours)
    assert has(placement) == written
    assert len(written) == 1


@pytest.mark.parametrize("kind", ["capacity", "provider", "consumer"])
def test_whatever_placement_refuses_is_tried_again_later(placement: FakePlacement, hand: Hand, kind: str) -> None:
    def refuse(claims: Any) -> None:
        raise ClaimConflict(kind=kind, reason="no")

    before = has(placement)
    placement.before_claim = refuse
    with pytest.raises(errors.Unavailable, match=f"did not move a claim: .*{kind}"):
        hand("server", "migration", ours)
    assert has(placement) == before


def test_what_is_given_up_is_gone_and_may_be_gone_before(placement: FakePlacement) -> None:
    given(placement, MOVED)
    for _ in range(2):
        MovedClaims(placement).give_up("migration")
        assert has(placement) == {"server": MOVED["server"]}


def wire(**consumers: Any) -> FakeSession:
    """Placement, where consumers have what is given."""

    def respond(asked: Asked) -> Any:
        if asked.method == "POST":
            return answer(204)
        return answer(200, consumers.get(asked.path.removeprefix("/allocations/"), {"allocations": {}}))

    return FakeSession(respond)


def _stored(provider: str, resources: dict[str, int], generation: int, kind: str) -> Any:
    return {
        "allocations": {provider: {"resources": resources, "generation": 40}}, "consumer_generation": generation,
        "project_id": PROJECT, "user_id": USER, "consumer_type": kind,
    }  # fmt: skip


def _sent(provider: str | None, resources: dict[str, int], generation: int | None, kind: str) -> Any:
    return {
        "allocations": {} if provider is None else {provider: {"resources": resources}},
        "consumer_generation": generation, "project_id": PROJECT, "user_id": USER, "consumer_type": kind,
    }  # fmt: skip


def _written(session: FakeSession) -> Any:
    (asked,) = (asked for asked in session.asked if asked.method == "POST")
    assert asked.path == "/allocations"
    return asked.json


def test_on_the_wire_both_consumers_are_in_one_write_with_what_they_had() -> None:
    session = wire(server=_stored(SOURCE, OLD, 7, "INSTANCE"))
    MovedClaims(PlacementClient(None, session)).hand_to_migration("server", "migration", ours)  # type: ignore[arg-type]
    assert _written(session) == {
        "server": _sent(None, {}, 7, "INSTANCE"), "migration": _sent(SOURCE, OLD, None, "MIGRATION"),
    }  # fmt: skip


@pytest.mark.parametrize("generation", [9, None], ids=["from another host", "that has none"])
def test_on_the_wire_a_claim_goes_back_instead_of_the_servers(generation: int | None) -> None:
    new = {} if generation is None else {"server": _stored(DESTINATION, NEW, generation, "INSTANCE")}
    session = wire(migration=_stored(SOURCE, OLD, 3, "MIGRATION"), **new)
    MovedClaims(PlacementClient(None, session)).hand_back("server", "migration", ours)  # type: ignore[arg-type]
    assert _written(session) == {
        "server": _sent(SOURCE, OLD, generation, "INSTANCE"), "migration": _sent(None, {}, 3, "MIGRATION"),
    }  # fmt: skip
