"""What becomes of a server's state when an action begins, goes on and ends.

States change in the conductor only, by compare-and-swap against the state table: a transition that isn't in it can't be
written. ``docs/states.md`` is generated from the table.
"""

from typing import Any

from novalike.objects import errors
from novalike.objects.lifecycle import Change
from novalike.objects.operations import ACTIONS
from novalike.objects.operations.action import ANY, KEEP, Action, Leg


def check_may_start(
    workflow: str,
    *,
    instance_id: str,
    vm_state: str,
    task_state: str | None,
    has_host: bool = True,
    locked: bool = False,
    may_override_lock: bool = False,
) -> Action:
    """Return the row of ``workflow``, when a server in this state may be subjected to it.

    :raises InstanceIsLocked: the server is locked and the caller may not override that.
    :raises InstanceInvalidState: the state is not in the row.
    :raises InstanceNotReady: the server has not been placed on a host yet.
    """
    row = ACTIONS[workflow]
    if locked and not may_override_lock and not row.ignores_lock:
        raise errors.InstanceIsLocked(instance_id=instance_id)
    for attr, state, allowed in (
        ("vm_state", vm_state, row.vm_states),
        ("task_state", task_state, row.task_states),
    ):
        if ANY not in allowed and state not in allowed:
            raise errors.InstanceInvalidState(
                action=row.verb or row.name, instance_id=instance_id, attr=attr, state=state
            )
    if row.needs_host and not has_host:
        raise errors.InstanceNotReady(instance_id=instance_id)
    return row


def begins(workflow: str, leg: Leg) -> Change:
    """An action is taken on, and begins with this leg."""
    row = ACTIONS[workflow]
    return Change(row.vm_states, row.task_states, {"task_state": leg.starts})


def passes(workflow: str, task_state: str) -> Change:
    """An action goes on.

    :raises Invalid: the table doesn't let it pass ``task_state``.
    """
    row = ACTIONS[workflow]
    if task_state not in row.task_states_during:
        raise errors.Invalid(f"{workflow} does not pass {task_state}")
    return Change(row.vm_states, row.task_states_during, {"task_state": task_state})


def succeeds(workflow: str, vm_state: str | None = None) -> Change:
    """An action has done what it should.

    :param vm_state: which of the row's ``ends`` it is; None is the usual one.
    :raises Invalid: the action doesn't end in ``vm_state``.
    """
    row = ACTIONS[workflow]
    end = row.ends[0] if vm_state is None else vm_state
    if end not in row.ends:
        raise errors.Invalid(f"{workflow} does not end in {end}")
    return Change(row.vm_states, _during(row), _ended_as(end))


def fails(workflow: str, leg: str | None = None, *, keep_vm_state: bool = False) -> Change:
    """An action has failed.

    :param leg: the one that it was at.
    :param keep_vm_state: nothing has happened to the server yet.
    """
    row = ACTIONS[workflow]
    end = (row.leg(leg).fails if leg else None) or row.fails
    return Change(row.vm_states, _during(row), _ended_as(KEEP if keep_vm_state else end))


def _during(row: Action) -> tuple[str | None, ...]:
    """The task states that a server may have while an action is done; one that sets none leaves it without."""
    return row.task_states_during or (None,)


def _ended_as(vm_state: str) -> dict[str, Any]:
    return {"task_state": None} if vm_state == KEEP else {"vm_state": vm_state, "task_state": None}
