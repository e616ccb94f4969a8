"""What may be asked twice is asked again; what may not is asked once, and says that nobody knows."""

from typing import Any

import pytest

from novalike.bus import transport as bus
from novalike.bus.interface import Interface, call
from novalike.bus.transport import NoAnswer, Transport, try_timeouts
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context


class Desk(Interface):
    topic = "desk"

    @call(repeatable=True)
    def read(self, ctx: RequestContext) -> str:
        raise NotImplementedError

    @call(timeout=60, repeatable=True)
    def report(self, ctx: RequestContext) -> str:
        raise NotImplementedError

    @call()
    def change(self, ctx: RequestContext) -> str:
        raise NotImplementedError


class Scripted(Transport):
    """Does what it is told for each try: raise, or answer."""

    def __init__(self, *script: dict[str, Any] | Exception) -> None:
        self.script = list(script)
        self.waited: list[float | None] = []

    def call(self, interface, endpoint, method, ctx, payload, timeout):  # type: ignore[no-untyped-def]
        self.waited.append(timeout)
        now = self.script.pop(0)
        if isinstance(now, Exception):
            raise now
        return now

    def cast(self, *args: Any) -> None:
        raise NotImplementedError

    def serve(self, *args: Any) -> Any:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(bus.time, "monotonic", lambda: now[0])
    return now


@pytest.mark.parametrize(
    ("first", "total", "expected"),
    [(5, 20, [5, 5, 10]), (5, 60, [5, 5, 10, 20, 20]), (5, 30, [5, 5, 10, 10]), (5, 10, [5, 5]), (5, 12, [5, 7]),
     (5, 5, [5]), (5, 2, [2]), (0.5, 1, [0.5, 0.5])],
)  # fmt: skip
def test_tries_fill_the_time(first: float, total: float, expected: list[float], clock: list[float]) -> None:
    found = []
    for timeout in try_timeouts(first, total):
        found.append(timeout)
        clock[0] += timeout
    assert found == expected


def test_tries_that_fail_at_once_are_limited_by_time_all_the_same(clock: list[float]) -> None:
    tries = try_timeouts(5, 20)
    assert next(tries) == 5
    clock[0] += 19.99
    assert list(tries) == []


def test_another_one_answers() -> None:
    transport = Scripted(NoAnswer(reason="died"), {"r": '"yes"'})
    desk: Desk = transport.client(Desk)
    assert desk.read(admin_context()) == "yes"
    assert transport.waited[0] == Transport.try_timeout
    assert len(transport.waited) == 2


def test_a_declared_time_is_kept(clock: list[float]) -> None:
    class Slow(Scripted):
        def call(self, interface, endpoint, method, ctx, payload, timeout):  # type: ignore[no-untyped-def]
            clock[0] += timeout
            return super().call(interface, endpoint, method, ctx, payload, timeout)

    transport = Slow(*[NoAnswer(reason="silence") for _ in range(9)])
    desk: Desk = transport.client(Desk)
    with pytest.raises(errors.Unavailable, match="silence"):
        desk.report(admin_context())
    assert transport.waited == [5, 5, 10, 20, 20]


def test_a_broker_that_is_away_is_not_asked_again() -> None:
    transport = Scripted(errors.Unavailable(reason="the message bus can't be reached"))
    desk: Desk = transport.client(Desk)
    with pytest.raises(errors.Unavailable, match="can't be reached"):
        desk.read(admin_context())


def test_what_the_server_says_is_final() -> None:
    transport = Scripted({"e": errors.Unavailable(reason="the database can't be used now").to_wire()})
    desk: Desk = transport.client(Desk)
    with pytest.raises(errors.Unavailable, match="database"):
        desk.read(admin_context())


def test_a_change_is_asked_for_once_and_nobody_knows() -> None:
    transport = Scripted(NoAnswer(reason="no answer from desk in time"))
    desk: Desk = transport.client(Desk)
    with pytest.raises(errors.Unavailable, match="not known whether the request was carried out"):
        desk.change(admin_context())
    assert transport.waited == [None]
