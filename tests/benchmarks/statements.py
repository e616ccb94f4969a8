"""SQL statements, counted by MariaDB: its general log has each, and who sent it.

Each contender logs in to its databases as a user of its own, so who sent it is whose it is.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from tests.benchmarks.place import Place

# The users, and the kinds of what they send: pings and logins are no statements.
USERS = {"nova": "nova", "novalike": "novalike"}
_KINDS = frozenset({"Query", "Execute"})


class Log:
    """What was counted while the log was on.

    :ivar counts: user → number of statements.
    :ivar verbs: user → first words of the statements, counted.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.verbs: dict[str, Counter[str]] = {}

    def read(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Count.

        :param rows: who (``nova[nova] @  [127.0.0.1]``), what kind of command, its text.
        """
        for who, kind, text in rows:
            if kind not in _KINDS:
                continue
            user = who.partition("[")[0]
            self.counts[user] += 1
            words = text.split(None, 1)
            self.verbs.setdefault(user, Counter())[words[0].upper() if words else ""] += 1


@contextmanager
def counted(place: Place) -> Iterator[Log]:
    """Count what is sent meanwhile; the log is complete afterwards."""
    log = Log()
    place.sql("SET GLOBAL log_output = 'TABLE'")
    place.sql("SET GLOBAL general_log = 0")
    place.sql("TRUNCATE mysql.general_log")
    place.sql("SET GLOBAL general_log = 1")
    try:
        yield log
    finally:
        place.sql("SET GLOBAL general_log = 0")
    log.read(
        (_text(who), _text(kind), _text(text))
        for who, kind, text in place.sql("SELECT user_host, command_type, LEFT(argument, 40) FROM mysql.general_log")
    )


def _text(value: str | bytes) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
