"""Servers are stopped and started."""

from tests.crash.plan import Failure
from tests.crash.scenarios.base import Scenario, action, guest_fails, made, stopped

SCENARIOS = (
    Scenario(
        "stop",
        made,
        action({"os-stop": None}, "SHUTOFF", "ACTIVE"),
        (Failure("does not stop", "before driver.power_off", None, guest_fails),),
    ),
    Scenario(
        "start",
        stopped,
        action({"os-start": None}, "ACTIVE", "SHUTOFF"),
        (Failure("does not start", "before driver.power_on", None, guest_fails),),
    ),
)
