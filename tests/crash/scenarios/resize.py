"""Servers are resized and migrated, and that is confirmed, reverted, or cut short by a delete.

Each compute process has one host, so source and destination are different processes.
"""

import functools
from typing import Any

from novalike.db.cell import tables as t
from novalike.objects.lifecycle import TaskState
from tests.crash.cloud import LARGER, CrashCloud
from tests.crash.plan import Failure
from tests.crash.scenarios import delete as deletes
from tests.crash.scenarios.base import (
    Expected,
    Made,
    Scenario,
    action,
    ask,
    away,
    delete,
    guest_fails,
    made,
    may_fail,
    refuses,
    stopped,
    wait_until,
)

RESIZE = {"resize": {"flavorRef": LARGER["flavor"]["id"]}}
ONE_HOST_EACH = {"fake__hosts": 1}
# Source and destination are one.
SAME_HOST = {"fake__hosts": 1, "computes": 1, "allow_resize_to_same_host": True}
# Legs take long enough to be caught at them.
SLOW = {"fake__hosts": 1, "fake__operation_latency": 0.1}

VARIANT = 1 / 4

# Each turns another leg back, some of them so that taking back fails as well.
_RESIZE_FAILURES = (
    Failure("claims away twice", "before placement.claim", 2, away),
    Failure("prepare fails once", "before driver.prepare_move", 1, guest_fails),
    Failure("prepare fails", "after driver.prepare_move", None, guest_fails),
    Failure("does not stop", "before driver.power_off", None, guest_fails),
    Failure("not set aside", "before driver.set_aside", None, guest_fails),
    Failure("set aside and fails", "after driver.set_aside", 1, guest_fails),
    Failure("disks fail once", "before driver.fetch_disks", 1, guest_fails),
    Failure("disks fail", "after driver.fetch_disks", None, guest_fails),
    Failure("ports not bound once", "before neutron.update_port", 1, refuses),
    Failure("ports not bound", "before neutron.update_port", None, refuses),
    Failure("does not start once", "before driver.power_on", 1, guest_fails),
    Failure("does not start", "before driver.power_on", None, guest_fails),
    Failure("does not start and stays", "before driver.power_on", None, guest_fails, "before driver.remove_disks"),
    Failure("disks fail, not taken back", "before driver.fetch_disks", None, guest_fails, "before driver.take_back"),
)
_CONFIRM_FAILURES = (
    Failure("not discarded once", "before driver.discard_aside", 1, guest_fails),
    Failure("not discarded", "after driver.discard_aside", None, guest_fails),
    Failure("claim stays for a while", "before placement.delete_allocations", 3, away),
)
_REVERT_FAILURES = (
    Failure("copy stays once", "before driver.remove_disks", 1, guest_fails),
    Failure("copy stays", "after driver.remove_guest", None, guest_fails),
    Failure("claims away for a while", "before placement.claim", 3, away),
    Failure("not taken back once", "before driver.take_back", 1, guest_fails),
    Failure("not taken back", "after driver.take_back", None, guest_fails),
    Failure("ports not bound", "before neutron.update_port", None, refuses),
    Failure("does not start", "before driver.power_on", None, guest_fails),
)


def _resized(cloud: CrashCloud, make: Any = made) -> Made:
    """A server that waits to be confirmed or reverted."""
    name, server_id = make(cloud)
    cloud.demo.post(f"/servers/{server_id}/action", RESIZE, 202)
    cloud.demo.wait_for(server_id, "VERIFY_RESIZE")
    return name, server_id


def _nowhere_to_go(cloud: CrashCloud, server: Made) -> Expected:
    name, server_id = server
    status = ask(cloud, "POST", f"/servers/{server_id}/action", RESIZE)
    assert status in (None, 202), status
    return {name: frozenset({"ACTIVE", "ERROR", "SHUTOFF"} if may_fail(cloud) else {"ACTIVE"})}


def _repeated(body: dict[str, Any], cloud: CrashCloud, server: Made) -> Expected:
    """The same is asked twice: the second time nothing is there to be done, or it is being done."""
    expected = action(body, "ACTIVE", "VERIFY_RESIZE", otherwise=("SHUTOFF",))(cloud, server)
    again = ask(cloud, "POST", f"/servers/{server[1]}/action", body)
    assert again in (None, 202, 204, 400, 409), again
    return expected


