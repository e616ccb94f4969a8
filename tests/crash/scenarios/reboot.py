"""Servers are rebooted."""

from tests.crash.plan import Failure
from tests.crash.scenarios.base import Scenario, action, guest_fails, made

SCENARIOS = (
    Scenario(
        "reboot soft",
        made,
        action({"reboot": {"type": "SOFT"}}, "ACTIVE", "ACTIVE"),
        (Failure("does not reboot", "before driver.reboot", None, guest_fails),),
    ),
    Scenario(
        "reboot hard",
        made,
        action({"reboot": {"type": "HARD"}}, "ACTIVE", "ACTIVE"),
        (Failure("not plugged", "before driver.plug", None, guest_fails),),
    ),
)
