"""Writes ``states.md`` from the state table; with ``--check`` it only says whether that is current."""

import sys
from pathlib import Path

from novalike.objects import lifecycle

PAGE = Path(__file__).with_name("states.md")

HEAD = """<!-- Made by docs/states.py from novalike/objects/lifecycle.py: change that, then run `tox -e states`. -->

# States of a server

A server's state is `vm_state` (what it is) × `task_state` (what is being done to it). The conductor changes it, by
compare-and-swap, and only as this table says: a transition that isn't in it can't be written.

## Actions

*may start in*: the `vm_state`s and, in brackets, the `task_state`s; "idle" is none. *while*: the `task_state`s that it
sets, the first one when it is recorded. Any action that is refused is answered with 409.

| action | may start in | while | ends in | after a failure |
|---|---|---|---|---|
"""

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
    return ", ".join("idle" if state is None else f"`{state}`" for state in states)


def render() -> str:
    """The page."""
    rows = []
    for name, action in lifecycle.ACTIONS.items():
        start = f"{words(action.vm_states)} ({words(action.task_states)})"
        passes = words((action.starts, *action.passes))
        failed = f"`{action.fails}`" if action.fails else "what it was"
        rows.append(f"| {name} | {start} | {passes} | `{action.ends}` | {failed} |\n")
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
    return HEAD + "".join(rows) + OBSERVED_HEAD + "".join(observed) + STATUS_HEAD + "".join(shown)


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
