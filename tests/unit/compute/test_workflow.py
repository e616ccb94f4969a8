"""However a job ends, the conductor hears of it."""

import datetime
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
from oslo_config import cfg

from novalike import conf as novalike_conf
from novalike.bus.transport import Transport
from novalike.compute import journal as journals
from novalike.compute import workflow as workflows
from novalike.compute.job import Job, Tools
from novalike.compute.journal import Journal
from novalike.compute.operations import workflow_of
from novalike.compute.workflow import Step, Workflow, taken_back
from novalike.objects import errors
from novalike.objects.network import Vif
from novalike.objects.operation import Assignment, JournalEntry, Operation, Outcome, Progress, Stop
from novalike.virt.cancellation import Cancellation, Cancelled
from novalike.virt.driver import GuestFailed, GuestInfo, GuestNotFound
from tests.fakes import records


class Conductor:
    """Takes reports; ``raises`` are raised one after the other instead."""

    def __init__(self) -> None:
        self.said: list[Progress | Outcome] = []
        self.raises: list[Exception] = []

    def progress(self, ctx: Any, *, progress: Progress) -> None:
        self._take(progress)

    def finish(self, ctx: Any, *, outcome: Outcome) -> None:
        self._take(outcome)

    def _take(self, report: Progress | Outcome) -> None:
        if self.raises:
            raise self.raises.pop(0)
        self.said.append(report)

    @property
    def outcome(self) -> Outcome:
        """The only outcome that was said."""
        (found,) = (report for report in self.said if isinstance(report, Outcome))
        return found


class Driver:
    def __init__(self) -> None:
        self.looks = 0
        self.seen: list[GuestInfo | Exception] = [GuestInfo(instance_uuid="it", instance_name="it", power_state=1)]

    def find_guest(self, guest: Any) -> GuestInfo:
        self.looks += 1
        found = self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
    conf.set_override("neighbour_patience", 0.05)
    return conf


@pytest.fixture
def conductor() -> Conductor:
    return Conductor()


@pytest.fixture
def driver() -> Driver:
    return Driver()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_FIRST_PAUSE", 0.001)
    monkeypatch.setattr(workflows, "_FIRST_PAUSE", 0.02)


Run = Callable[..., bool | None]


def a_job(conf: cfg.ConfigOpts, driver: Driver, **operation: Any) -> Job:
    fields: dict[str, Any] = {
        "uuid": "op", "instance_uuid": "it", "action": "reboot", "workflow": "reboot_hard", "request_id": "req",
        "user_id": None, "project_id": None, "start_time": datetime.datetime(2026, 11, 28), "epoch": 2,
    }  # fmt: skip
    spec = records.spec(records.server(uuid="it"))
    assignment = Assignment(operation=Operation(**(fields | operation)), spec=spec)
    tools = Tools(conf, cast(Any, driver), cast(Any, None), cast(Any, None))
    return Job(records.context(), assignment, "host1", tools, Cancellation("op"))


@pytest.fixture
def run(conf: cfg.ConfigOpts, conductor: Conductor, driver: Driver) -> Run:
    """Runs a workflow of some actions, or a whole one."""

    class Bus:
        def client(self, interface: Any) -> Conductor:
            return conductor

    def run(*actions: Workflow | Callable[[Job], None], job: Job | None = None, **more: Any) -> bool | None:
        given = actions[0]
        if not isinstance(given, Workflow):
            steps = tuple(Step(f"step{n}", cast(Any, action)) for n, action in enumerate(actions))
            given = Workflow(steps=steps, **more)
        return workflows.run(given, job or a_job(conf, driver), journal_of(cast(Any, Bus())))

    return run


def journal_of(transport: Transport) -> Journal:
    return Journal(transport)


def nothing(job: Job) -> None:
    pass


def fail(job: Job) -> None:
    raise GuestFailed(reason="it does not start")


