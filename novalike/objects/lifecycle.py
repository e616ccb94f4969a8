"""The states of a server, and what users see of them.

A server's state is ``vm_state`` (what it is) × ``task_state`` (what is being done to it). Which action may start in
which state, and what becomes of it, is in ``novalike.objects.operations``.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


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
    RESIZE_PREP: Final = "resize_prep"
    RESIZE_MIGRATING: Final = "resize_migrating"
    RESIZE_FINISH: Final = "resize_finish"
    RESIZE_REVERTING: Final = "resize_reverting"
    DELETING: Final = "deleting"


class PowerState:
    """What the hypervisor last said, in Nova's numbers."""

    NOSTATE: Final = 0
    RUNNING: Final = 1
    PAUSED: Final = 3
    SHUTDOWN: Final = 4
    CRASHED: Final = 6
    SUSPENDED: Final = 7


# Any state at all.
ANY: Final = "*"


class Change(NamedTuple):
    """A transition. Only the functions below and those of ``novalike.objects.operations.transitions`` make one, and
    states are written in no other way.

    :param vm_states, task_states: what the server must be in when it is written (``ANY`` is anything).
    :param values: what is written.
    """

    vm_states: tuple[str, ...]
    task_states: tuple[str | None, ...]
    values: Mapping[str, Any]


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


T, V = TaskState, VmState

_TO_NEW_FLAVOR = (T.RESIZE_PREP, T.RESIZE_MIGRATING, T.RESIZE_FINISH)
_RESIZING: dict[str | None, str] = dict.fromkeys(_TO_NEW_FLAVOR, "RESIZE")

# (vm_state, task_state) → status, as users see it. A vm_state's None is for every other task_state.
_STATUS: Mapping[str, Mapping[str | None, str]] = {
    V.ACTIVE: {
        None: "ACTIVE",
        T.REBOOTING: "REBOOT",
        T.REBOOT_STARTED: "REBOOT",
        T.REBOOTING_HARD: "HARD_REBOOT",
        T.REBOOT_STARTED_HARD: "HARD_REBOOT",
        **_RESIZING,
    },
    V.BUILDING: {None: "BUILD"},
    V.STOPPED: {
        None: "SHUTOFF",
        T.REBOOTING_HARD: "HARD_REBOOT",
        T.REBOOT_STARTED_HARD: "HARD_REBOOT",
        **_RESIZING,
    },
    V.ERROR: {None: "ERROR", T.REBOOTING_HARD: "HARD_REBOOT", T.REBOOT_STARTED_HARD: "HARD_REBOOT"},
    V.PAUSED: {None: "PAUSED", T.REBOOTING_HARD: "HARD_REBOOT", T.REBOOT_STARTED_HARD: "HARD_REBOOT"},
    V.SUSPENDED: {None: "SUSPENDED", T.REBOOTING_HARD: "HARD_REBOOT", T.REBOOT_STARTED_HARD: "HARD_REBOOT"},
    V.RESCUED: {None: "RESCUE"},
    V.RESIZED: {None: "VERIFY_RESIZE", T.RESIZE_REVERTING: "REVERT_RESIZE"},
    V.DELETED: {None: "DELETED"},
    V.SOFT_DELETED: {None: "SOFT_DELETED"},
    V.SHELVED: {None: "SHELVED"},
    V.SHELVED_OFFLOADED: {None: "SHELVED_OFFLOADED"},
}

STATUSES: frozenset[str] = frozenset(s for row in _STATUS.values() for s in row.values()) | {
    "MIGRATING", "PASSWORD", "REBUILD", "UNKNOWN",
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
