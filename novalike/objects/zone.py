"""Availability zones."""

import datetime

from novalike.objects.record import Record, Row


class ZoneService(Row, frozen=True):
    """A daemon in a zone."""

    host: str
    binary: str
    up: bool
    last_seen_at: datetime.datetime | None


class Zone(Record, frozen=True):
    """An availability zone; available when one of its daemons isn't disabled.

    :param services: those that aren't disabled.
    """

    name: str
    available: bool
    services: tuple[ZoneService, ...] = ()
