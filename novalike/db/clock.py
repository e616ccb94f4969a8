"""The database's clock. What several conductors write and compare goes by it: their own clocks need not agree."""

import datetime
import time
from collections.abc import Callable

import sqlalchemy as sa

# Seconds for which one look at the database's clock serves: two clocks part by less than a millisecond meanwhile.
_SERVES = 60.0

_NOW = {
    "mysql": sa.text("SELECT UTC_TIMESTAMP(6)"),
    "mariadb": sa.text("SELECT UTC_TIMESTAMP(6)"),
    "postgresql": sa.text("SELECT clock_timestamp() AT TIME ZONE 'UTC'"),
    "sqlite": sa.text("SELECT strftime('%Y-%m-%dT%H:%M:%f', 'now')"),
}


def ask(connection: sa.Connection) -> datetime.datetime:
    """Return the time by the database's clock, in UTC, without a time zone."""
    now = connection.execute(_NOW[connection.dialect.name]).scalar_one()
    return datetime.datetime.fromisoformat(now) if isinstance(now, str) else now


class Clock:
    """Tells the database's time without asking for it each time. Safe for threads.

    :param look: returns the database's time.
    """

    def __init__(self, look: Callable[[], datetime.datetime]) -> None:
        self._look = look
        # The database's time, and this process's monotonic seconds at that moment.
        self._seen: tuple[datetime.datetime, float] | None = None

    def now(self) -> datetime.datetime:
        """Return the time by the database's clock, in UTC.

        :raises Unavailable: the database can't be asked.
        """
        seen = self._seen
        if seen is None or time.monotonic() - seen[1] > _SERVES:
            began = time.monotonic()
            there = self._look()
            self._seen = seen = (there, (began + time.monotonic()) / 2)
        return seen[0] + datetime.timedelta(seconds=time.monotonic() - seen[1])
