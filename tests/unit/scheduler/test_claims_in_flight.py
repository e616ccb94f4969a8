"""What is chosen and may not be in an answer of Placement yet is counted; what must be in it is not."""

import pytest

from novalike.clients.placement_types import Amounts, Choice
from novalike.scheduler.claims_in_flight import ClaimsInFlight


@pytest.fixture
def in_flight() -> ClaimsInFlight:
    return ClaimsInFlight()


def one(amount: int = 1, host: str = "h") -> list[Choice]:
    return [Choice({host: Amounts({"VCPU": amount})})]


def taken(in_flight: ClaimsInFlight, reader: int) -> int:
    return in_flight.taken_since(reader).get("h", {}).get("VCPU", 0)


def test_what_is_being_claimed_counts_for_all(in_flight: ClaimsInFlight) -> None:
    early = in_flight.begin()
    in_flight.enter(one(2) + one(1) + one(5, "other"))
    late = in_flight.begin()
    assert (taken(in_flight, early), taken(in_flight, late)) == (3, 3)


def test_what_was_claimed_counts_for_who_asked_before_it_was_written(in_flight: ClaimsInFlight) -> None:
    early = in_flight.begin()
    entry = in_flight.enter(one())
    between = in_flight.begin()
    in_flight.settle(entry, True)
    late = in_flight.begin()
    assert [taken(in_flight, reader) for reader in (early, between, late)] == [1, 1, 0]


def test_what_was_not_claimed_does_not_count(in_flight: ClaimsInFlight) -> None:
    reader = in_flight.begin()
    in_flight.settle(in_flight.enter(one()), False)
    assert taken(in_flight, reader) == 0


def test_what_nobody_can_miss_any_more_is_forgotten(in_flight: ClaimsInFlight) -> None:
    early = in_flight.begin()
    in_flight.settle(in_flight.enter(one()), True)
    middle = in_flight.begin()
    in_flight.settle(in_flight.enter(one()), True)
    pending = in_flight.enter(one())
    assert len(in_flight._entries) == 3
    in_flight.end(early)
    assert (len(in_flight._entries), taken(in_flight, middle)) == (2, 2)
    in_flight.end(middle)
    # What is still being written is not forgotten.
    assert list(in_flight._entries) == [pending]
    in_flight.settle(pending, True)
    assert in_flight._entries == {}, "nobody has asked before it was written"


def test_who_has_ended_already_may_do_so_again(in_flight: ClaimsInFlight) -> None:
    reader = in_flight.begin()
    in_flight.end(reader)
    in_flight.end(reader)
    assert taken(in_flight, in_flight.begin()) == 0
