"""Microversions: which one a request means, and values that depend on it.

What each one changed is in ``docs/api/microversions.md``.
"""

import functools
from collections.abc import Mapping
from typing import Generic, NamedTuple, TypeVar

import microversion_parse

from novalike.objects import errors

T_co = TypeVar("T_co", covariant=True)


class Version(NamedTuple):
    """A microversion; compares as numbers do."""

    major: int
    minor: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


@functools.cache
def parse(text: str) -> Version:
    """``2.96`` as a version.

    :raises Invalid: it isn't of that form.
    """
    major, dot, minor = text.partition(".")
    if not (dot and major.isdecimal() and minor.isdecimal() and major == str(int(major)) and minor == str(int(minor))):
        raise errors.Invalid(
            f"API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
        )
    return Version(int(major), int(minor))


MINIMUM = Version(2, 1)
MAXIMUM = Version(2, 104)


class Unsupported(errors.NotAcceptable):
    template = (
        "Version {version} is not supported by the API. Minimum is "
        f"{MINIMUM} and maximum is {MAXIMUM}."
    )

    @property
    def version(self) -> str:
        """What was asked for."""
        return str(self.fields["version"])


def of_request(headers: Mapping[str, str]) -> Version:
    """The version that a request's headers mean; the minimum when they are silent.

    :param headers: names in lower case.
    :raises Invalid: malformed.
    :raises Unsupported: we don't speak it.
    """
    text = microversion_parse.get_version(
        dict(headers), service_type="compute", legacy_headers=["X-OpenStack-Nova-API-Version"]
    )
    if text is None:
        return MINIMUM
    if text == "latest":
        return MAXIMUM
    version = parse(text)
    if not MINIMUM <= version <= MAXIMUM:
        raise Unsupported(version=text)
    return version


class Since(Generic[T_co]):
    """A value that changed with microversions: ``Since({"2.1": old, "2.26": newer})``."""

    def __init__(self, values: Mapping[str, T_co]) -> None:
        self.values = sorted(((parse(text), value) for text, value in values.items()), reverse=True)

    def at(self, version: Version) -> T_co | None:
        """The value at a version; None before the first."""
        return next((value for since, value in self.values if since <= version), None)
