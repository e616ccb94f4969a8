"""Plans become claims: how many writes, and what is taken away again."""

from typing import Any

import pytest

from novalike.clients.placement_types import Amounts, Choice, Claim, ClaimConflict
from novalike.objects import errors
from novalike.objects.scheduling import EarlierClaim
from novalike.scheduler import claims
from novalike.scheduler.host_assignment import AssignedHost
from tests.unit.scheduler.cloud import node_uuid, request, state


class Placement:
    def __init__(self) -> None:
        self.writes: list[list[Claim]] = []
        self.refuse: dict[str, Exception] = {}

    def claim(self, wanted: list[Claim]) -> None:
        for each in wanted:
            if each.consumer in self.refuse:
                raise self.refuse[each.consumer]
        self.writes.append(list(wanted))

    def get_allocations(self, consumer: str) -> Any:
        raise AssertionError("nobody asked")

    @property
    def written(self) -> list[list[str]]:
        return [[each.consumer for each in write] for write in self.writes]


@pytest.fixture
def placement() -> Placement:
    return Placement()


def assigned(server: str, host: str) -> AssignedHost:
    return AssignedHost(server, state(host), Choice({node_uuid(host): Amounts({"VCPU": 1})}))


FOUR = [assigned("s1", "a"), assigned("s2", "b"), assigned("s3", "a"), assigned("s4", "b")]
FULL = ClaimConflict(kind="capacity", reason="full")


def test_all_in_one_write(placement: Placement) -> None:
    assert claims.commit(placement, request(), FOUR, by_host=False) == FOUR  # type: ignore[arg-type]
    assert placement.written == [["s1", "s2", "s3", "s4"]]


def test_a_full_host_costs_the_others_nothing_when_each_has_a_write(placement: Placement) -> None:
    placement.refuse["s4"] = FULL
    won = claims.commit(placement, request(), FOUR, by_host=True)  # type: ignore[arg-type]
    assert [each.instance_uuid for each in won] == ["s1", "s3"]
    assert placement.written == [["s1", "s3"]]
    assert claims.commit(placement, request(), FOUR, by_host=False) == []  # type: ignore[arg-type]


def test_an_earlier_claim_is_overwritten_by_its_generation(placement: Placement) -> None:
    asked = request(earlier={"s1": EarlierClaim(resources={}, generation=7)})
    claims.commit(placement, asked, FOUR[:2], by_host=False)  # type: ignore[arg-type]
    assert [(each.consumer, each.generation) for each in placement.writes[0]] == [("s1", 7), ("s2", None)]


def test_somebody_elses_claim_gives_back_what_was_won(placement: Placement) -> None:
    placement.refuse["s4"] = ClaimConflict(kind="consumer", reason="has one")
    placement.get_allocations = lambda consumer: Choice({})  # type: ignore[method-assign]
    with pytest.raises(errors.AlreadyClaimed) as raised:
        claims.commit(placement, request(), FOUR, by_host=True)  # type: ignore[arg-type]
    assert raised.value.fields["instance_id"] == "s4"
    assert placement.written == [["s1", "s3"], ["s1"], ["s3"]]
    taken_away = [write[0] for write in placement.writes[1:]]
    assert [(each.choice.allocations, each.generation) for each in taken_away] == [({}, 1), ({}, 1)]


@pytest.mark.parametrize("claimed", ["s1", "s3", "s4"])
def test_it_is_said_which_of_the_servers_has_a_claim(placement: Placement, claimed: str) -> None:
    placement.refuse["s4"] = ClaimConflict(kind="consumer", reason="has one")
    asked: list[str] = []

    def look(consumer: str) -> Any:
        asked.append(consumer)
        return FOUR[0].choice if consumer == claimed else Choice({})

    placement.get_allocations = look  # type: ignore[method-assign]
    with pytest.raises(errors.AlreadyClaimed) as raised:
        claims.commit(placement, request(), FOUR, by_host=False)  # type: ignore[arg-type]
    assert raised.value.fields["instance_id"] == claimed
    assert asked == ["s1", "s2", "s3"][: 1 if claimed == "s1" else 3], "if it is none of the others it is the last"


def test_only_what_was_written_is_taken_away(placement: Placement) -> None:
    asked = request(earlier={"s1": EarlierClaim(resources={}, generation=7)})
    claims.release(placement, asked, FOUR[:1])  # type: ignore[arg-type]
    assert placement.writes[0][0].generation == 8


def test_what_can_not_be_taken_away_does_not_keep_the_rest(placement: Placement) -> None:
    placement.refuse = {"s1": FULL, "s2": errors.Invalid("no")}
    claims.release(placement, request(), FOUR[:3])  # type: ignore[arg-type]
    assert placement.written == [["s3"]]


def test_a_placement_that_is_away_is_not_asked_again_and_again(placement: Placement) -> None:
    placement.refuse = {"s1": errors.Unavailable(reason="away")}
    claims.release(placement, request(), FOUR)  # type: ignore[arg-type]
    assert placement.writes == []
