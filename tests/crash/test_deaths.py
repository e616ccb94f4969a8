"""A process dies at each point of each workflow, with and without a step that fails."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.crash import trials
from tests.crash.plan import Failure
from tests.crash.scenarios import SCENARIOS, Scenario
from tests.crash.trials import Trial

PassAll = Callable[[Sequence[Trial]], None]
CASES = [
    pytest.param(scenario, failures, id="-".join((scenario.name, *(f.name for f in failures))).replace(" ", "_"))
    for scenario in SCENARIOS
    for failures in ((), *((failure,) for failure in scenario.failures))
]


@pytest.mark.parametrize(("scenario", "failures"), CASES)
def test_a_process_that_dies_comes_back(
    scenario: Scenario, failures: tuple[Failure, ...], folder: Path, pass_all: PassAll
) -> None:
    undisturbed, moments = trials.moments_of(scenario, failures, folder / "undisturbed")
    assert not undisturbed.differences
    pass_all([Trial(scenario, failures, mishap) for mishap in trials.deaths(moments)])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "_"))
def test_a_host_that_dies_is_given_up_before_it_comes_back(
    scenario: Scenario, folder: Path, pass_all: PassAll
) -> None:
    _undisturbed, moments = trials.moments_of(scenario, (), folder / "undisturbed")
    deaths = [mishap for mishap in trials.deaths(moments) if mishap.moment.kind == "compute"]
    pass_all([Trial(scenario, (), mishap, late=True) for mishap in deaths])
