"""Console tokens: their digests, and what they open."""

import datetime
from typing import Any

import sqlalchemy as sa

from novalike.db.cell import tables as t

C = t.console_auth_tokens.c


def insert(connection: sa.Connection, **values: Any) -> None:
    """Record a token."""
    connection.execute(sa.insert(t.console_auth_tokens).values(**values))


def get(connection: sa.Connection, token_hash: str, now: datetime.datetime) -> Any:
    """The row of a token that can still be used, or None."""
    query = sa.select(t.console_auth_tokens).where(C.token_hash == token_hash, C.expires > now)
    return connection.execute(query).first()


def delete_expired(connection: sa.Connection, now: datetime.datetime) -> int:
    """Forget tokens that can't be used any more. Gives how many."""
    return connection.execute(sa.delete(t.console_auth_tokens).where(C.expires <= now)).rowcount
