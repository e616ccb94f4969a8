"""Queries about servers to which something is to be done by itself when a time has come."""

import datetime
from typing import NamedTuple

import sqlalchemy as sa

from novalike.db.cell import tables as t

I = t.instances.c  # noqa: E741


class Wake(NamedTuple):
    """What is to be done to a server, and since when it is due, by the database's clock."""

    instance_uuid: str
    action: str
    at: datetime.datetime


def due(connection: sa.Connection, now: datetime.datetime, limit: int) -> list[Wake]:
    """Return what is due, that first which has waited longest."""
    query = sa.select(I.uuid, I.wake_action, I.wake_at).where(I.wake_at <= now, I.deleted == sa.false())
    return [Wake(*row) for row in connection.execute(query.order_by(I.wake_at).limit(limit))]


def put_off(connection: sa.Connection, wake: Wake, until: datetime.datetime) -> bool:
    """Have nobody else do it before ``until``. Return whether it was still due."""
    change = sa.update(t.instances).where(I.uuid == wake.instance_uuid, I.wake_at == wake.at)
    return connection.execute(change.values(wake_at=until)).rowcount == 1
