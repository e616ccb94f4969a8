"""What users do in the trials, and which steps of it may fail: a module for each family of operations."""

from tests.crash.scenarios import create, delete, power, reboot, resize
from tests.crash.scenarios.base import Scenario

__all__ = ["SCENARIOS", "Scenario"]

SCENARIOS: tuple[Scenario, ...] = (
    *create.SCENARIOS, *delete.SCENARIOS, *power.SCENARIOS, *reboot.SCENARIOS, *resize.SCENARIOS,
)  # fmt: skip
