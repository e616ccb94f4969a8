"""A process dies, or freezes, at each point of each workflow, with and without a step that fails."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.crash import trials
from tests.crash.plan import Failure
from tests.crash.scenarios import SCENARIOS, Scenario
from tests.crash.trials import Trial

PassAll = Callable[..., list[trials.Result]]
# After how many of the deaths others follow.
PAIRS = 1 / 3
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


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "_"))
def test_a_host_that_dies_stays_away(scenario: Scenario, folder: Path, pass_all: PassAll) -> None:
    """It comes back long after everybody has gone on without it."""
    _undisturbed, moments = trials.moments_of(scenario, (), folder / "undisturbed")
    deaths = [mishap for mishap in trials.deaths(moments) if mishap.moment.kind == "compute"]
    pass_all([Trial(scenario, (), mishap, gone=True) for mishap in deaths])


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "_"))
def test_two_processes_die(scenario: Scenario, folder: Path, pass_all: PassAll) -> None:
    """Who has died comes back, and dies again; or who goes on instead; or another host."""
    _undisturbed, moments = trials.moments_of(scenario, (), folder / "undisturbed")
    firsts = [Trial(scenario, (), mishap) for mishap in trials.deaths(moments)]
    firsts = [trial._replace(late=bool(n % 2)) for n, trial in enumerate(firsts)]
    results = pass_all(firsts, share=PAIRS)
    pass_all([pair for n, first in enumerate(results) for pair in trials.seconds(first, n)], share=0)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "_"))
def test_a_process_that_was_given_up_goes_on(scenario: Scenario, folder: Path, pass_all: PassAll) -> None:
    """It was frozen, or cut off: a host, or one of two conductors."""
    _undisturbed, moments = trials.moments_of(scenario, (), folder / "undisturbed")
    frozen = [moment for moment in moments if moment.kind in ("compute", "conductor")]
    pass_all([Trial(scenario, (), mishap) for mishap in trials.freezes(frozen)], conductors=2)
