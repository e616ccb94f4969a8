"""Checking bodies and query strings against JSON schemas, with messages that name the field."""

import functools
import ipaddress
import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jsonschema

from novalike.objects import errors, pattern

Schema = Mapping[str, Any]

FORMATS = jsonschema.FormatChecker(formats=())


def _format(name: str, message: str | None = None) -> Any:
    def register(function: Any) -> Any:
        FORMATS.checks(name, raises=ValueError)(function)
        return function

    return register


@_format("uuid")
def _is_uuid(value: Any) -> bool:
    if not isinstance(value, str):
        return True  # what else it may be, ``type`` says
    try:
        return str(uuid.UUID(value)).replace("-", "") == value.lower().replace("-", "").strip("{}").removeprefix(
            "urn:uuid:"
        )
    except (TypeError, ValueError, AttributeError):
        return False


@_format("date-time")
def _is_date_time(value: Any) -> bool:
    from oslo_utils import timeutils

    if not isinstance(value, str):
        return True
    try:
        timeutils.parse_isotime(value)
    except ValueError:
        return False
    return True


@_format("ipv4")
def _is_ipv4(value: Any) -> bool:
    try:
        return bool(ipaddress.IPv4Address(value))
    except ValueError:
        return False


@_format("ipv6")
def _is_ipv6(value: Any) -> bool:
    try:
        return bool(ipaddress.IPv6Address(value))
    except ValueError:
        return False


# What servers and flavors are matched with.
@_format("regex")
def _is_regex(value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    pattern.check(value)
    return True


# What Nova wants to have the form of a regular expression, though it is not used as one.
@_format("regex_syntax")
def _is_regex_syntax(value: Any) -> bool:
    if not isinstance(value, str) or not value:
        return False
    pattern.check_syntax(value)
    return True


@_format("base64")
def _is_base64(value: Any) -> bool:
    import base64
    import binascii

    if not isinstance(value, str):
        return True
    try:
        base64.b64decode(value.encode("ascii"), validate=False)
    except (binascii.Error, UnicodeEncodeError):
        return False
    return True


class InvalidName(ValueError):
    """A name that can't be; its text is the whole answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"An invalid 'name' value was provided. The name must be: {reason}")


def is_printable(character: str) -> bool:
    """Whether names may have a character: no controls, no line ends, nothing beyond the basic plane."""
    category = unicodedata.category(character)
    return category[0] != "C" and category not in ("Zl", "Zp") and character <= "\uffff"


def _check_name(value: Any, allow_spaces_around: bool, forbidden: str, reason: str) -> bool:
    if not isinstance(value, str):
        return True
    # An empty one is told off by minLength.
    if not value and not allow_spaces_around:
        return True
    is_fine = all(is_printable(c) and c not in forbidden for c in value)
    if allow_spaces_around:
        value = value.strip()
    is_space = [unicodedata.category(c) == "Zs" for c in value[:1] + value[-1:]]
    if not is_fine or not value or any(is_space):
        raise InvalidName(reason)
    return True


@_format("name")
def _is_name(value: Any) -> bool:
    return _check_name(value, False, "", "printable characters. Can not start or end with whitespace.")


@_format("name_with_leading_trailing_spaces")
def _is_name_to_strip(value: Any) -> bool:
    return _check_name(value, True, "", "printable characters with at least one non space character")


@_format("az_name")
def _is_zone_name(value: Any) -> bool:
    return _check_name(value, False, ":", "printable characters except :.Can not start or end with whitespace.")


@_format("az_name_with_leading_trailing_spaces")
def _is_zone_name_to_strip(value: Any) -> bool:
    return _check_name(value, True, ":", "printable characters except :, with at least one non space character")


@_format("printable")
def _is_printable(value: Any) -> bool:
    return not isinstance(value, str) or all(is_printable(c) for c in value)


# API v2 takes names with spaces around; they are stripped later.
LENIENT_FORMATS = jsonschema.FormatChecker(formats=())
LENIENT_FORMATS.checkers = {
    **FORMATS.checkers,
    "name": FORMATS.checkers["name_with_leading_trailing_spaces"],
    "az_name": FORMATS.checkers["az_name_with_leading_trailing_spaces"],
}


def _number(value: Any) -> float | int | None:
    """A number, also one that was sent as a string."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        pass
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _bound(name: str) -> Any:
    check_number = jsonschema.Draft202012Validator.VALIDATORS[name]

    def check_bound(validator: Any, bound: Any, instance: Any, schema: Any) -> Any:
        number = _number(instance)
        return None if number is None else check_number(validator, bound, number, schema)

    return check_bound


@functools.cache
def expression(text: str) -> Callable[[str], Any]:
    """What searches for a schema's pattern. Only what looks around can't be RE2's; it must be linear by itself."""
    try:
        return pattern.Pattern(text, ours=True).search
    except pattern.PatternError:
        return re.compile(text).search


def _check_pattern(validator: Any, wanted: str, instance: Any, schema: Any) -> Iterator[jsonschema.ValidationError]:
    # A pattern comes before maxLength: it sees whatever a body has room for.
    if validator.is_type(instance, "string") and not expression(wanted)(instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {wanted!r}")


# Clients have always been allowed to send numbers as strings.
_Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    {"minimum": _bound("minimum"), "maximum": _bound("maximum"), "pattern": _check_pattern},
)


def compile_schema(schema: Schema, *, lenient: bool = False) -> Any:
    """A validator for a schema; made once per schema.

    :param lenient: as API v2 was with names.
    """
    return _compile(_Boxed(schema), lenient)


class _Boxed:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Boxed) and other.schema is self.schema


@functools.cache
def _compile(boxed: _Boxed, lenient: bool) -> Any:
    return _Validator(dict(boxed.schema), format_checker=LENIENT_FORMATS if lenient else FORMATS)


def check(value: Any, schema: Schema, *, relaxed: bool = False, in_query: bool = False) -> None:
    """Check a body or a query.

    :param relaxed: let unknown properties pass, and spaces around names (API v2).
    :raises Invalid: it doesn't match; the message names the field. Of several errors it is the first in the
        order of the schema's keywords.
    """
    for error in compile_schema(schema, lenient=relaxed).iter_errors(value):
        if not (relaxed and error.validator == "additionalProperties"):
            raise errors.Invalid(describe(error, in_query=in_query))


# Characters of a value that is quoted in full.
_SHOWN = 200


def describe(error: Any, *, in_query: bool = False) -> str:
    """One sentence about what is wrong where."""
    if isinstance(error.cause, InvalidName):
        return str(error.cause)
    if not error.path:
        return str(error.message)
    if isinstance(error.cause, pattern.PatternError):
        shown = error.instance if len(error.instance) <= _SHOWN else error.instance[:_SHOWN] + "…"
        where = f"Invalid input for query parameters {error.path[0]}. Value: {shown}."
        return f"{where} {shown!r} is not a 'regex': {error.cause}"
    if in_query:
        return f"Invalid input for query parameters {error.path[0]}. Value: {error.instance}. {error.message}"
    return f"Invalid input for field/attribute {error.path[-1]}. Value: {error.instance}. {error.message}"
