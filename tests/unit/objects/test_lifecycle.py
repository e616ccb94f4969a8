"""The state table: who may start what, what may be written, what users see."""

import itertools
from typing import Any

import pytest

from novalike.objects import errors, lifecycle
from novalike.objects.lifecycle import ANY, PowerState, TaskState, VmState
from novalike.objects.operations import ACTIONS, transitions
from novalike.objects.operations.action import KEEP, Action


def _values(states: type) -> list[Any]:
    return [value for name, value in vars(states).items() if name.isupper()]


ALL = list(itertools.product(_values(VmState), [None, *_values(TaskState)]))


def start(name: str, vm_state: str = VmState.ACTIVE, task_state: str | None = None, **more: Any) -> Action:
    return transitions.check_may_start(name, instance_id="i1", vm_state=vm_state, task_state=task_state, **more)


def test_what_is_going_on_is_not_disturbed() -> None:
    for vm_state, task_state in ALL:
        if task_state is not None:
            for name in ("start", "stop", "reboot_soft"):
                with pytest.raises(errors.InstanceInvalidState):
                    start(name, vm_state, task_state)


def test_whatever_a_server_is_it_can_be_deleted() -> None:
    for vm_state, task_state in ALL:
        start("delete", vm_state, task_state, has_host=False)


def test_a_reboot_that_hangs_can_be_forced() -> None:
    for task_state in (TaskState.REBOOTING, TaskState.REBOOT_STARTED, TaskState.REBOOTING_HARD):
        start("reboot_hard", VmState.ACTIVE, task_state)
        with pytest.raises(errors.InstanceInvalidState):
            start("reboot_soft", VmState.ACTIVE, task_state)


@pytest.mark.parametrize(
    ("vm_state", "task_state", "actions"),
    [
        (VmState.RESIZED, None, {"resize_confirm", "resize_revert"}),
        (VmState.RESIZED, TaskState.RESIZE_REVERTING, set()),
        *(
            (vm_state, task_state, set())
            for vm_state in (VmState.ACTIVE, VmState.STOPPED)
            for task_state in (
                TaskState.RESIZE_PREP, TaskState.RESIZE_MIGRATING, TaskState.RESIZE_FINISH,
            )
        ),
    ],
)  # fmt: skip
def test_a_server_that_is_resized_can_be_deleted_and_little_else(
    vm_state: str, task_state: str | None, actions: set[str]
) -> None:
    may = set()
    for name in ACTIONS:
        try:
            start(name, vm_state, task_state)
        except errors.InstanceInvalidState:
            continue
        may.add(name)
    assert may == actions | {"delete"}


@pytest.mark.parametrize(
    ("name", "verb"),
    [
        ("resize", "resize"), ("migrate", "migrate"), ("resize_confirm", "confirmResize"),
        ("resize_revert", "revertResize"),
    ],
)  # fmt: skip
def test_refusals_name_actions_as_users_do(name: str, verb: str) -> None:
    with pytest.raises(errors.InstanceInvalidState) as refused:
        start(name, VmState.ERROR)
    assert refused.value.fields["action"] == verb


def test_the_refusal_says_which_state_is_in_the_way() -> None:
    with pytest.raises(errors.InstanceInvalidState) as refused:
        start("start", VmState.ACTIVE)
    assert refused.value.fields == {"action": "start", "instance_id": "i1", "attr": "vm_state", "state": "active"}
    with pytest.raises(errors.InstanceInvalidState) as refused:
        start("reboot_soft", VmState.ACTIVE, TaskState.DELETING)
    assert refused.value.fields == {
        "action": "reboot", "instance_id": "i1", "attr": "task_state", "state": "deleting",
    }  # fmt: skip


def test_a_lock_is_in_the_way_of_all_but_those_who_may_override_it() -> None:
    for name, row in ACTIONS.items():
        vm_state = VmState.ACTIVE if ANY in row.vm_states else row.vm_states[0]
        if name != "create":
            with pytest.raises(errors.InstanceIsLocked):
                start(name, vm_state, locked=True)
            assert start(name, vm_state, locked=True, may_override_lock=True) is ACTIONS[name]


def test_a_server_without_host_can_only_be_created_and_deleted() -> None:
    for name, vm_state in (("start", VmState.STOPPED), ("stop", VmState.ACTIVE), ("reboot_hard", VmState.ACTIVE)):
        with pytest.raises(errors.InstanceNotReady):
            start(name, vm_state, has_host=False)
    start("create", VmState.BUILDING, TaskState.SCHEDULING, has_host=False)


