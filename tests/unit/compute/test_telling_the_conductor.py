"""A conductor that can't be reached is told again, with growing pauses, until the daemon stops."""

import datetime
from typing import Any

import pytest

from novalike.compute.job import Job
from novalike.compute.journal import Journal, Stopped
from novalike.objects import errors
from novalike.objects.operation import Assignment, Operation
from tests.fakes.records import context, server, spec


class Stopping:
    """In the place of a job's cancellation; remembers what was waited for."""

    def __init__(self) -> None:
        self.waits: list[float] = []
        self.after = 99

    def pause(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return len(self.waits) < self.after


class Conductor:
    def __init__(self) -> None:
        self.said: list[Any] = []
        self.away = 0
        self.fenced = False

    def client(self, interface: object) -> "Conductor":
        return self

    def progress(self, ctx: object, *, progress: Any, **more: Any) -> None:
        if self.fenced:
            raise errors.Fenced(operation_id="o", epoch=1)
        if self.away:
            self.away -= 1
            raise errors.Unavailable(reason="away")
        self.said.append(progress)


@pytest.fixture
def conductor() -> Conductor:
    return Conductor()


@pytest.fixture
def stopping() -> Stopping:
    return Stopping()


@pytest.fixture
def tell(conductor: Conductor, stopping: Stopping) -> Any:
    """Tells that a step has begun."""
    journal = Journal(conductor)  # type: ignore[arg-type]
    operation = Operation(
        uuid="o", instance_uuid="s", action="create", workflow="create", request_id="r", user_id="u", project_id="p",
        start_time=datetime.datetime(2026, 11, 28), epoch=4,
    )  # fmt: skip
    tools: Any = (None, None, None, None)
    job = Job(context(), Assignment(operation=operation, spec=spec(server())), "h", tools, stopping)  # type: ignore[arg-type]
    return lambda: journal.progress(job, (), "spawning")


def test_what_was_heard_is_said_once(tell: Any, conductor: Conductor, stopping: Stopping) -> None:
    tell()
    (said,) = conductor.said
    assert (said.operation_id, said.epoch, said.task_state) == ("o", 4, "spawning")
    assert stopping.waits == []


def test_pauses_grow_up_to_a_limit(tell: Any, conductor: Conductor, stopping: Stopping) -> None:
    conductor.away = 8
    tell()
    assert len(conductor.said) == 1
    first, *others = stopping.waits
    limit = max(stopping.waits)
    assert others == [min(first * 2**n, limit) for n in range(1, 8)]
    assert first < limit == stopping.waits[-2], "it was reached"


def test_who_stops_says_no_more(tell: Any, conductor: Conductor, stopping: Stopping) -> None:
    conductor.away, stopping.after = 99, 3
    with pytest.raises(Stopped):
        tell()
    assert (len(stopping.waits), conductor.said) == (3, [])


def test_who_was_fenced_does_not_insist(tell: Any, conductor: Conductor, stopping: Stopping) -> None:
    conductor.fenced = True
    with pytest.raises(errors.Fenced):
        tell()
    assert stopping.waits == []