@pytest.mark.parametrize("error", [GuestFailed(reason="libvirt: no"), AssertionError("a fault of ours")])
def test_a_guest_that_cannot_be_seen_is_no_failure_of_the_steps(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver, error: Exception
) -> None:
    """The steps were done again every half minute: neither success nor failure was said."""
    driver.seen, job = [error], a_job(conf, driver)
    assert run(nothing, job=job) is True
    assert (conductor.outcome.error, conductor.outcome.power_state) == (None, None)
    assert job.doubtful


@pytest.mark.parametrize("error", [GuestFailed(reason="libvirt: no"), AssertionError("a fault of ours")])
def test_a_guest_that_cannot_be_seen_after_a_failure_changes_nothing_of_it(
    run: Run, conductor: Conductor, driver: Driver, error: Exception
) -> None:
    driver.seen = [error]
    assert run(fail) is None
    assert conductor.outcome.error == "it does not start"


def test_what_the_guest_is_is_said(conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver) -> None:
    job = a_job(conf, driver)
    assert run(nothing, job=job) is True
    assert (conductor.outcome.power_state, job.doubtful) == (1, False)
    driver.seen = [GuestNotFound(instance_id="it")]
    conductor.said.clear()
    assert run(nothing, job=job) is True
    assert (conductor.outcome.power_state, job.doubtful) == (None, False)


def test_an_end_says_all_that_the_conductor_does_not_know(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver
) -> None:
    def prepare(job: Job) -> None:
        job.root_device_name, job.vifs = "/dev/sda", (vif("one"),)

    job = a_job(conf, driver, action="create", workflow="create")
    assert run(prepare, nothing, job=job) is True
    outcome = conductor.outcome
    steps = [(entry.event, entry.result, entry.host, entry.details) for entry in outcome.entries]
    assert steps == [("step0", "Success", "host1", None), ("step1", "Success", "host1", None)]
    assert all(entry.start_time <= cast(Any, entry.finish_time) for entry in outcome.entries)
    assert outcome == Outcome(
        operation_id="op", epoch=2, entries=outcome.entries, power_state=1, root_device_name="/dev/sda",
        vifs_version=1,
    )  # fmt: skip
    assert [report.vifs for report in conductor.said] == [(vif("one"),), None]


@pytest.mark.parametrize(
    ("action", "undo", "left"),
    [("create", None, True), ("create", fail, False), ("reboot", None, False)],
    ids=["build", "build that is not undone", "reboot"],
)
def test_an_end_that_is_a_failure_says_why_and_what_is_left(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver, action: str, undo: Any, left: bool
) -> None:
    earlier = JournalEntry(event="conductor_place", start_time=datetime.datetime(2026, 11, 28), result="Success")
    job = a_job(conf, driver, action=action, workflow="create", journal=(earlier,))
    steps = (Step("one", nothing, undo), Step("two", fail))
    assert run(Workflow(steps=steps, judge=lambda error: (507, True)), job=job) is False
    outcome = conductor.outcome
    assert [(entry.event, entry.result, entry.details) for entry in outcome.entries] == [
        ("conductor_place", "Success", None), ("one", "Success", None), ("two", "Error", "it does not start"),
    ]  # fmt: skip
    assert "GuestFailed" in str(outcome.entries[-1].traceback)
    assert outcome == Outcome(
        operation_id="op", epoch=2, entries=outcome.entries, power_state=1, error="it does not start", error_code=507,
        details=outcome.entries[-1].traceback, reschedule=undo is None, left_host=left, vifs_version=0,
        clean=undo is None,
    )  # fmt: skip


def test_of_what_no_step_has_found_out_nothing_is_said(conf: cfg.ConfigOpts, driver: Driver) -> None:
    job = a_job(conf, driver)
    assert (job.power_state, job.root_device_name, job.doubtful, job.has_new_vifs) == (None, None, False, False)
    assert (job.unreported_vifs(), job.next_sequence()) == ((None, 0), 1)


