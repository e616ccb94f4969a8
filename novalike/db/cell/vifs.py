"""Queries about servers' interfaces as they are recorded. Every write of them raises their version."""

import datetime
from collections.abc import Sequence

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.network import VersionedVifs, Vif

I = t.instances.c  # noqa: E741

RAISED = I.vifs_version + 1

_BY_UUID = sa.select(I.vifs, I.vifs_version).where(I.uuid == sa.bindparam("wanted"), I.deleted == sa.false())
_REPLACE = (
    sa.update(t.instances)
    .where(I.uuid == sa.bindparam("wanted"), I.deleted == sa.false(), I.vifs_version == sa.bindparam("known"))
    .values(vifs_version=RAISED)
)


def get(connection: sa.Connection, uuid: str) -> VersionedVifs | None:
    """The interfaces of a server, or None: it is deleted, or there is none."""
    row = connection.execute(_BY_UUID, {"wanted": uuid}).first()
    return None if row is None else VersionedVifs(vifs=row.vifs, version=row.vifs_version)


def replace(
    connection: sa.Connection, uuid: str, vifs: Sequence[Vif], version: int, now: datetime.datetime
) -> bool:
    """Write a server's interfaces, if they still have this version. Gives whether they had."""
    values = {"wanted": uuid, "known": version, "vifs": tuple(vifs), "updated_at": now}
    return connection.execute(_REPLACE, values).rowcount == 1
