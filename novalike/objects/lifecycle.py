"""The state table: which action may start in which state of a server, and what becomes of the state.

A server's state is ``vm_state`` (what it is) × ``task_state`` (what is being done to it). States change in
the conductor only, by compare-and-swap against this table: a transition that isn't in it can't be written.
``docs/states.md`` is generated from here.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from novalike.objects import errors
from novalike.objects.record import Record


class VmState:
    """What a server is."""

    ACTIVE: Final = "active"
    BUILDING: Final = "building"
    DELETED: Final = "deleted"
    ERROR: Final = "error"
    PAUSED: Final = "paused"
    RESCUED: Final = "rescued"
    RESIZED: Final = "resized"
    SHELVED: Final = "shelved"
    SHELVED_OFFLOADED: Final = "shelved_offloaded"
    SOFT_DELETED: Final = "soft-delete"
    STOPPED: Final = "stopped"
    SUSPENDED: Final = "suspended"


class TaskState:
    """What is being done to a server."""

    SCHEDULING: Final = "scheduling"
    NETWORKING: Final = "networking"
    BLOCK_DEVICE_MAPPING: Final = "block_device_mapping"
    SPAWNING: Final = "spawning"
    POWERING_OFF: Final = "powering-off"
    POWERING_ON: Final = "powering-on"
    REBOOTING: Final = "rebooting"
    REBOOT_STARTED: Final = "reboot_started"
    REBOOTING_HARD: Final = "rebooting_hard"
    REBOOT_STARTED_HARD: Final = "reboot_started_hard"
    DELETING: Final = "deleting"


class PowerState:
    """What the hypervisor last said, in Nova's numbers."""

    NOSTATE: Final = 0
    RUNNING: Final = 1
    PAUSED: Final = 3
    SHUTDOWN: Final = 4
    CRASHED: Final = 6
    SUSPENDED: Final = 7


ANY: Final = "*"


class Action(Record, frozen=True):
    """A row of the table.

    :param vm_states: states in which the action may start, or ``(ANY,)``.
    :param task_states: task states in which it may start; ``None`` in it is "nothing is being done".
    :param starts: the task state it sets when it starts.
    :param passes: further task states that its workflow may set, in any order.
    :param ends: vm_state → allowed on success.
    :param fails: vm_state after a failure; ``None`` is "what it was".
    :param needs_host: the server must have been placed.
    :param ignores_lock: a locked server may be subjected to it by its owner.
    :param verb: what error messages call it.
    """

    vm_states: tuple[str, ...]
    task_states: tuple[str | None, ...]
    starts: str | None
    ends: str | None
    passes: tuple[str, ...] = ()
    fails: str | None = None
    needs_host: bool = True
    ignores_lock: bool = False
    verb: str = ""


T, V = TaskState, VmState

ACTIONS: Mapping[str, Action] = {
    "create": Action(
        vm_states=(V.BUILDING,),
        task_states=(T.SCHEDULING, None, T.NETWORKING, T.BLOCK_DEVICE_MAPPING, T.SPAWNING),
        starts=T.SCHEDULING,
        passes=(T.NETWORKING, T.BLOCK_DEVICE_MAPPING, T.SPAWNING),
        ends=V.ACTIVE,
        fails=V.ERROR,
        needs_host=False,
    ),
    "delete": Action(
        vm_states=(ANY,),
        task_states=(ANY,),
        starts=T.DELETING,
        ends=V.DELETED,
        fails=V.ERROR,
        needs_host=False,
    ),
    "start": Action(vm_states=(V.STOPPED,), task_states=(None,), starts=T.POWERING_ON, ends=V.ACTIVE),
    "stop": Action(vm_states=(V.ACTIVE, V.ERROR), task_states=(None,), starts=T.POWERING_OFF, ends=V.STOPPED),
    "reboot_soft": Action(
        vm_states=(V.ACTIVE,),
        task_states=(None,),
        starts=T.REBOOTING,
        passes=(T.REBOOT_STARTED, T.REBOOTING_HARD, T.REBOOT_STARTED_HARD),
        ends=V.ACTIVE,
        fails=V.ERROR,
        verb="reboot",
    ),
    "reboot_hard": Action(
        vm_states=(V.ACTIVE, V.STOPPED, V.PAUSED, V.SUSPENDED, V.ERROR),
        task_states=(None, T.REBOOTING, T.REBOOT_STARTED, T.REBOOTING_HARD, T.REBOOT_STARTED_HARD),
        starts=T.REBOOTING_HARD,
        passes=(T.REBOOT_STARTED_HARD,),
        ends=V.ACTIVE,
        fails=V.ERROR,
        verb="reboot",
    ),
}


def check_may_start(
    name: str,
    *,
    instance_id: str,
    vm_state: str,
    task_state: str | None,
    has_host: bool = True,
    locked: bool = False,
    may_override_lock: bool = False,
) -> Action:
    """The row of ``name``, when a server in this state may be subjected to it.

    :raises InstanceIsLocked: the server is locked and the caller may not override that.
    :raises InstanceInvalidState: the state is not in the row.
    :raises InstanceNotReady: the server has not been placed on a host yet.
    """
    row = ACTIONS[name]
    verb = row.verb or name
    if locked and not may_override_lock and not row.ignores_lock:
        raise errors.InstanceIsLocked(instance_id=instance_id)
    for attr, state, allowed in (
        ("vm_state", vm_state, row.vm_states),
        ("task_state", task_state, row.task_states),
    ):
        if ANY not in allowed and state not in allowed:
            raise errors.InstanceInvalidState(action=verb, instance_id=instance_id, attr=attr, state=state)
    if row.needs_host and not has_host:
        raise errors.InstanceNotReady(instance_id=instance_id)
    return row


