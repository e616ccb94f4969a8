"""``novalike-manage operation``: what is being done to servers right now, over all cells, and taking a hand in it."""

import argparse
import datetime
from collections.abc import Callable
from contextlib import closing
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from novalike.cmd.management.group import Group, Groups, print_table
from novalike.cmd.management import interventions
from novalike.conductor.cells import Cell, Cells
from novalike.db.cell import in_flight
from novalike.db.cell import operations as operations_db
from novalike.objects import errors
from novalike.objects.operation import JournalEntry, Operation, OperationState
from novalike.objects.operations import ACTIONS
from novalike.objects.operations import route as routes

_ATTEMPTS = 5


class Found(NamedTuple):
    """An operation, where it is recorded, when somebody looks at it next, and when it is given up."""

    cell: Cell
    operation: Operation
    due_at: datetime.datetime | None
    deadline: datetime.datetime | None


def add_commands(groups: Groups) -> None:
    """Add the group."""
    group = Group(groups, "operation", "Actions on servers that have not ended.")
    listing = group.add("list", list_operations)
    listing.add_argument("--host", metavar="<host>", help="on this host only")
    listing.add_argument("--server", metavar="<uuid>", help="of this server only; also those that have ended")
    listing.add_argument("--older-than", type=_seconds, metavar="<seconds>", help="that began at least so long ago")
    listing.add_argument("--all", action="store_true", help="also those that have ended")
    listing.add_argument(
        "--limit", type=_count, default=100, metavar="<n>", help="of those that have ended, at most the n newest (100)"
    )
    listing.add_argument("--json", action="store_true", help="for programs")
    group.add("show", show_operation).add_argument("uuid", metavar="<uuid>")
    group.add("retry", retry_operation).add_argument("uuid", metavar="<uuid>")
    abandoning = group.add("abandon", abandon_operation)
    abandoning.add_argument("uuid", metavar="<uuid>")
    abandoning.add_argument(
        "--reason", required=True, metavar="<text>", help="why; the server's user reads it in the server's fault"
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 <= value < 10**10:
        raise ValueError
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError
    return value


def list_operations(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """List operations, oldest first.

    Step is where it stands: the last one that has begun and not ended. Due is when the conductors look at it
    next. Times are UTC.
    """
    with closing(Cells(conf)) as cells:
        under_way = _matching(cells, args, operations_db.OPEN)
        # In this order, so that one that ends meanwhile is seen twice, not never.
        ended = _ended(cells, args) if args.all or args.server else []
    by_uuid = {each.operation.uuid: each for each in [*under_way, *ended]}
    found = sorted(by_uuid.values(), key=lambda each: (each.operation.start_time, each.operation.uuid))
    if args.json:
        print(msgspec.json.format(msgspec.json.encode([_record(each) for each in found])).decode())
        return 0
    print_table(
        ["UUID", "Server", "Workflow", "State", "Step", "Host", "Holder", "Since", "Last sign", "Due", "Tries"],
        [
            (
                op.uuid, op.instance_uuid, op.workflow, op.state, current_step(op), op.host, op.holder,
                _brief(op.start_time), _brief(op.updated_at), _brief(due), op.attempts + 1,
            )
            for _, op, due, _ in found
        ],
    )  # fmt: skip
    return 0


def _ended(cells: Cells, args: argparse.Namespace) -> list[Found]:
    found = _matching(cells, args, sa.not_(operations_db.OPEN), newest=args.limit)
    return sorted(found, key=lambda each: each.operation.start_time)[-args.limit :]


def _matching(cells: Cells, args: argparse.Namespace, *where: Any, newest: int | None = None) -> list[Found]:
    o = operations_db.O
    conditions = list(where)
    if args.server:
        conditions.append(o.instance_uuid == args.server)
    if args.host:
        conditions.append(o.host == args.host)
    found = []
    for cell in cells.all():
        there = list(conditions)
        if args.older_than is not None:
            there.append(o.start_time <= cell.database.utcnow() - datetime.timedelta(seconds=args.older_than))
        rows = cell.database.query(lambda c: in_flight.find(c, there, newest=newest))  # noqa: B023 (it is called here)
        found += [Found(cell, *row) for row in rows]
    return found


def current_step(operation: Operation) -> str | None:
    """The event of the last journal entry without an end; None when none is under way."""
    return next((entry.event for entry in reversed(operation.journal) if entry.finish_time is None), None)


def _record(found: Found) -> dict[str, Any]:
    cell, operation, due_at, deadline = found
    # Not what the user gave as parameters: there may be passwords among them.
    named = (
        "uuid", "instance_uuid", "action", "workflow", "state", "host", "holder", "epoch", "request_id", "user_id",
        "project_id", "message",
    )  # fmt: skip
    moments = {
        "start_time": operation.start_time, "updated_at": operation.updated_at, "due_at": due_at,
        "deadline": deadline, "finish_time": operation.finish_time,
    }  # fmt: skip
    return {
        "cell": cell.name,
        **{name: getattr(operation, name) for name in named},
        "step": current_step(operation),
        "tries": operation.attempts + 1,
        **{name: None if moment is None else moment.isoformat() + "Z" for name, moment in moments.items()},
    }


def _brief(moment: datetime.datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(sep=" ", timespec="seconds")


def show_operation(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Show an operation, its route (which legs it has, and which one it is at), and its journal.

    Exit status: 0 done; 1 no such operation.
    """
    with closing(Cells(conf)) as cells:
        found = _one(cells, args.uuid)
    shown = [(name, value) for name, value in _record(found).items() if name != "cell"]
    print_table(["Field", "Value"], [("cell", found.cell.name), *shown])
    print_table(["Leg", "Host", "Node", ""], _route(found.operation))
    print_table(
        ["Step", "Host", "Started", "Ended", "Result", "Details"], [_line(entry) for entry in found.operation.journal]
    )
    return 0


def _route(operation: Operation) -> list[tuple[Any, ...]]:
    """One row for each leg, with where the operation stands; none when it was over from the start."""
    if operation.workflow not in ACTIONS:
        return []
    route, at = routes.current(operation)
    open_now = operation.state in OperationState.OPEN
    rows = []
    for index, stop in enumerate(route):
        here = "is here" if open_now else "ended here"
        stands = "left out" if stop.skipped else here if index == at else "done" if index < at else None
        rows.append((stop.leg, stop.host, stop.node, stands))
    return rows


def _line(entry: JournalEntry) -> tuple[Any, ...]:
    return entry.event, entry.host, entry.start_time, entry.finish_time, entry.result, entry.details


def retry_operation(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Have an operation begun anew: take it from whoever holds it, and make it due now.

    A conductor hands it out again within [conductor] reaper_interval seconds: to its host, or, when it has none,
    to itself. Who held it until now can't report any more, and stops. Exit status: 0 done; 1 no such operation, or
    it has ended.
    """
    operation = _intervene(conf, args.uuid, lambda c, op, now: interventions.retry(c, conf, op, now))
    whom = f"host {operation.host}" if operation.host else "a conductor"
    print(f"Operation {operation.uuid} ({operation.workflow} of server {operation.instance_uuid}): {whom} begins anew.")
    return 0


def abandon_operation(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Give an operation up: it ends as failed, and the server's fault says so.

    Who held it until now can't report any more, and stops. What it has done stays until the server is deleted,
    which the user can do at once. Exit status: 0 done; 1 no such operation, or it has ended.
    """
    operation = _intervene(conf, args.uuid, lambda c, op, now: interventions.abandon(c, conf, op, now, args.reason))
    print(f"Operation {operation.uuid} ({operation.workflow} of server {operation.instance_uuid}) was given up.")
    return 0


def _intervene(
    conf: cfg.ConfigOpts, uuid: str, change: Callable[[sa.Connection, Operation, datetime.datetime], bool]
) -> Operation:
    """Change an open operation; again when somebody else was faster. Gives it as it was before.

    :raises NotFound: there is no such operation.
    :raises Conflict: it has ended, or never stays as it is.
    """
    with closing(Cells(conf)) as cells:
        for _ in range(_ATTEMPTS):
            cell, operation, *_ = _one(cells, uuid)
            if operation.state not in OperationState.OPEN:
                how = f"{operation.state}, {_brief(operation.finish_time)}"
                raise errors.Conflict(f"Operation {uuid} has ended ({how}): nothing can be changed.")
            now = cell.database.utcnow()
            if cell.database.write(lambda c: change(c, operation, now)):  # noqa: B023 (it is called here)
                return operation
    raise errors.Conflict(f"Operation {uuid} keeps changing: try again.")


def _one(cells: Cells, uuid: str) -> Found:
    """
    :raises NotFound: there is no such operation.
    """
    found = [
        Found(cell, *row)
        for cell in cells.all()
        for row in cell.database.query(lambda c: in_flight.find(c, [operations_db.O.uuid == uuid]))
    ]
    if not found:
        raise errors.NotFound(f"Operation {uuid} was not found.")
    if len(found) > 1:
        # A server on its way from one cell to another is in both: its mapping says which one counts.
        home = cells.of_instance(found[0].operation.instance_uuid).id
        found = [each for each in found if each.cell.id == home] or found
    return found[0]
