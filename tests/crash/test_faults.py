"""Messages, the database, a neighbour, guests or hosts do what they shouldn't, at each point."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import trials
from tests.crash.scenarios import SCENARIOS, Scenario
from tests.crash.trials import Trial

PassAll = Callable[..., list[trials.Result]]
NAMES = [scenario.name.replace(" ", "_") for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_what_is_away_is_waited_for(scenario: Scenario, folder: Path, pass_all: PassAll) -> None:
    """Messages lost, doubled, late; deadlocks; database, bus, Placement, Neutron, Glance, hypervisor away."""
    _undisturbed, moments = trials.moments_of(scenario, (), folder / "undisturbed")
    pass_all([Trial(scenario, (), mishap) for mishap in trials.faults(moments)])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=NAMES)
def test_hosts_and_guests_that_stop(scenario: Scenario, folder: Path, pass_all: PassAll) -> None:
    _undisturbed, moments = trials.moments_of(scenario, (), folder / "undisturbed")
    pass_all([Trial(scenario, (), mishap) for mishap in trials.stops(moments)])