@pytest.mark.parametrize(
    ("facts", "untouched"),
    [
        ({}, True), ({"epoch": 4}, False), ({"attempts": 1}, False),
        ({"workflow": "reboot_hard", "route": (Stop(leg="reboot", host="host1", epoch=2),), "at": 0}, False),
    ],
    ids=str,
)  # fmt: skip
def test_only_of_a_build_that_was_taken_up_once_is_nothing_there(
    conf: cfg.ConfigOpts, driver: Driver, facts: dict[str, Any], untouched: bool
) -> None:
    """Then Neutron needn't be asked whether the server has ports already."""
    build = {"workflow": "create", "host": "host1", "epoch": 3, "at": 1,
             "route": (Stop(leg="place", epoch=1), Stop(leg="build", host="host1", epoch=2))}  # fmt: skip
    assert a_job(conf, driver, **(build | facts)).untouched is untouched


def test_a_hypervisor_that_is_away_after_the_steps_is_waited_for(
    run: Run, conductor: Conductor, driver: Driver
) -> None:
    driver.seen = [errors.Unavailable(reason="restarting"), *driver.seen]
    assert run(nothing) is True
    assert (conductor.outcome.power_state, driver.looks) == (1, 2)


def test_not_even_a_persistent_workflow_waits_for_ever_to_see_what_the_guest_is(
    run: Run, conductor: Conductor, driver: Driver
) -> None:
    driver.seen = [errors.Unavailable(reason="gone for good")]
    assert run(nothing, persistent=True) is True
    assert conductor.outcome.error is None


@pytest.mark.parametrize(
    "error", [errors.Unavailable(reason="away"), errors.Internal("a fault of the conductor's"), KeyError("ours")]
)
@pytest.mark.parametrize("action", [nothing, fail])
def test_an_end_that_was_not_taken_is_said_again(
    run: Run, conductor: Conductor, error: Exception, action: Callable[[Job], None]
) -> None:
    conductor.raises = [error, error]
    run(action)
    assert (conductor.outcome.error is None) == (action is nothing)


def test_who_is_fenced_says_nothing_more(run: Run, conductor: Conductor) -> None:
    conductor.raises = [errors.Fenced(operation_id="op", epoch=2)]
    with pytest.raises(errors.Fenced):
        run(nothing)
    assert conductor.said == []


def test_a_judge_that_fails_does_not_keep_the_failure_from_being_said(run: Run, conductor: Conductor) -> None:
    def judge(error: Exception) -> tuple[int, bool]:
        raise KeyError("nobody thought of this")

    assert run(fail, judge=judge) is None
    assert conductor.outcome.error == "KeyError"
    assert not conductor.outcome.left_host


def test_an_undo_that_fails_is_said_with_the_failure(run: Run, conductor: Conductor) -> None:
    def stuck(job: Job) -> None:
        raise KeyError("nobody thought of this")

    assert run(Workflow(steps=(Step("one", fail, stuck),), judge=lambda error: (500, True))) is False
    assert (conductor.outcome.error, conductor.outcome.reschedule) == ("it does not start", False)


def test_nothing_is_undone_before_the_operation_is_known_to_be_still_ours(run: Run, conductor: Conductor) -> None:
    """What is there may be the successor's."""
    undone: list[Job] = []
    conductor.raises = [errors.Fenced(operation_id="op", epoch=2)]
    with pytest.raises(errors.Fenced):
        run(Workflow(steps=(Step("one", fail, undone.append),)))
    assert undone == []
    run(Workflow(steps=(Step("one", nothing, undone.append), Step("two", fail, undone.append), Step("three", nothing))))
    assert len(undone) == 2


def test_a_workflow_that_this_release_does_not_know_is_refused(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver
) -> None:
    """It was taken up again and again, until its deadline."""
    job = a_job(conf, driver, action="levitate", workflow="levitate")
    assert run(workflow_of(job.operation), job=job) is None
    assert "levitate" in str(conductor.outcome.error)