class Change(NamedTuple):
    """A transition of the table. Only the functions below make one, and states are written in no other way.

    :param vm_states, task_states: what the server must be in when it is written (``ANY`` is anything).
    :param values: what is written.
    """

    vm_states: tuple[str, ...]
    task_states: tuple[str | None, ...]
    values: Mapping[str, Any]


def begins(workflow: str) -> Change:
    """An action is taken on."""
    row = ACTIONS[workflow]
    return Change(row.vm_states, row.task_states, {"task_state": row.starts})


def passes(workflow: str, task_state: str) -> Change:
    """An action goes on.

    :raises Invalid: the table doesn't let it pass ``task_state``.
    """
    row = ACTIONS[workflow]
    if task_state != row.starts and task_state not in row.passes:
        raise errors.Invalid(f"{workflow} does not pass {task_state}")
    return Change(row.vm_states, (row.starts, *row.passes), {"task_state": task_state})


def succeeds(workflow: str) -> Change:
    """An action has done what it should."""
    row = ACTIONS[workflow]
    return Change(row.vm_states, (row.starts, *row.passes), {"vm_state": row.ends, "task_state": None})


def fails(workflow: str, *, keep_vm_state: bool = False) -> Change:
    """An action has failed.

    :param keep_vm_state: nothing has happened to the server yet.
    """
    row = ACTIONS[workflow]
    values: dict[str, Any] = {"task_state": None}
    if row.fails is not None and not keep_vm_state:
        values["vm_state"] = row.fails
    return Change(row.vm_states, (row.starts, *row.passes), values)


# What a guest that nothing is being done to makes of its server when it stops or starts by itself: the hypervisor is
# right. (Nova stops a guest that runs although its server is stopped.)
OBSERVED: Mapping[tuple[str, int], str] = {
    (VmState.STOPPED, PowerState.RUNNING): VmState.ACTIVE,
    (VmState.ACTIVE, PowerState.SHUTDOWN): VmState.STOPPED,
    (VmState.ACTIVE, PowerState.CRASHED): VmState.STOPPED,
}


def observed(vm_state: str, power_state: int) -> Change:
    """The hypervisor says what a guest is now."""
    values: dict[str, Any] = {"power_state": power_state}
    if (vm_state, power_state) in OBSERVED:
        values["vm_state"] = OBSERVED[vm_state, power_state]
    return Change((vm_state,), (None,), values)


def resets(vm_state: str) -> Change:
    """An administrator says what a server is."""
    return Change((ANY,), (ANY,), {"vm_state": vm_state, "task_state": None})


# (vm_state, task_state) → status, as users see it. A vm_state's None is for every other task_state.
_STATUS: Mapping[str, Mapping[str | None, str]] = {
    V.ACTIVE: {
        None: "ACTIVE",
        T.REBOOTING: "REBOOT",
        T.REBOOT_STARTED: "REBOOT",
        T.REBOOTING_HARD: "HARD_REBOOT",
        T.REBOOT_STARTED_HARD: "HARD_REBOOT",
    },
    V.BUILDING: {None: "BUILD"},
    V.STOPPED: {None: "SHUTOFF", T.REBOOTING_HARD: "HARD_REBOOT", T.REBOOT_STARTED_HARD: "HARD_REBOOT"},
    V.ERROR: {None: "ERROR", T.REBOOTING_HARD: "HARD_REBOOT", T.REBOOT_STARTED_HARD: "HARD_REBOOT"},
    V.PAUSED: {None: "PAUSED", T.REBOOTING_HARD: "HARD_REBOOT", T.REBOOT_STARTED_HARD: "HARD_REBOOT"},
    V.SUSPENDED: {None: "SUSPENDED", T.REBOOTING_HARD: "HARD_REBOOT", T.REBOOT_STARTED_HARD: "HARD_REBOOT"},
    V.RESCUED: {None: "RESCUE"},
    V.RESIZED: {None: "VERIFY_RESIZE"},
    V.DELETED: {None: "DELETED"},
    V.SOFT_DELETED: {None: "SOFT_DELETED"},
    V.SHELVED: {None: "SHELVED"},
    V.SHELVED_OFFLOADED: {None: "SHELVED_OFFLOADED"},
}

STATUSES: frozenset[str] = frozenset(s for row in _STATUS.values() for s in row.values()) | {
    "MIGRATING", "PASSWORD", "REBUILD", "RESIZE", "REVERT_RESIZE", "UNKNOWN",
}  # fmt: skip


def status(vm_state: str, task_state: str | None) -> str:
    """The ``status`` of a server in the API."""
    row = _STATUS.get(vm_state)
    if row is None:
        return "UNKNOWN"
    return row.get(task_state) or row[None]


def states_of(status_name: str) -> list[tuple[str, list[str] | None, list[str]]]:
    """Which states show as ``status_name``: (vm_state, task states or None for "all but", excluded ones)."""
    found: list[tuple[str, list[str] | None, list[str]]] = []
    for vm_state, row in _STATUS.items():
        tasks = [task for task, name in row.items() if name == status_name and task is not None]
        if row[None] == status_name:
            found.append((vm_state, None, [t for t, n in row.items() if t is not None and n != status_name]))
        elif tasks:
            found.append((vm_state, tasks, []))
    return found
