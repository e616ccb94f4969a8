"""What is chosen and may not be in an answer of Placement yet is counted; what must be in it is not."""

import pytest

from novalike.clients.allocation import Amounts, Choice
from novalike.scheduler.ledger import Ledger


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def one(amount: int = 1, host: str = "h") -> list[Choice]:
    return [Choice({host: Amounts({"VCPU": amount})})]


def taken(ledger: Ledger, reader: int) -> int:
    return ledger.taken_since(reader).get("h", {}).get("VCPU", 0)


def test_what_is_being_claimed_counts_for_all(ledger: Ledger) -> None:
    early = ledger.begin()
    ledger.enter(one(2) + one(1) + one(5, "other"))
    late = ledger.begin()
    assert (taken(ledger, early), taken(ledger, late)) == (3, 3)


def test_what_was_claimed_counts_for_who_asked_before_it_was_written(ledger: Ledger) -> None:
    early = ledger.begin()
    entry = ledger.enter(one())
    between = ledger.begin()
    ledger.settle(entry, True)
    late = ledger.begin()
    assert [taken(ledger, reader) for reader in (early, between, late)] == [1, 1, 0]


def test_what_was_not_claimed_does_not_count(ledger: Ledger) -> None:
    reader = ledger.begin()
    ledger.settle(ledger.enter(one()), False)
    assert taken(ledger, reader) == 0


def test_what_nobody_can_miss_any_more_is_forgotten(ledger: Ledger) -> None:
    early = ledger.begin()
    ledger.settle(ledger.enter(one()), True)
    middle = ledger.begin()
    ledger.settle(ledger.enter(one()), True)
    pending = ledger.enter(one())
    assert len(ledger._entries) == 3
    ledger.end(early)
    assert (len(ledger._entries), taken(ledger, middle)) == (2, 2)
    ledger.end(middle)
    # What is still being written is not forgotten.
    assert list(ledger._entries) == [pending]
    ledger.settle(pending, True)
    assert ledger._entries == {}, "nobody has asked before it was written"


def test_who_has_ended_already_may_do_so_again(ledger: Ledger) -> None:
    reader = ledger.begin()
    ledger.end(reader)
    ledger.end(reader)
    assert taken(ledger, ledger.begin()) == 0
