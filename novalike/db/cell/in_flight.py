"""Operations as an operator looks at them: with the time at which somebody looks at them next."""

import datetime
from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.operation import Operation

O = t.operations.c  # noqa: E741

_COLUMNS = [O[field] for field in Operation.__struct_fields__]


class Row(NamedTuple):
    """An operation, when the conductors look at it again, and when they give it up if it has not ended by then."""

    operation: Operation
    due_at: datetime.datetime | None
    deadline: datetime.datetime | None


def find(connection: sa.Connection, where: Sequence[Any], *, newest: int | None = None) -> list[Row]:
    """The operations that meet all conditions, newest first.

    :param newest: only so many; None is all.
    """
    query = sa.select(*_COLUMNS, O.due_at, O.deadline).where(*where).order_by(O.id.desc()).limit(newest)
    return [Row(_operation(row), row.due_at, row.deadline) for row in connection.execute(query)]


def _operation(row: Any) -> Operation:
    return Operation(**{field: getattr(row, field) for field in Operation.__struct_fields__})