def test_an_action_is_begun_and_ends_in_what_it_may_pass_only() -> None:
    begun = transitions.begins("reboot_soft", ACTIONS["reboot_soft"].legs[0])
    assert (begun.vm_states, begun.task_states) == ((VmState.ACTIVE,), (None,))
    assert begun.values == {"task_state": TaskState.REBOOTING}
    passed = transitions.passes("reboot_soft", TaskState.REBOOT_STARTED)
    assert passed.values == {"task_state": TaskState.REBOOT_STARTED}
    done, failed = transitions.succeeds("reboot_soft"), transitions.fails("reboot_soft")
    assert done.values == {"vm_state": VmState.ACTIVE, "task_state": None}
    assert failed.values == {"vm_state": VmState.ERROR, "task_state": None}
    for change in (passed, done, failed):
        assert change.vm_states == (VmState.ACTIVE,)
        assert set(change.task_states) == {
            TaskState.REBOOTING, TaskState.REBOOT_STARTED, TaskState.REBOOTING_HARD, TaskState.REBOOT_STARTED_HARD,
        }  # fmt: skip


@pytest.mark.parametrize(
    ("workflow", "task_state", "may"),
    [
        ("stop", TaskState.POWERING_OFF, True), ("stop", TaskState.POWERING_ON, False),
        ("create", TaskState.SCHEDULING, True), ("create", TaskState.SPAWNING, True),
        ("create", TaskState.DELETING, False), ("reboot_hard", TaskState.REBOOT_STARTED, False),
    ],
)  # fmt: skip
def test_a_workflow_passes_its_own_task_states(workflow: str, task_state: str, may: bool) -> None:
    if may:
        assert transitions.passes(workflow, task_state).values == {"task_state": task_state}
    else:
        with pytest.raises(errors.Invalid):
            transitions.passes(workflow, task_state)


def test_a_failure_that_has_touched_nothing_leaves_the_server_as_it_was() -> None:
    for name, row in ACTIONS.items():
        assert transitions.fails(name, keep_vm_state=True).values == {"task_state": None}
        assert transitions.fails(name).values.get("vm_state", KEEP) == row.fails
    assert "vm_state" not in transitions.fails("stop").values


def test_a_guest_that_stops_by_itself_makes_its_server_stopped() -> None:
    for power_state in (PowerState.SHUTDOWN, PowerState.CRASHED):
        change = lifecycle.observed(VmState.ACTIVE, power_state)
        assert change.values == {"power_state": power_state, "vm_state": VmState.STOPPED}
        # Only of a server that was active, and to which nothing is being done.
        assert (change.vm_states, change.task_states) == ((VmState.ACTIVE,), (None,))
    assert lifecycle.observed(VmState.STOPPED, PowerState.RUNNING).values["vm_state"] == VmState.ACTIVE
    assert lifecycle.observed(VmState.ERROR, PowerState.SHUTDOWN).values == {"power_state": PowerState.SHUTDOWN}


def test_an_administrator_may_say_what_a_server_is_whatever_it_was() -> None:
    change = lifecycle.resets(VmState.ERROR)
    assert (change.vm_states, change.task_states) == ((ANY,), (ANY,))
    assert change.values == {"vm_state": VmState.ERROR, "task_state": None}


def test_a_filter_by_status_finds_what_is_shown_with_it() -> None:
    """``states_of`` is the inverse of ``status``: no server is missed or found twice."""
    for vm_state, task_state in ALL:
        found = [
            status
            for status in lifecycle.STATUSES
            for its_vm_state, tasks, excluded in lifecycle.states_of(status)
            if its_vm_state == vm_state
            and (task_state not in excluded if tasks is None else task_state in tasks)
        ]
        assert found == [lifecycle.status(vm_state, task_state)], (vm_state, task_state)


@pytest.mark.parametrize(
    ("vm_state", "task_state", "status"),
    [
        (VmState.ACTIVE, None, "ACTIVE"), (VmState.ACTIVE, TaskState.POWERING_OFF, "ACTIVE"),
        (VmState.ACTIVE, TaskState.REBOOT_STARTED, "REBOOT"), (VmState.ERROR, TaskState.REBOOTING_HARD, "HARD_REBOOT"),
        (VmState.STOPPED, None, "SHUTOFF"), (VmState.RESIZED, None, "VERIFY_RESIZE"), ("unheard of", None, "UNKNOWN"),
        (VmState.ACTIVE, TaskState.RESIZE_PREP, "RESIZE"), (VmState.STOPPED, TaskState.RESIZE_FINISH, "RESIZE"),
        (VmState.RESIZED, TaskState.RESIZE_REVERTING, "REVERT_RESIZE"),
        (VmState.RESIZED, TaskState.DELETING, "VERIFY_RESIZE"), (VmState.ERROR, TaskState.RESIZE_PREP, "ERROR"),
    ],
)  # fmt: skip
def test_what_users_see(vm_state: str, task_state: str | None, status: str) -> None:
    assert lifecycle.status(vm_state, task_state) == status


def test_a_hard_reboot_is_seen_whatever_the_server_was() -> None:
    row = ACTIONS["reboot_hard"]
    seen = {lifecycle.status(vm_state, task) for vm_state in row.vm_states for task in row.task_states_during}
    assert seen == {"HARD_REBOOT"}


def test_a_status_that_nothing_has_finds_nothing() -> None:
    assert lifecycle.states_of("MIGRATING") == []
    assert {"MIGRATING", "PASSWORD", "REBUILD", "RESIZE", "REVERT_RESIZE", "UNKNOWN"} <= lifecycle.STATUSES
