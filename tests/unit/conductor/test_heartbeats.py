"""Signs of life are written many at a time, and news at once."""

import threading
from collections.abc import Sequence

import pytest

from novalike.conductor.heartbeats import Heartbeats
from novalike.objects import errors
from novalike.objects.host import Heartbeat


def beat(endpoint: str = "e1", incarnation: str = "1", binary: str = "nova-compute") -> Heartbeat:
    return Heartbeat(binary=binary, endpoint=endpoint, incarnation=incarnation, hosts=(endpoint,), version=1)


class Book:
    def __init__(self) -> None:
        self.written: list[list[str]] = []
        self.away = False

    def write(self, beats: Sequence[Heartbeat]) -> None:
        if self.away:
            raise errors.Unavailable(reason="away")
        self.written.append([f"{each.endpoint} {each.incarnation}" for each in beats])


@pytest.fixture
def book() -> Book:
    return Book()


def test_what_is_new_is_written_at_once(book: Book) -> None:
    beats = Heartbeats(book.write, gather=60)
    for each in (beat("e1"), beat("e2"), beat("e1", "2"), beat("e1", "2", binary="nova-conductor")):
        beats.note(each)
    assert book.written == [["e1 1"], ["e2 1"], ["e1 2"], ["e1 2"]]


def test_what_could_not_be_written_is_still_new(book: Book) -> None:
    beats = Heartbeats(book.write, gather=60)
    book.away = True
    with pytest.raises(errors.Unavailable):
        beats.note(beat())
    book.away = False
    beats.note(beat())
    assert book.written == [["e1 1"]]


def test_others_are_gathered_and_written_once_by_who_came_first(book: Book) -> None:
    beats = Heartbeats(book.write, gather=0.2)
    for endpoint in ("e1", "e2", "e3"):
        beats.note(beat(endpoint))
    del book.written[:]
    first = threading.Thread(target=beats.note, args=(beat("e1"),))
    first.start()
    while not beats._waiting:
        pass
    for endpoint in ("e2", "e3", "e2"):
        beats.note(beat(endpoint))  # which does not wait
    assert book.written == []
    first.join()
    assert book.written == [["e1 1", "e2 1", "e3 1"]]
    # And again: nothing is kept.
    beats.note(beat("e2"))
    assert book.written[1:] == [["e2 1"]]
