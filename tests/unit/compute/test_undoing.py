"""A step fails: what was done is taken back, by whoever still holds the operation."""

import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from novalike.compute import workflow
from novalike.compute.job import Job, Tools
from novalike.compute.workflow import Step, Workflow
from novalike.objects import errors
from novalike.objects.operation import Assignment, Operation
from novalike.virt.cancellation import Cancellation
from novalike.virt.driver import GuestNotFound
from novalike.virt.guest import Guest
from tests.fakes.records import context, server, spec

PATIENCE = 1.0


class Conductor:
    """In the journal's place. ``fenced`` is set when the operation is given to another worker."""

    def __init__(self, log: list[str]) -> None:
        self.log = log
        self.fenced = False
        self.waits: list[float] = []
        self.outcome: dict[str, Any] = {}

    def progress(self, job: Job, entries: tuple[Any, ...], task_state: str | None) -> None:
        if self.fenced:
            raise errors.Fenced(operation_id=job.operation.uuid, epoch=job.operation.epoch)
        self.log.append("progress")

    def wait(self, job: Job, entries: tuple[Any, ...], seconds: float) -> None:
        self.waits.append(seconds)

    def done(self, job: Job, entries: tuple[Any, ...]) -> None:
        self.log.append("done")
        self.outcome = {"entries": entries}

    def failed(self, job: Job, entries: tuple[Any, ...], error: Exception, **more: Any) -> None:
        self.log.append("failed")
        self.outcome = {"entries": entries, "error": error, **more}


class Driver:
    def find_guest(self, guest: Guest) -> Any:
        raise GuestNotFound(instance_id=guest.uuid)


@pytest.fixture
def log() -> list[str]:
    return []


@pytest.fixture
def conductor(log: list[str]) -> Conductor:
    return Conductor(log)


@pytest.fixture
def job() -> Job:
    a_server = server()
    operation = Operation(
        uuid="o1", instance_uuid=a_server.uuid, action="create", workflow="create", request_id="req-1", user_id="u",
        project_id="p", start_time=datetime.datetime(2026, 11, 28), epoch=4,
    )  # fmt: skip
    tools = Tools(SimpleNamespace(neighbour_patience=PATIENCE), Driver(), None, None)  # type: ignore[arg-type]
    return Job(context(), Assignment(operation=operation, spec=spec(a_server)), "host1", tools, Cancellation("o1"))


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workflow, "_FIRST_PAUSE", 0.01)


def step(name: str, log: list[str], *, do: Any = None, undo: Any = None) -> Step:
    def note(what: str, then: Any) -> Any:
        def act(a_job: Job) -> None:
            log.append(f"{what} {name}")
            if isinstance(then, Exception):
                raise then
            if then is not None:
                then()

        return act

    return Step(name, note("do", do), None if undo is False else note("undo", undo))


def test_nothing_is_undone_by_who_has_lost_the_operation(log: list[str], conductor: Conductor, job: Job) -> None:
    """What is there may be what its successor has made."""

    def fail_after_being_given_up() -> None:
        conductor.fenced = True
        raise RuntimeError("too late")

    steps = (step("disks", log), step("guest", log, do=fail_after_being_given_up))
    with pytest.raises(errors.Fenced):
        workflow.run(Workflow(steps), job, conductor)  # type: ignore[arg-type]
    assert log == ["do disks", "do guest"]


def test_what_was_done_is_undone_last_first(log: list[str], conductor: Conductor, job: Job) -> None:
    steps = (
        step("networks", log), step("nothing to undo", log, undo=False), step("disks", log, do=RuntimeError("full")),
        step("guest", log),
    )  # fmt: skip
    assert workflow.run(Workflow(steps), job, conductor) is None  # type: ignore[arg-type]
    assert log == [
        "do networks", "do nothing to undo", "do disks", "progress", "undo disks", "undo networks", "failed",
    ]  # fmt: skip
    assert conductor.outcome["clean"] is True
    assert conductor.outcome["reschedule"] is False
    results = [(entry.event, entry.result, entry.details) for entry in conductor.outcome["entries"]]
    assert results == [
        ("networks", "Success", None), ("nothing to undo", "Success", None), ("disks", "Error", "full"),
    ]  # fmt: skip


def test_a_build_goes_elsewhere_only_from_where_it_has_left_nothing(
    log: list[str], conductor: Conductor, job: Job
) -> None:
    steps = (step("networks", log), step("disks", log, undo=OSError("busy")), step("guest", log, do=RuntimeError("no")))
    elsewhere = Workflow(steps, judge=lambda error: (507, True))
    assert workflow.run(elsewhere, job, conductor) is False  # type: ignore[arg-type]
    assert log[-4:] == ["undo guest", "undo disks", "undo networks", "failed"]
    assert [conductor.outcome[field] for field in ("code", "reschedule", "clean")] == [507, False, False]


def test_who_loses_the_operation_while_undoing_stops(log: list[str], conductor: Conductor, job: Job) -> None:
    fenced = errors.Fenced(operation_id="o1", epoch=4)
    steps = (step("networks", log), step("disks", log, undo=fenced), step("guest", log, do=RuntimeError("no")))
    with pytest.raises(errors.Fenced):
        workflow.run(Workflow(steps), job, conductor)  # type: ignore[arg-type]
    assert log[-2:] == ["undo guest", "undo disks"]


def test_a_neighbour_that_is_away_is_waited_for_with_growing_pauses(
    log: list[str], conductor: Conductor, job: Job
) -> None:
    times = iter(range(3))

    def away() -> None:
        if next(times, None) is not None:
            raise errors.Unavailable(reason="away")

    assert workflow.run(Workflow((step("networks", log, do=away),)), job, conductor) is True  # type: ignore[arg-type]
    assert conductor.waits == [0.01, 0.02, 0.04]
    assert log[-1] == "done"


def test_a_neighbour_is_not_waited_for_longer_than_it_is_worth(
    log: list[str], conductor: Conductor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "_FIRST_PAUSE", PATIENCE * 2)
    away = errors.Unavailable(reason="away")
    assert workflow.run(Workflow((step("networks", log, do=away),)), job, conductor) is None  # type: ignore[arg-type]
    assert (conductor.waits, conductor.outcome["error"]) == ([], away)


def test_who_must_not_give_up_waits_as_long_as_it_takes(
    log: list[str], conductor: Conductor, job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "_FIRST_PAUSE", PATIENCE * 2)
    times = iter(range(3))

    def away() -> None:
        if next(times, None) is not None:
            raise errors.Unavailable(reason="away")

    persistent = Workflow((step("networks", log, do=away),), persistent=True)
    assert workflow.run(persistent, job, conductor) is True  # type: ignore[arg-type]
    assert conductor.waits == [2.0, 4.0, 5.0]
