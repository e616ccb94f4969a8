"""What a question that somebody has had before is worth: nothing that must not be done twice is."""

import pytest

from novalike.bus.interface import Interface, call, cast
from novalike.bus.rabbit.questions import encode
from novalike.bus.rabbit.server import Dispatcher
from novalike.bus.transport import NoAnswer
from novalike.objects.context import RequestContext, admin_context


class Desk(Interface):
    topic = "desk"

    @call(repeatable=True)
    def look(self, ctx: RequestContext) -> int:
        raise NotImplementedError

    @call()
    def add(self, ctx: RequestContext) -> int:
        raise NotImplementedError

    @cast
    def hint(self, ctx: RequestContext) -> None:
        raise NotImplementedError


class Clerk:
    def __init__(self) -> None:
        self.done: list[str] = []

    def look(self, ctx: RequestContext) -> int:
        self.done.append("look")
        return 1

    def add(self, ctx: RequestContext) -> int:
        self.done.append("add")
        return 2

    def hint(self, ctx: RequestContext) -> None:
        self.done.append("hint")


def question(name: str) -> bytes:
    return encode(Desk, name, admin_context(), "{}")


def test_what_somebody_has_had_before_is_not_done_again_unless_it_may_be_repeated() -> None:
    clerk = Clerk()
    dispatcher = Dispatcher([(Desk, clerk)])
    assert bytes(dispatcher.answer(question("add"))["r"]) == b"2"
    assert bytes(dispatcher.answer(question("look"), again=True)["r"]) == b"1"
    assert dispatcher.answer(question("hint"), again=True) == {}
    error = dispatcher.answer(question("add"), again=True)["e"]
    assert error["class"] == NoAnswer.__name__
    assert "not known whether it was carried out" in error["message"]
    assert clerk.done == ["add", "look", "hint"]


@pytest.mark.parametrize(
    ("body", "may"), [(question("look"), True), (question("hint"), True), (question("add"), False), (b"{", True)]
)
def test_only_what_may_be_repeated_is_given_away_when_a_process_stops(body: bytes, may: bool) -> None:
    """Given back it counts as something that somebody has had before."""
    assert Dispatcher([(Desk, Clerk())]).may_be_given_away(body) == may
