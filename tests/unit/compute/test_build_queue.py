"""Builds begin in their order, so many at a time on each host."""

import pytest

from novalike.compute.build_queue import BuildQueue


class Queue:
    """A queue, and what has begun."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.begun: list[str] = []
        self.queue: BuildQueue[str] = BuildQueue(lambda: self.limit, self.begun.append)

    def put(self, host: str, *builds: str) -> None:
        for build in builds:
            self.queue.put(host, build)


def test_in_the_order_in_which_they_came() -> None:
    found = Queue(2)
    found.put("h", "a", "b", "c", "d")
    assert found.begun == ["a", "b"]
    found.queue.ended("h")
    found.put("h", "e")
    assert found.begun == ["a", "b", "c"]
    for _ in range(4):
        found.queue.ended("h")
    assert found.begun == ["a", "b", "c", "d", "e"]
    found.put("h", "f", "g", "h")
    assert found.begun[5:] == ["f", "g"]


def test_hosts_do_not_wait_for_each_other() -> None:
    found = Queue(1)
    found.put("h", "a", "b")
    found.put("i", "c", "d")
    assert found.begun == ["a", "c"]
    found.queue.ended("i")
    assert found.begun == ["a", "c", "d"]


def test_no_limit() -> None:
    found = Queue(0)
    found.put("h", *map(str, range(100)))
    assert len(found.begun) == 100


def test_what_is_withdrawn_never_begins() -> None:
    found = Queue(1)
    found.put("h", "a", "b", "c")
    assert found.queue.withdraw("h", "b")
    assert not found.queue.withdraw("h", "b")
    assert not found.queue.withdraw("h", "a")  # it has begun
    assert not found.queue.withdraw("elsewhere", "c")
    found.queue.ended("h")
    assert found.begun == ["a", "c"]


@pytest.mark.parametrize("limit", [0, 3])
def test_a_limit_that_is_raised_counts_at_the_next_end(limit: int) -> None:
    found = Queue(1)
    found.put("h", "a", "b", "c")
    found.limit = limit
    found.queue.ended("h")
    assert found.begun == ["a", "b", "c"]
