"""The base of every record that crosses the bus."""

import datetime

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A frozen record, sent as a JSON object without the fields that have their default value."""


class Row(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A frozen record of which many are sent at once: a JSON array. Append new fields at the end."""


def utcnow() -> datetime.datetime:
    """Now, in UTC, without a time zone (as the database stores it), to the microsecond."""
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
