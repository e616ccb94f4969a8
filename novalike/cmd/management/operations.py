"""``novalike-manage operation``: what is being done to servers right now, over all cells."""

import argparse
from typing import Any

from oslo_config import cfg

from novalike.cmd.management.group import Group, Groups, complain, print_table
from novalike.conductor.cells import Cells
from novalike.db.cell import operations as operations_db
from novalike.objects.operation import Operation


def add_commands(groups: Groups) -> None:
    """Add the group."""
    group = Group(groups, "operation", "Actions on servers that have not ended.")
    listing = group.add("list", list_operations)
    listing.add_argument("--host", metavar="<host>", help="on this host only")
    listing.add_argument("--server", metavar="<uuid>", help="of this server only; also those that have ended")
    group.add("show", show_operation).add_argument("uuid", metavar="<uuid>")


def list_operations(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """List operations, oldest first."""
    o = operations_db.O
    where: list[Any] = [o.instance_uuid == args.server] if args.server else [operations_db.OPEN]
    if args.host:
        where.append(o.host == args.host)
    found: list[Operation] = []
    cells = Cells(conf)
    for cell in cells.all():
        found += cell.database.query(lambda c: operations_db.find(c, *where))
    cells.close()
    print_table(
        ["UUID", "Server", "Workflow", "State", "Host", "Holder", "Since"],
        [
            (op.uuid, op.instance_uuid, op.workflow, op.state, op.host, op.holder, op.start_time)
            for op in sorted(found, key=lambda op: op.start_time)
        ],
    )
    return 0


def show_operation(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Show an operation and its journal.

    Exit status: 0 done; 1 no such operation.
    """
    cells = Cells(conf)
    for cell in cells.all():
        operation = cell.database.query(lambda c: operations_db.get(c, args.uuid))
        if operation is not None:
            _print(operation, cell.name)
            return 0
    complain(f"Operation {args.uuid} was not found.")
    return 1


def _print(operation: Operation, cell: str) -> None:
    # Not what the user gave as parameters: there may be passwords among them.
    shown = [
        "uuid", "instance_uuid", "action", "workflow", "state", "request_id", "user_id", "project_id", "host",
        "holder", "epoch", "attempts", "start_time", "updated_at", "finish_time", "message",
    ]  # fmt: skip
    print_table(["Field", "Value"], [("cell", cell), *((name, getattr(operation, name)) for name in shown)])
    print_table(
        ["Step", "Host", "Started", "Ended", "Result", "Details"],
        [(e.event, e.host, e.start_time, e.finish_time, e.result, e.details) for e in operation.journal],
    )