def _delete_while(task_state: str | None, cloud: CrashCloud, server: Made) -> Expected:
    """A resize is begun, and the server deleted when it has come so far; None: at once."""
    name, server_id = server
    status = ask(cloud, "POST", f"/servers/{server_id}/action", RESIZE)
    assert status in (None, 202), status
    if task_state is not None:
        wait_until(cloud, name, t.instances.c.task_state == task_state)
    status = ask(cloud, "DELETE", f"/servers/{server_id}")
    assert status in (None, 204), status
    moved = {"GONE", "VERIFY_RESIZE", "ACTIVE", *(("ERROR", "SHUTOFF") if may_fail(cloud) else ())}
    return {name: frozenset({"GONE"} if status else moved)}


_OFF = ("SHUTOFF",)

SCENARIOS = (
    Scenario(
        "resize",
        made,
        action(RESIZE, "VERIFY_RESIZE", "ACTIVE", otherwise=_OFF),
        _RESIZE_FAILURES,
        {**ONE_HOST_EACH, "computes": 3},
    ),
    Scenario(
        "migrate",
        made,
        action({"migrate": None}, "VERIFY_RESIZE", "ACTIVE", otherwise=_OFF, as_admin=True),
        (),
        ONE_HOST_EACH,
        VARIANT,
    ),
    Scenario(
        "resize stopped",
        stopped,
        action(RESIZE, "VERIFY_RESIZE", "SHUTOFF"),
        (Failure("disks fail", "before driver.fetch_disks", 1, guest_fails),),
        ONE_HOST_EACH,
        VARIANT,
    ),
    Scenario(
        "resize on the same host",
        made,
        action(RESIZE, "VERIFY_RESIZE", "ACTIVE", otherwise=_OFF),
        (
            Failure("disks fail", "before driver.fetch_disks", 1, guest_fails),
            Failure("does not start once", "before driver.power_on", 1, guest_fails),
        ),
        SAME_HOST,
        VARIANT,
    ),
    Scenario("resize without a host", made, _nowhere_to_go, (), {"fake__hosts": 1, "computes": 1}, VARIANT),
    Scenario(
        "resize confirm",
        _resized,
        action({"confirmResize": None}, "ACTIVE", "VERIFY_RESIZE", otherwise=_OFF),
        _CONFIRM_FAILURES,
        ONE_HOST_EACH,
    ),
    Scenario(
        "resize confirm on the same host",
        _resized,
        action({"confirmResize": None}, "ACTIVE", "VERIFY_RESIZE", otherwise=_OFF),
        (),
        SAME_HOST,
        VARIANT,
    ),
    Scenario(
        "resize confirm twice",
        _resized,
        functools.partial(_repeated, {"confirmResize": None}),
        (),
        ONE_HOST_EACH,
        VARIANT,
    ),
    Scenario(
        "resize revert",
        _resized,
        action({"revertResize": None}, "ACTIVE", "VERIFY_RESIZE", otherwise=_OFF),
        _REVERT_FAILURES,
        ONE_HOST_EACH,
    ),
    Scenario(
        "resize revert on the same host",
        _resized,
        action({"revertResize": None}, "ACTIVE", "VERIFY_RESIZE", otherwise=_OFF),
        (),
        SAME_HOST,
        VARIANT,
    ),
    Scenario(
        "resize revert stopped",
        functools.partial(_resized, make=stopped),
        action({"revertResize": None}, "SHUTOFF", "VERIFY_RESIZE"),
        (),
        ONE_HOST_EACH,
        VARIANT,
    ),
    Scenario(
        "resize revert twice",
        _resized,
        functools.partial(_repeated, {"revertResize": None}),
        (),
        ONE_HOST_EACH,
        VARIANT,
    ),
    Scenario(
        "delete resized",
        _resized,
        functools.partial(delete, before="VERIFY_RESIZE"),
        deletes.FAILURES,
        ONE_HOST_EACH,
    ),
    *(
        Scenario(f"delete {when}", made, functools.partial(_delete_while, task_state), (), SLOW, VARIANT)
        for when, task_state in (
            ("at once after resize", None),
            ("while resize stops", TaskState.RESIZE_MIGRATING),
            ("while resize copies", TaskState.RESIZE_FINISH),
        )
    ),
)
