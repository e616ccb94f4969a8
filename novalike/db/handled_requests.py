"""Commands that were carried out, by request: one that comes again late must not undo what newer requests have changed.

A command that nobody has answered in time is asked again (``bus.transport``), and the first asking may still lie with a
process that is slow or frozen. Whoever carries a command out notes it in the same transaction, and does nothing when it
finds it noted. Each database has a table for the commands that change something in it.
"""

import datetime

import sqlalchemy as sa

from novalike.db.columns import Moment, name

_LENGTH = 255


def table(metadata: sa.MetaData) -> sa.Table:
    """Return the table, as part of a database's schema."""
    return sa.Table(
        "handled_requests",
        metadata,
        sa.Column("request_id", name(), primary_key=True),
        sa.Column("command", name(_LENGTH), primary_key=True),
        sa.Column("created_at", Moment, nullable=False, index=True),
    )


def is_new(connection: sa.Connection, request_id: str, command: str, now: datetime.datetime) -> bool:
    """Note that a command is carried out for a request. Return False when that was noted already.

    To be called in the transaction of the command.

    :param command: a method of the bus, with whatever else tells it from others of the same request. Users choose some
        of that; what is too long for the column is left out.
    :param now: by the database's clock.
    """
    try:
        with connection.begin_nested():
            row = {"request_id": request_id, "command": command[:_LENGTH], "created_at": now}
            connection.execute(sa.insert(_TABLE), row)
    except sa.exc.IntegrityError:
        return False
    return True


def forget(connection: sa.Connection, before: datetime.datetime) -> int:
    """Remove what was noted before that. Return how many these were."""
    return connection.execute(sa.delete(_TABLE).where(_TABLE.c.created_at < before)).rowcount


# It is the same in all databases.
_TABLE = table(sa.MetaData())
