"""Which values pass the checks of bodies and queries, and how others are told off."""

from typing import Any

import pytest

from novalike.api import validation
from novalike.api.schemas import parameters as p
from novalike.objects import errors

NAME = p.body("thing", {"name": p.name, "size": p.integer(1)}, ["name"])
EXTRA = {"name": "a", "x": 1}
UNEXPECTED = "Additional properties are not allowed ('x' was unexpected)"
TOO_LARGE = (
    f"Invalid input for field/attribute size. Value: {2**31}. "
    f"{2**31} is greater than the maximum of {2**31 - 1}"
)
BAD_NAME = (
    "An invalid 'name' value was provided. The name must be: printable characters. "
    "Can not start or end with whitespace."
)


def trouble(value: Any, schema: Any = NAME, **how: bool) -> str | None:
    try:
        validation.check(value, schema, **how)
    except errors.Invalid as error:
        return error.message
    return None


@pytest.mark.parametrize("name", ["a", "a b", "é", "名前", "a\u3000b", "a" * 255, "-", "a:b"])
def test_names(name: str) -> None:
    assert trouble({"thing": {"name": name}}) is None


@pytest.mark.parametrize("name", [" a", "a ", " ", "\u3000", "a\tb", "a\u0000", "a\n", "\U0001f600", "a\u2028b"])
def test_wrong_names(name: str) -> None:
    assert trouble({"thing": {"name": name}}) == BAD_NAME


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"name": ""}, "Invalid input for field/attribute name. Value: . '' should be non-empty"),
        ({"name": 5}, "Invalid input for field/attribute name. Value: 5. 5 is not of type 'string'"),
        ({}, "Invalid input for field/attribute thing. Value: {}. 'name' is a required property"),
        (
            {"name": "a", "size": "0"},
            "Invalid input for field/attribute size. Value: 0. 0 is less than the minimum of 1",
        ),
        (
            {"name": "a", "size": str(2**31)},
            TOO_LARGE,
        ),
        (
            EXTRA,
            f"Invalid input for field/attribute thing. Value: {EXTRA}. {UNEXPECTED}",
        ),
    ],
)
def test_messages_name_the_field(value: Any, message: str) -> None:
    assert trouble({"thing": value}) == message


def test_of_several_errors_the_first() -> None:
    message = trouble({"thing": {"name": " ", "size": 0, "x": 1}})
    assert message == BAD_NAME


def test_query_parameters_are_called_so() -> None:
    message = trouble({"limit": ["1", "x"]}, p.query(p.paging), in_query=True)
    assert message == "Invalid input for query parameters limit. Value: x. 'x' does not match '^[0-9]*$'"


def test_relaxed_lets_unknown_properties_pass() -> None:
    assert trouble({"thing": {"name": "a", "x": 1}}, relaxed=True) is None


@pytest.mark.parametrize("value", [1e400, -1e400])
def test_numbers_that_are_none(value: float) -> None:
    assert trouble({"thing": {"name": "a", "size": value}}) is not None


def test_zone_names_have_no_colon() -> None:
    schema = {"type": "string", "format": "az_name"}
    assert trouble("a:b", schema) is not None
    assert trouble("a b", schema) is None
