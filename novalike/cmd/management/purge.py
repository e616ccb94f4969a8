"""``novalike-manage db purge``: archived servers are deleted for good. Options and exit statuses are nova-manage's."""

import argparse
import datetime
from collections.abc import Callable, Iterable
from contextlib import closing

import sqlalchemy as sa
from oslo_config import cfg

from novalike.cmd.management import dates
from novalike.cmd.management.group import UNEXPECTED, Group, complain, open_cells, unexpected, url_of
from novalike.conductor.cells import Cell
from novalike.db.cell import purge as purge_db
from novalike.db.engine import Database
from novalike.objects import errors

# Servers that are deleted in one transaction.
_AT_ONCE = 100


def add_to(group: Group) -> None:
    """Add the command."""
    command = group.add("purge", purge)
    command.add_argument("--all", action="store_true", help="everything that has been archived")
    command.add_argument("--before", metavar="<date>", help="what was deleted by its user before this time (UTC)")
    command.add_argument("--verbose", action="store_true", help="say what is deleted")
    command.add_argument("--all-cells", action="store_true", help="of all cells; otherwise of [database] connection")


def purge(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Delete archived servers from the shadow tables, for good.

    Dates are given as date prints them, or as YYYY-MM-DD [HH:MM:SS]. Exit status: 0 rows were deleted; 1 neither
    --all nor --before was given, or both; 2 --before is no date; 3 there was nothing to delete; 4 the API database
    can't say which cells there are; 255 an unexpected error, a cell that can't be reached for one: the others have
    been purged.
    """
    if args.all == (args.before is not None):
        complain("Either --before or --all is required, and not both.")
        return 1
    try:
        before = None if args.all else dates.parse(args.before)
    except ValueError as error:
        complain(f"Invalid value for --before: {error}")
        return 2
    try:
        if args.all_cells:
            with closing(open_cells(conf)) as cells:
                rows = purge_cells(cells.all(), before, verbose=args.verbose)
        else:
            with closing(Database(url_of(conf, "database"), conf)) as database:
                rows = _purge(database, "DB", before, _say(args.verbose))
    except errors.Unavailable as error:
        complain(str(error))
        return 4 if args.all_cells else UNEXPECTED
    except Exception as error:
        return unexpected(error)
    return UNEXPECTED if rows is None else 0 if rows else 3


def purge_cells(cells: Iterable[Cell], before: datetime.datetime | None, *, verbose: bool) -> int | None:
    """Purge the databases of some cells. Gives how many rows were deleted; None when one of them can't be reached.

    :param before: only servers that were deleted before this time; None is all.
    """
    rows, is_whole = 0, True
    for cell in cells:
        try:
            rows += _purge(cell.database, f"Cell {cell.uuid}({cell.name})", before, _say(verbose))
        except (errors.NovalikeError, sa.exc.SQLAlchemyError) as error:
            complain(f"Cell {cell.name} could not be finished: {error}")
            is_whole = False
    return rows if is_whole else None


def _say(verbose: bool) -> Callable[[str], None]:
    return print if verbose else lambda _text: None


def _purge(database: Database, name: str, before: datetime.datetime | None, say: Callable[[str], None]) -> int:
    """Purge a database, a few servers at a time. Gives how many rows were deleted."""
    total = 0
    while True:
        servers, rows = database.write(lambda c: purge_db.purge(c, before, _AT_ONCE))
        for table, number in rows.items():
            say(f"{name}: Deleted {number} rows from {table}")
        total += sum(rows.values())
        if not servers:
            return total
