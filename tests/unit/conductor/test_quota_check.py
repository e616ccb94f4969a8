"""How many servers fit."""

import pytest

from novalike.conductor.quota_check import fit
from novalike.objects import errors

LIMITS = {"instances": 10, "cores": 20, "ram": -1}
NOTHING = {"instances": 0, "cores": 0, "ram": 0}
EACH = {"instances": 1, "cores": 4, "ram": 512}


@pytest.mark.parametrize(
    ("used", "maximum", "count"),
    [
        ({}, 3, 3), ({}, 100, 5), ({"cores": 1}, 100, 4), ({"cores": 4}, 100, 4), ({"instances": 9}, 100, 1),
        ({"ram": 10**9}, 100, 5),
    ],
)  # fmt: skip
def test_as_many_as_the_scarcest_resource_allows(used: dict[str, int], maximum: int, count: int) -> None:
    assert fit(LIMITS, {**NOTHING, **used}, EACH, 1, maximum) == count


def test_what_costs_nothing_and_what_has_no_limit_is_not_scarce() -> None:
    used = {"instances": 0, "cores": 20, "ram": 10**9}
    assert fit(LIMITS, used, {**EACH, "cores": 0}, 1, 10) == 10
    assert fit({**LIMITS, "instances": 0}, NOTHING, {"cores": 4}, 1, 2) == 2


def test_exactly_the_fewest_that_are_wanted_will_do() -> None:
    assert fit(LIMITS, NOTHING, EACH, 5, 5) == 5
    with pytest.raises(errors.OverQuota):
        fit(LIMITS, NOTHING, EACH, 6, 6)


def test_the_refusal_names_all_that_is_short_and_by_how_much() -> None:
    used = {"instances": 8, "cores": 16, "ram": 0}
    with pytest.raises(errors.OverQuota) as refused:
        fit(LIMITS, used, EACH, 3, 4)
    assert refused.value.fields == {
        "overs": "cores, instances", "requested": "12, 3", "used": "16, 8", "allowed": "20, 10",
    }  # fmt: skip
    with pytest.raises(errors.OverQuota) as refused:
        fit({**LIMITS, "instances": 0}, NOTHING, EACH, 1, 1)
    assert refused.value.fields["overs"] == "instances"
