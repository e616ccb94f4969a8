"""Servers are deleted: built ones, and such as are being built. What is moved: ``resize``."""

import functools
from typing import Any

from novalike.db.cell import tables as t
from tests.crash.cloud import CrashCloud
from tests.crash.plan import Failure
from tests.crash.process import Death
from tests.crash.scenarios.base import (
    Expected,
    Scenario,
    ask,
    away,
    create,
    delete,
    guest_fails,
    ids,
    made,
    refuses,
    wait_until,
)

FAILURES = (
    Failure("guest stays once", "before driver.remove_guest", 1, guest_fails),
    Failure("guest stays", "after driver.remove_guest", None, guest_fails),
    Failure("disks stay once", "before driver.remove_disks", 1, guest_fails),
    Failure("ports stay", "before neutron.delete_port", None, refuses),
    Failure("claim stays for a while", "before placement.delete_allocations", 3, away),
)


def _while_building(cloud: CrashCloud, _made: Any, *, at_once: bool = False) -> Expected:
    expected = create(cloud, failing=bool(cloud.plan.failures))
    (name,) = expected
    if not at_once:
        wait_until(cloud, name, t.instances.c.host.is_not(None))
    try:
        server_id = ids(cloud).get(name)
    except (Death, AssertionError):
        return {name: frozenset({"ACTIVE", "GONE", "ERROR"})}
    if server_id is None:
        return expected
    status = ask(cloud, "DELETE", f"/servers/{server_id}")
    assert status in (None, 204, 404), status
    return {name: frozenset({"GONE"})} if status else {name: expected[name] | {"GONE"}}


SCENARIOS = (
    Scenario("delete", made, delete, FAILURES),
    Scenario("delete while building", lambda cloud: None, _while_building, (), {"fake__spawn_latency": 0.1}),
    Scenario("delete at once", lambda cloud: None, functools.partial(_while_building, at_once=True)),
)
