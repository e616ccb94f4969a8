"""Lists by status find the servers that are shown with it, and no others."""

import pytest

from novalike.bus.servers import ServerQuery
from novalike.conductor.servers import listing
from novalike.objects import lifecycle
from tests.unit.conductor.databases import Databases

# (vm_state, task_state) of servers, some of which are resized or were.
STATES = [
    ("active", None), ("active", "resize_prep"), ("active", "resize_migrating"), ("active", "powering-off"),
    ("stopped", None), ("stopped", "resize_migrating"), ("stopped", "resize_finish"), ("stopped", "powering-on"),
    ("resized", None), ("resized", "resize_reverting"), ("resized", "deleting"), ("error", None),
    ("error", "resize_migrating"), ("paused", None),
]  # fmt: skip
RESIZE = [
    ("active", "resize_prep"), ("active", "resize_migrating"), ("stopped", "resize_migrating"),
    ("stopped", "resize_finish"),
]  # fmt: skip
VERIFY = [("resized", None), ("resized", "deleting")]
REVERT = [("resized", "resize_reverting")]


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (("RESIZE",), RESIZE), (("VERIFY_RESIZE",), VERIFY), (("REVERT_RESIZE",), REVERT),
        (("VERIFY_RESIZE", "REVERT_RESIZE", "RESIZE"), RESIZE + VERIFY + REVERT),
        (("ACTIVE",), [("active", None), ("active", "powering-off")]),
        (("SHUTOFF", "RESIZE"), [("stopped", None), ("stopped", "powering-on"), *RESIZE]),
        (("ERROR",), [("error", None), ("error", "resize_migrating")]), (("MIGRATING",), []),
        (("RESIZE", "UNHEARD_OF"), RESIZE),
    ],
    ids=str,
)  # fmt: skip
def test_a_status_may_be_that_of_several_states(
    databases: Databases, statuses: tuple[str, ...], expected: list[tuple[str, str | None]]
) -> None:
    for vm_state, task_state in STATES:
        databases.server(vm_state=vm_state, task_state=task_state)
    query = ServerQuery(project_id=None, deleted=False, statuses=statuses)
    found = listing.details(databases.cells, query)
    assert {(server.vm_state, server.task_state) for server in found} == set(expected)
    assert len(found) == len(expected)
    assert {lifecycle.status(server.vm_state, server.task_state) for server in found} <= set(statuses)


def test_a_status_is_one_filter_among_others(databases: Databases) -> None:
    for host in ("host1", "host2"):
        for vm_state, task_state in STATES:
            databases.server(vm_state=vm_state, task_state=task_state, host=host)
    query = ServerQuery(
        project_id=None, deleted=False, statuses=("RESIZE", "VERIFY_RESIZE"),
        filters={"vm_state": "stopped", "host": "host2"},
    )  # fmt: skip
    found = listing.details(databases.cells, query)
    assert sorted((server.vm_state, server.task_state, server.host) for server in found) == [
        ("stopped", "resize_finish", "host2"), ("stopped", "resize_migrating", "host2"),
    ]  # fmt: skip
