"""Servers are created."""

from tests.crash.plan import Failure
from tests.crash.scenarios.base import Scenario, away, create, guest_fails, refuses

SCENARIOS = (
    Scenario(
        "create",
        lambda cloud: None,
        lambda cloud, _: create(cloud, failing=bool(cloud.plan.failures)),
        (
            Failure("ports fail", "before neutron.create_ports", None, refuses),
            Failure("disks fail once", "before driver.prepare_disks", 1, guest_fails),
            Failure("disks fail", "after driver.prepare_disks", None, guest_fails),
            Failure("spawn fails once", "before driver.spawn", 1, guest_fails),
            Failure("spawn fails late", "after driver.spawn", 1, guest_fails),
            Failure("spawn fails", "before driver.spawn", None, guest_fails),
            Failure("image away twice", "before glance.chunks", 2, away),
        ),
    ),
    Scenario("create three", lambda cloud: None, lambda cloud, _: create(cloud, count=3)),
    Scenario("create in one of two cells", lambda cloud: None, lambda cloud, _: create(cloud), (), {"cells": 2}),
)
