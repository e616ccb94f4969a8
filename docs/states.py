"""Writes ``states.md`` from the state table; with ``--check`` it only says whether that is current."""

import sys
from pathlib import Path

from novalike.objects import lifecycle
from novalike.objects.operations import ACTIONS
from novalike.objects.operations.action import KEEP, Leg, WhenDown

PAGE = Path(__file__).with_name("states.md")

HEAD = """<!-- Made by docs/states.py from novalike/objects/operations and lifecycle.py there: run `tox -e states`. -->

# States of a server

A server's state is `vm_state` (what it is) × `task_state` (what is being done to it). The conductor changes it, by
compare-and-swap, and only as this table says: a transition that isn't in it can't be written.

## Actions

*may start in*: the `vm_state`s and, in brackets, the `task_state`s; "idle" is none. *while*: the `task_state`s that it
sets, the first one when it is recorded. Any action that is refused is answered with 409.

| action | may start in | while | ends in | after a failure |
|---|---|---|---|---|
"""

LEGS_HEAD = """
## Legs

An action is done in legs, one after the other, each by a conductor or by a host of the server:

| action | leg | done by | sets | when that host is down |
|---|---|---|---|---|
"""

WHEN_DOWN = {
    WhenDown.FAIL: "it fails; what earlier legs have done is taken back",
    WhenDown.ELSEWHERE: "another host is looked for",
    WhenDown.SKIP: "it is left out",
}

OBSERVED_HEAD = """
## By itself

What a guest that nothing is being done to makes of its server when it starts or stops by itself:

| vm_state | power state | becomes |
|---|---|---|
"""

STATUS_HEAD = """
## Status

What users see as `status` follows from both:

| vm_state | task_state | status |
|---|---|---|
"""


def words(states: tuple[str | None, ...]) -> str:
    """Some states, as text."""
    if lifecycle.ANY in states:
        return "any"
    said = {None: "idle", KEEP: "what it was"}
    return ", ".join(said.get(state) or f"`{state}`" for state in states)


def states_of(leg: Leg) -> str:
    """The task_states that a leg sets."""
    return words(tuple(state for state in (leg.starts, *leg.passes) if state is not None))


def when_down(leg: Leg) -> str:
    """What follows when the host of a leg is down."""
    if leg.for_skipped:
        return "done only after a leg that was left out"
    return WHEN_DOWN[leg.when_down] if leg.seat != "conductor" else ""


def render() -> str:
    """The page."""
    rows = []
    legs = []
    for name, action in ACTIONS.items():
        start = f"{words(action.vm_states)} ({words(action.task_states)})"
        during = words(action.task_states_during)
        rows.append(f"| {name} | {start} | {during} | {words(action.ends)} | {words((action.fails,))} |\n")
        legs += [f"| {name} | {leg.name} | {leg.seat} | {states_of(leg)} | {when_down(leg)} |\n" for leg in action.legs]
    shown = []
    for vm_state in names(lifecycle.VmState):
        usual = lifecycle.status(vm_state, None)
        shown.append(f"| `{vm_state}` | others | {usual} |\n")
        for task_state in names(lifecycle.TaskState):
            if lifecycle.status(vm_state, task_state) != usual:
                shown.append(f"| `{vm_state}` | `{task_state}` | {lifecycle.status(vm_state, task_state)} |\n")
    powers = {number: name.lower() for name, number in vars(lifecycle.PowerState).items() if name.isupper()}
    observed = [
        f"| `{vm_state}` | {powers[power_state]} | `{becomes}` |\n"
        for (vm_state, power_state), becomes in lifecycle.OBSERVED.items()
    ]
    tables = ((HEAD, rows), (LEGS_HEAD, legs), (OBSERVED_HEAD, observed), (STATUS_HEAD, shown))
    return "".join(head + "".join(lines) for head, lines in tables)


def names(states: type) -> list[str]:
    """All states of a class."""
    return [value for name, value in vars(states).items() if name.isupper()]


def main() -> int:
    """Write the page, or compare it."""
    if "--check" in sys.argv:
        if PAGE.read_text() == render():
            return 0
        print("docs/states.md is not current: run tox -e states")
        return 1
    PAGE.write_text(render())
    return 0


if __name__ == "__main__":
    sys.exit(main())
