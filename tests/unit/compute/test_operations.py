"""What hosts do in each leg: the steps that ``openstack server event show`` names, and what they make of the state."""

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from novalike.compute.operations import WORKFLOWS, create, delete, power, reboot, resize, workflow_of
from novalike.compute.workflow import Workflow
from novalike.objects import errors
from novalike.objects.operation import Operation, Stop
from novalike.objects.operations import ACTIONS
from novalike.objects.operations.action import Seat
from tests.fakes.records import server, spec
from tests.unit.conductor.databases import NOW

# Workflow, leg → steps with the task states that they set.
STEPS: dict[tuple[str, str], list[tuple[str, str | None]]] = {
    ("create", "build"): [
        ("compute_allocate_networks", "networking"), ("compute_prepare_disks", "spawning"), ("compute_spawn", None),
    ],
    ("delete", "clean"): [("compute_remove_guest", None)],
    ("delete", "remove"): [
        ("compute_remove_guest", None), ("compute_free_networks", None), ("compute_release_claim", None),
    ],
    ("start", "start"): [("compute_start", None)],
    ("stop", "stop"): [("compute_stop", None)],
    ("reboot_soft", "reboot"): [("compute_plug", None), ("compute_reboot", "reboot_started")],
    ("reboot_hard", "reboot"): [("compute_plug", None), ("compute_reboot", "reboot_started_hard")],
    **{
        (move, leg): steps
        for move in ("resize", "migrate")
        for leg, steps in {
            "prepare": [("compute_prepare_move", None)],
            "depart": [
                ("compute_power_off", "resize_migrating"), ("compute_unplug", None), ("compute_set_aside", None),
            ],
            "arrive": [("compute_fetch_disks", None), ("compute_bind_networks", None), ("compute_start", None)],
        }.items()
    },
    ("resize_confirm", "clean"): [("compute_discard_aside", None)],
    ("resize_revert", "leave"): [("compute_remove_guest", None)],
    ("resize_revert", "resume"): [
        ("compute_take_back", None), ("compute_bind_networks", None), ("compute_start", None),
    ],
}  # fmt: skip


def test_steps_are_what_people_read() -> None:
    found = {key: [(step.event, step.task_state) for step in flow.steps] for key, flow in WORKFLOWS.items()}
    assert found == STEPS
    assert found.keys() == {
        (row.name, leg.name) for row in ACTIONS.values() for leg in row.legs if leg.seat is not Seat.CONDUCTOR
    }


def test_a_step_sets_only_task_states_that_the_state_table_knows() -> None:
    for (name, _leg), flow in WORKFLOWS.items():
        states = {step.task_state for step in flow.steps} - {None}
        assert states <= set(ACTIONS[name].task_states_during), name


@pytest.mark.parametrize(
    ("workflow", "leg", "expected"),
    [
        ("create", "build", create.BUILD), ("delete", "remove", delete.REMOVE), ("start", "start", power.START),
        ("stop", "stop", power.STOP), ("reboot_soft", "reboot", reboot.SOFT), ("reboot_hard", "reboot", reboot.HARD),
        ("delete", "clean", delete.CLEAN), ("resize_confirm", "clean", resize.CLEAN),
        ("resize_revert", "leave", resize.LEAVE), ("resize_revert", "resume", resize.RESUME),
        *(
            (move, leg, flow) for move in ("resize", "migrate")
            for leg, flow in (("prepare", resize.PREPARE), ("depart", resize.DEPART), ("arrive", resize.ARRIVE))
        ),
    ],
)  # fmt: skip
def test_a_host_does_the_leg_that_the_operation_is_at(workflow: str, leg: str, expected: Workflow) -> None:
    assert workflow_of(_operation(workflow, leg)) is expected


def _operation(workflow: str, leg: str) -> Operation:
    row = ACTIONS[workflow]
    at = [each.name for each in row.legs].index(leg)
    route = tuple(Stop(leg=each.name, host="host1" if index == at else None) for index, each in enumerate(row.legs))
    return Operation(
        uuid="o", instance_uuid="s", action=workflow, workflow=workflow, request_id="r", user_id="u", project_id="p",
        start_time=NOW, host="host1", route=route, at=at,
    )  # fmt: skip


