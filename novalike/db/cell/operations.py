"""Queries about operations. Whoever changes one names the epoch at which it holds it."""

import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.db.cell.services import endpoint_of
from novalike.objects.migration import MigrationStatus
from novalike.objects.network import VersionedVifs
from novalike.objects.operation import Operation, OperationState

O, M = t.operations.c, t.migrations.c  # noqa: E741

COLUMNS = [O[field] for field in Operation.__struct_fields__]
_BRIEF_COLUMNS = [column for column in COLUMNS if column.name not in ("params", "journal", "route", "failure", "found")]
OPEN = O.state.in_(OperationState.OPEN)


def _operation(row: Any) -> Operation:
    return Operation(**row._mapping)


def operation_of(values: Sequence[Any]) -> Operation:
    """The operation that has these values of ``COLUMNS``."""
    return Operation(**dict(zip(Operation.__struct_fields__, values, strict=True)))


def insert(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Record operations."""
    connection.execute(sa.insert(t.operations), rows)


# Made once, as what follows: putting a statement together takes several times as long as the rest of running it.
_BY_UUID = sa.select(*COLUMNS).where(O.uuid == sa.bindparam("wanted"))


def get(connection: sa.Connection, uuid: str) -> Operation | None:
    """An operation, or None."""
    row = connection.execute(_BY_UUID, {"wanted": uuid}).first()
    return None if row is None else _operation(row)


class Reported(NamedTuple):
    """An operation that is reported on.

    :ivar vifs: its server's interfaces.
    :ivar context: who asked for it, as it is stored.
    """

    operation: Operation
    vifs: VersionedVifs
    context: dict[str, Any]


_REPORTED = (
    sa.select(*COLUMNS, t.instances.c.vifs, t.instances.c.vifs_version, O.context)
    .join(t.instances, t.instances.c.uuid == O.instance_uuid)
    .where(O.uuid == sa.bindparam("wanted"))
    .with_for_update()
)


def get_for_report(connection: sa.Connection, uuid: str) -> Reported | None:
    """Return an operation with its server's interfaces, or None; nobody else changes them until the transaction ends.
    """
    row = connection.execute(_REPORTED, {"wanted": uuid}).first()
    if row is None:
        return None
    *operation, vifs, version, context = row
    return Reported(operation_of(operation), VersionedVifs(vifs=vifs, version=version), context)


def epochs(connection: sa.Connection, uuids: Sequence[str], holder: str) -> dict[str, int]:
    """At which epochs somebody holds some operations; those that he doesn't hold are left out."""
    query = sa.select(O.uuid, O.epoch).where(O.uuid.in_(uuids), O.holder == holder, OPEN)
    return dict(connection.execute(query).all())


def of_server(
    connection: sa.Connection,
    instance_uuid: str,
    *,
    limit: int | None = None,
    before_id: int | None = None,
    changes_since: datetime.datetime | None = None,
    changes_before: datetime.datetime | None = None,
) -> list[Operation]:
    """A server's operations, newest first, without ``params``, ``journal`` and ``route``."""
    query = sa.select(*_BRIEF_COLUMNS).where(O.instance_uuid == instance_uuid).order_by(O.id.desc())
    if before_id is not None:
        query = query.where(O.id < before_id)
    if changes_since is not None:
        query = query.where(O.updated_at >= changes_since)
    if changes_before is not None:
        query = query.where(O.updated_at <= changes_before)
    if limit is not None:
        query = query.limit(limit)
    return [_operation(row) for row in connection.execute(query)]


def id_of_request(connection: sa.Connection, instance_uuid: str, request_id: str) -> int | None:
    """The row number of a server's newest operation with this request id."""
    query = sa.select(sa.func.max(O.id)).where(O.instance_uuid == instance_uuid, O.request_id == request_id)
    return connection.execute(query).scalar()


def by_request(connection: sa.Connection, instance_uuid: str, request_id: str) -> Operation | None:
    """A server's newest operation with this request id."""
    query = sa.select(*COLUMNS).where(O.instance_uuid == instance_uuid, O.request_id == request_id)
    row = connection.execute(query.order_by(O.id.desc()).limit(1)).first()
    return None if row is None else _operation(row)


_CREATED_BY = (
    sa.select(O.instance_uuid).where(O.request_id == sa.bindparam("request"), O.workflow == "create").order_by(O.id)
)


def created_by(connection: sa.Connection, request_id: str) -> list[str]:
    """The servers that a request has created already, in the order in which it did."""
    return list(connection.execute(_CREATED_BY, {"request": request_id}).scalars())


def _of_its_operations(what: Any, *conditions: Any) -> Any:
    """Something over all operations of the server that a query selects."""
    found = sa.select(what).where(O.instance_uuid == t.instances.c.uuid, *conditions)
    return found.correlate(t.instances).scalar_subquery()


class Standing(NamedTuple):
    """What a new operation has to know of its server.

    :ivar begun: the operation that the request has begun already.
    :ivar endpoint: the bus address of the server's process; None when it is on no host, or that has no service.
    :ivar epoch: the greatest one of the server's operations; 0 when it has none.
    :ivar under_way: how many of its operations have not ended.
    :ivar migrations: how many of its migrations are not over.
    """

    begun: str | None
    endpoint: str | None
    epoch: int
    under_way: int
    migrations: int


_STANDING = sa.select(
    _of_its_operations(
        sa.func.max(O.uuid), O.request_id == sa.bindparam("request"), O.action == sa.bindparam("doing")
    ),
    endpoint_of(t.instances.c.host),
    _of_its_operations(sa.func.max(O.epoch)),
    _of_its_operations(sa.func.count(), OPEN),
    sa.select(sa.func.count())
    .where(M.instance_uuid == t.instances.c.uuid, M.status.in_(MigrationStatus.OPEN))
    .correlate(t.instances)
    .scalar_subquery(),
).where(t.instances.c.uuid == sa.bindparam("instance"))


def standing(connection: sa.Connection, instance_uuid: str, request_id: str, action: str) -> Standing:
    """Return what a new operation has to know of its server."""
    asked = {"instance": instance_uuid, "request": request_id, "doing": action}
    row = connection.execute(_STANDING, asked).first()
    begun, endpoint, epoch, under_way, migrations = row or (None, None, None, 0, 0)
    return Standing(begun, endpoint, epoch or 0, under_way, migrations)


_UPDATE_HELD = sa.update(t.operations).where(
    O.uuid == sa.bindparam("wanted"), O.epoch == sa.bindparam("held_at"), OPEN
)


def update(connection: sa.Connection, uuid: str, epoch: int, /, **values: Any) -> bool:
    """Change an open operation, if it is still held at ``epoch``. Gives whether it was."""
    return connection.execute(_UPDATE_HELD, {"wanted": uuid, "held_at": epoch, **values}).rowcount == 1


_UPDATE_OPEN_OF_SERVER = sa.update(t.operations).where(O.instance_uuid == sa.bindparam("wanted"), OPEN)


def supersede(connection: sa.Connection, instance_uuid: str, now: datetime.datetime, message: str) -> int:
    """End all open operations of a server: another one has taken their place."""
    values = {
        "state": OperationState.SUPERSEDED, "finish_time": now, "updated_at": now, "due_at": None, "holder": None,
        "message": message,
    }  # fmt: skip
    return connection.execute(_UPDATE_OPEN_OF_SERVER, {"wanted": instance_uuid, **values}).rowcount


def hold_until(connection: sa.Connection, holder: str, at: datetime.datetime, uuids: Sequence[str]) -> None:
    """Set the time until which nobody but their holder looks at some operations."""
    query = sa.update(t.operations).where(O.holder == holder, OPEN, O.uuid.in_(uuids))
    connection.execute(query.values(due_at=at))


def let_go(
    connection: sa.Connection,
    holder: str,
    at: datetime.datetime,
    *,
    only: Sequence[str] | None = None,
    but: Sequence[str] = (),
) -> None:
    """Make what a holder has nobody's, for whoever looks first.

    :param at: when that may be.
    :param only: these operations; None is all.
    :param but: without these.
    """
    query = sa.update(t.operations).where(O.holder == holder, OPEN, O.uuid.not_in(but))
    if only is not None:
        query = query.where(O.uuid.in_(only))
    connection.execute(query.values(due_at=at, holder=None))


class Due(NamedTuple):
    """An open operation that somebody must look at.

    :ivar context: who asked for it, as it is stored.
    :ivar endpoint: the bus address of its host's process, if it is on a host.
    :ivar deadline: when it is given up.
    """

    operation: Operation
    context: dict[str, Any]
    endpoint: str | None
    deadline: datetime.datetime | None


_DUE = (
    sa.select(*COLUMNS, O.context, endpoint_of(O.host), O.deadline)
    .where(O.due_at <= sa.bindparam("now"), OPEN)
    .order_by(O.due_at)
    .limit(sa.bindparam("most"))
)


def due(connection: sa.Connection, now: datetime.datetime, limit: int) -> list[Due]:
    """Return the open operations that somebody must look at, those first that have waited longest.

    :param now: by the database's clock, as in all that follows.
    """
    rows = connection.execute(_DUE, {"now": now, "most": limit})
    return [Due(operation_of(row[: len(COLUMNS)]), *row[len(COLUMNS) :]) for row in rows]


def postpone(connection: sa.Connection, uuid: str, epoch: int, due_at: datetime.datetime) -> None:
    """Have nobody look at an open operation before ``due_at``, if it is still held at ``epoch``."""
    update(connection, uuid, epoch, due_at=due_at)


def oldest_start(connection: sa.Connection, uuids: Sequence[str]) -> datetime.datetime | None:
    """Return when the oldest of some operations began; None when there are none."""
    return connection.execute(sa.select(sa.func.min(O.start_time)).where(O.uuid.in_(uuids))).scalar()


_ENDED = O.state.not_in(OperationState.OPEN)


def ended_due(connection: sa.Connection, now: datetime.datetime, limit: int) -> list[Operation]:
    """Return ended operations that may have left something behind, those first that have waited longest."""
    query = sa.select(*COLUMNS).where(O.due_at <= now, _ENDED).order_by(O.due_at).limit(limit)
    return [_operation(row) for row in connection.execute(query)]


def claim_ended(
    connection: sa.Connection, uuid: str, now: datetime.datetime, due_at: datetime.datetime
) -> bool:
    """Have nobody else look at an ended operation before ``due_at``. Return whether it was still due."""
    claim = sa.update(t.operations).where(O.uuid == uuid, O.due_at <= now, _ENDED).values(due_at=due_at)
    return connection.execute(claim).rowcount == 1


def looked_after(connection: sa.Connection, uuid: str) -> None:
    """Record that an operation that has ended has left nothing behind."""
    connection.execute(sa.update(t.operations).where(O.uuid == uuid, _ENDED).values(due_at=None))
