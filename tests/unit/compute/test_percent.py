"""How much is done of what takes long: said now and then, by whoever still has the operation."""

import datetime
from typing import Any

import pytest

from novalike.compute import job as module
from novalike.compute.job import Job, Tools
from novalike.compute.journal import Journal
from novalike.compute.workflow import Step, Workflow, run
from novalike.objects import errors
from novalike.objects.operation import Assignment, Operation, Outcome, Progress
from novalike.virt.cancellation import Cancellation
from novalike.virt.driver import GuestNotFound
from tests.fakes.records import context, server, spec


class Clock:
    """Stands in for ``time`` in the job's module."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(module, "time", found)
    return found


class Driver:
    def find_guest(self, guest: Any) -> Any:
        raise GuestNotFound(instance_id="s1")


def a_job() -> Job:
    operation = Operation(
        uuid="o", instance_uuid="s1", action="resize", workflow="resize", request_id="r", user_id="u", project_id="p",
        start_time=datetime.datetime(2026, 11, 28), epoch=4, host="host1",
    )  # fmt: skip
    conf: Any = type("Conf", (), {"neighbour_patience": 0})()
    driver: Any = Driver()
    nothing: Any = None
    assignment = Assignment(operation=operation, spec=spec(server(uuid="s1")))
    return Job(context(), assignment, "host1", Tools(conf, driver, nothing, nothing), Cancellation("o"))


@pytest.fixture
def job(clock: Clock) -> Job:
    return a_job()


def told(job: Job) -> list[int | None]:
    """The percents that are told from now on."""
    said: list[int | None] = []
    job.tell = lambda: said.append(job.percent)
    return said


def test_it_is_said_now_and_then(job: Job, clock: Clock) -> None:
    said = told(job)
    for now, percent in ((1000, 1), (1001, 2), (1002, 3), (1002.1, 4), (1003, 5), (1004, 6), (1004.05, 7)):
        clock.now = now
        job.tell_percent(percent)
    assert said == [1, 4]
    clock.now = 1004.3
    job.tell_percent(8)
    assert said == [1, 4, 8]


def test_what_is_known_is_not_said_again(job: Job, clock: Clock) -> None:
    said = told(job)
    for _ in range(3):
        clock.now += 10
        job.tell_percent(0)
    assert said == [0]
    clock.now += 10
    job.tell_percent(1)
    assert (said, job.percent) == ([0, 1], 1)


def test_who_is_cancelled_copies_no_further(job: Job) -> None:
    said = told(job)
    job.cancellation.cancel()
    with pytest.raises(errors.Fenced):
        job.tell_percent(5)
    assert (said, job.percent) == ([], None)


def test_until_something_takes_long_nothing_is_told(job: Job) -> None:
    job.tell_percent(5)
    assert job.percent == 5


class Conductor:
    def __init__(self) -> None:
        self.said: list[Progress | Outcome] = []

    def client(self, interface: Any) -> "Conductor":
        return self

    def progress(self, ctx: Any, *, progress: Progress) -> None:
        self.said.append(progress)

    def finish(self, ctx: Any, *, outcome: Outcome) -> None:
        self.said.append(outcome)


def test_users_see_it_with_the_step_that_it_is_of(job: Job, clock: Clock) -> None:
    conductor = Conductor()

    def copy(job: Job) -> None:
        for percent in (10, 60):
            clock.now += 5
            job.tell_percent(percent)

    bus: Any = conductor
    assert run(Workflow((Step("prepare", lambda job: None), Step("copy", copy))), job, Journal(bus)) is True
    first, second, outcome = conductor.said
    assert isinstance(first, Progress)
    assert isinstance(second, Progress)
    assert isinstance(outcome, Outcome)
    assert [(each.percent, each.sequence, each.task_state, each.epoch) for each in (first, second)] == [
        (10, 1, None, 4), (60, 2, None, 4),
    ]  # fmt: skip
    assert [[entry.event for entry in each.entries] for each in (first, second)] == [["prepare", "copy"]] * 2
    assert first.entries[-1].finish_time is None
    assert outcome.entries[-1].result == "Success"