def test_a_cancelled_job_does_no_further_step_and_undoes_nothing(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver
) -> None:
    job, undone = a_job(conf, driver), []

    def cancel(job: Job) -> None:
        job.cancellation.cancel()

    steps = (Step("one", cancel, undone.append), Step("two", fail, undone.append))
    with pytest.raises(Cancelled):
        run(Workflow(steps=steps), job=job)
    assert (undone, conductor.said) == ([], [])


def test_a_step_that_fails_in_a_cancelled_job_is_not_undone(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver
) -> None:
    job, undone = a_job(conf, driver), []

    def cancel_and_fail(job: Job) -> None:
        job.cancellation.cancel()
        fail(job)

    with pytest.raises(errors.Fenced):
        run(Workflow(steps=(Step("one", cancel_and_fail, undone.append),)), job=job)
    assert undone == []


@pytest.mark.parametrize("where", ["neighbour", "conductor"])
def test_pauses_of_a_cancelled_job_end(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "_FIRST_PAUSE", 30)
    monkeypatch.setattr(workflows, "_FIRST_PAUSE", 30)
    job = a_job(conf, driver)

    def away(_job: Job) -> None:
        raise errors.Unavailable(reason="restarting")

    if where == "conductor":
        conductor.raises = [errors.Unavailable(reason="restarting")]
    timer = threading.Timer(0.05, job.cancellation.cancel)
    timer.start()
    began = time.monotonic()
    with pytest.raises(Cancelled):
        run(nothing if where == "conductor" else away, job=job, persistent=True)
    assert time.monotonic() - began < 5
    timer.join()


def vif(port_id: str) -> Vif:
    return Vif(port_id=port_id, network_id="n", network_name="n", mac="m")


def test_reports_are_numbered_and_name_interfaces_only_once(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver
) -> None:
    def plug(job: Job) -> None:
        job.vifs = (vif("one"),)

    job = a_job(conf, driver, sequence=7)
    steps = (Step("a", plug), Step("b", nothing, task_state="b"), Step("c", nothing, task_state="c"))
    run(Workflow(steps=steps), job=job)
    first, second, end = conductor.said
    assert isinstance(first, Progress)
    assert isinstance(second, Progress)
    assert (first.sequence, second.sequence) == (8, 9)
    assert (first.vifs, second.vifs, end.vifs) == ((vif("one"),), None, None)
    assert (first.vifs_version, end.vifs_version) == (0, 1)


def test_interfaces_that_a_step_has_set_to_what_they_were_are_reported_all_the_same(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver
) -> None:
    """Somebody else may have recorded something in between. But no report is made for that alone."""

    def unplug(job: Job) -> None:
        job.vifs = ()

    run(unplug, nothing, job=a_job(conf, driver))
    assert conductor.outcome.vifs == ()
    assert len(conductor.said) == 1


def test_a_report_that_is_said_again_has_the_same_number(
    conf: cfg.ConfigOpts, run: Run, conductor: Conductor, driver: Driver
) -> None:
    conductor.raises = [errors.Unavailable(reason="the answer was lost")]
    run(Workflow(steps=(Step("a", nothing), Step("b", nothing, task_state="b"))), job=a_job(conf, driver))
    assert cast(Progress, conductor.said[0]).sequence == 1


def test_what_is_taken_back_is_taken_back_last_step_first(run: Run, conductor: Conductor) -> None:
    order: list[str] = []
    steps = tuple(Step(name, nothing, lambda job, name=name: order.append(name)) for name in ("one", "two"))  # type: ignore[misc]
    workflow = Workflow(steps=(*steps, Step("three", nothing)))
    assert run(taken_back(workflow))
    assert order == ["two", "one"]
    assert [entry.event for entry in conductor.outcome.entries] == ["two_undo", "one_undo"]