def test_what_a_release_does_not_know_fails_and_says_so() -> None:
    refused = workflow_of(msgspec.structs.replace(_operation("stop", "stop"), workflow="fly"))
    (step,) = refused.steps
    assert step.event == "compute_fly"
    job: Any = SimpleNamespace(host="host1")
    with pytest.raises(errors.NotSupported, match="host host1 knows no fly"):
        step.do(job)


class World:
    """The driver, Neutron's side and Placement: what they were told, in order."""

    def __init__(self) -> None:
        self.log: list[Any] = []

    def __getattr__(self, name: str) -> Any:
        def note(*args: Any, **more: Any) -> Any:
            self.log.append((name, *args, *more.items()))
            return f"answer of {name}"

        return note


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def job(world: World) -> Any:
    a_spec = spec(server(uuid="s1"))
    return SimpleNamespace(
        host="host1", uuid="s1", ctx="ctx", spec=a_spec, guest="guest", vifs=("vif",), driver=world, networking=world,
        placement=world, conf=SimpleNamespace(shutdown_timeout=60),
        operation=SimpleNamespace(epoch=7, params={"migrations": ["m1"]}),
        untouched=True,
        root_device_name=None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("flow", "log"),
    [
        (power.START, [("plug", "guest"), ("power_on", "guest")]),
        (power.STOP, [("power_off", "guest", 60.0)]),
        (reboot.SOFT, [("plug", "guest"), ("reboot", "guest", ("hard", False))]),
        (reboot.HARD, [("plug", "guest"), ("reboot", "guest", ("hard", True))]),
        # The claims last, so that the host isn't given away before it is free.
        (delete.REMOVE, [
            ("remove_guest", "guest"), ("remove_disks", "guest"), ("discard_aside", "guest"), ("unplug", "guest"),
            ("deallocate", "ctx", "SPEC"), ("delete_allocations", "m1"), ("delete_allocations", "s1"),
        ]),
        # Of a host that it has left: what is Neutron's and Placement's is done where it is.
        (delete.CLEAN, [
            ("remove_guest", "guest"), ("remove_disks", "guest"), ("discard_aside", "guest"), ("unplug", "guest"),
        ]),
    ],
    ids=["start", "stop", "soft reboot", "hard reboot", "delete", "delete on another host"],
)  # fmt: skip
def test_what_is_done_on_the_host(world: World, job: Any, flow: Workflow, log: list[Any]) -> None:
    for step in flow.steps:
        step.do(job)
    assert world.log == [tuple(job.spec if part == "SPEC" else part for part in entry) for entry in log]
    assert job.vifs == (() if flow is delete.REMOVE else ("vif",))


def test_a_build_says_once_that_nobody_can_have_touched_anything(world: World, job: Any) -> None:
    for _ in range(2):
        create.allocate_networks(job)
    create.prepare_disks(job)
    asked = [("allocate", "ctx", job.spec, "host1", ("epoch", 7), ("untouched", each)) for each in (True, False)]
    assert world.log == [*asked, ("prepare_disks", job.guest)]
    assert (job.vifs, job.root_device_name) == ("answer of allocate", "answer of prepare_disks")


def test_a_build_is_taken_back_where_it_may_have_left_something() -> None:
    assert [step.undo for step in create.BUILD.steps] == [create.free_networks, create.remove_guest, None]
    assert {key for key, flow in WORKFLOWS.items() if flow.persistent} == {
        ("delete", "clean"), ("delete", "remove"), ("resize_confirm", "clean"), ("resize_revert", "leave"),
        ("resize_revert", "resume"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "elsewhere"),
    [
        (errors.Internal("no"), True), (errors.Unavailable(reason="no"), True), (RuntimeError("ours"), True),
        (errors.RescheduleBuild(instance_id="s", reason="no"), True),
        (errors.BuildAborted(instance_id="s", reason="no"), False), (errors.Invalid("no"), False),
        (errors.Forbidden("no"), False), (errors.Conflict("no"), False), (errors.NotFound("no"), False),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_another_host_may_help_unless_the_request_is_what_is_wrong(error: Exception, elsewhere: bool) -> None:
    assert create.judge(error) == (500, elsewhere)
