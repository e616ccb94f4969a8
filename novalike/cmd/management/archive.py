"""``novalike-manage db archive_deleted_rows``: deleted servers go out of the way. Options and exit statuses are
nova-manage's."""

import argparse
import datetime
import time
from contextlib import closing

import sqlalchemy as sa
from oslo_config import cfg

from novalike.cmd.management import dates
from novalike.cmd.management.cell_archive import CellArchive
from novalike.cmd.management.group import (
    UNEXPECTED,
    Group,
    complain,
    open_cells,
    print_table,
    unexpected,
    url_of,
)
from novalike.cmd.management.purge import purge_cells
from novalike.conductor.cells import Cell, Cells
from novalike.objects import errors

# Seconds for which a create or an action is asked again at most (bus.servers): who asks again is told of the server
# that the first time made.
_REPEATED_FOR = 60
_MAX_ROWS = 2**31 - 1


def add_to(group: Group) -> None:
    """Add the command."""
    command = group.add("archive_deleted_rows", archive_deleted_rows)
    command.add_argument(
        "--max_rows", type=int, default=1000, metavar="<number>",
        help="archive at most so many rows (1000), those of the API database not counted. Whole servers only: if "
        "already the first one has more, it is archived nonetheless",
    )  # fmt: skip
    command.add_argument("--before", metavar="<date>", help="what was deleted by its user before this time (UTC)")
    command.add_argument("--verbose", action="store_true", help="say how many rows of each table were archived")
    command.add_argument(
        "--until-complete", action="store_true", help="go on until all is archived, --max_rows at a time in each cell"
    )
    command.add_argument("--purge", action="store_true", help="then delete for good all that has ever been archived")
    command.add_argument("--all-cells", action="store_true", help="of all cells; otherwise of [database] connection")
    command.add_argument("--task-log", action="store_true", help="there is no task log here: refused")
    command.add_argument("--sleep", type=int, metavar="<seconds>", help="between two batches of --until-complete (0)")


def archive_deleted_rows(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Move servers that were deleted, with their actions, from the production tables to shadow tables.

    Left where they are: servers that were deleted within the last minute (or [DEFAULT] service_down_time, if that is
    longer), that something is still to be done for, or one of whose hosts has not been heard of since. Dates are given
    as date prints them, or as YYYY-MM-DD [HH:MM:SS]. Exit status: 0 nothing was archived; 1 something was; 2
    --max_rows is wrong; 3 the API database can't say which cells there are; 4 --before is no date; 255 an unexpected
    error, a cell that can't be reached for one: the others have been dealt with. May be interrupted, and run again, at
    any time.
    """
    if not 0 < args.max_rows <= _MAX_ROWS:
        complain(f"--max_rows must be greater than zero, and {_MAX_ROWS} at most.")
        return 2
    try:
        before = datetime.datetime.max if args.before is None else dates.parse(args.before)
    except ValueError as error:
        complain(f"Invalid value for --before: {error}")
        return 4
    wrong = _wrong_usage(args)
    if wrong:
        complain(wrong)
        return UNEXPECTED
    try:
        cells = open_cells(conf)
    except errors.Unavailable as error:
        complain(str(error))
        return 3
    except Exception as error:
        return unexpected(error)
    with closing(cells):
        try:
            return _archive_and_purge(conf, cells, args, before)
        except Exception as error:
            return unexpected(error)


def _wrong_usage(args: argparse.Namespace) -> str | None:
    if args.task_log:
        return "--task-log: there is no task log here, so there is nothing to archive of it."
    if args.sleep is not None and not args.until_complete:
        return "--sleep is for the time between the batches of --until-complete."
    if args.sleep is not None and args.sleep < 0:
        return "--sleep must not be negative."
    return None


def _archive_and_purge(
    conf: cfg.ConfigOpts, cells: Cells, args: argparse.Namespace, before: datetime.datetime
) -> int:
    """
    :raises Invalid: [database] connection is missing, wrong, or not that of a cell.
    """
    chosen = cells.all()
    if not args.all_cells:
        url = sa.make_url(url_of(conf, "database"))
        chosen = [cell for cell in chosen if cell.database.url == url]
        if not chosen:
            raise errors.Invalid(
                "[database] connection is not that of a cell (novalike-manage cell_v2 list_cells --verbose): correct "
                "one of the two, or use --all-cells."
            )
    run = _Run(cells, args, before, datetime.timedelta(seconds=max(conf.service_down_time, _REPEATED_FOR)))
    interrupted = False
    try:
        run.archive(chosen)
    except KeyboardInterrupt:
        interrupted = True
    run.report(interrupted=interrupted)
    is_whole = run.is_whole
    if args.purge and not interrupted:
        if args.verbose:
            print("Running purge...")
        is_whole &= purge_cells(chosen, None, verbose=args.verbose) is not None
    return int(run.rows > 0) if is_whole else UNEXPECTED


class _Run:
    """What one run of the command has archived.

    :param before: only servers that were deleted before this time.
    :param settled: and only such as were deleted so long ago.
    :ivar is_whole: whether all cells could be reached so far.
    """

    def __init__(
        self, cells: Cells, args: argparse.Namespace, before: datetime.datetime, settled: datetime.timedelta
    ) -> None:
        self._api = cells.api
        self._args = args
        self._before = before
        self._settled = settled
        self._archives: list[tuple[Cell, CellArchive]] = []
        self.is_whole = True

    @property
    def rows(self) -> int:
        """Rows archived so far, those of the API database not counted."""
        return sum(archive.archived.total() for _, archive in self._archives)

    def archive(self, chosen: list[Cell]) -> None:
        """Archive what is in some cells."""
        self._show("Archiving..")
        for cell in chosen:
            try:
                before = min(self._before, cell.database.utcnow() - self._settled)
                archive = CellArchive(self._api, cell, before)
                self._archives.append((cell, archive))
                self._archive_cell(archive)
            except (errors.NovalikeError, sa.exc.SQLAlchemyError) as error:
                complain(f"Cell {cell.name} could not be finished: {error}")
                self.is_whole = False

    def _archive_cell(self, archive: CellArchive) -> None:
        if not self._args.until_complete:
            left = self._args.max_rows - self.rows
            if left > 0:
                archive.archive(left, at_least_one=self.rows == 0)
            return
        while True:
            archive.archive(self._args.max_rows, at_least_one=True)
            if archive.is_complete:
                return
            self._show(".")
            time.sleep(self._args.sleep or 0)

    def _show(self, text: str, end: str = "") -> None:
        if self._args.verbose and self._args.until_complete:
            print(text, end=end, flush=True)

    def report(self, *, interrupted: bool) -> None:
        """Print how many rows of each table were archived."""
        self._show(".stopped" if interrupted else ".complete", end="\n")
        if not self._args.verbose:
            return
        found: list[tuple[str, int]] = []
        for cell, archive in self._archives:
            prefix = f"{cell.name}." if self._args.all_cells else ""
            found += [(prefix + table, rows) for table, rows in sorted(archive.archived.items())]
        unmapped = sum(archive.unmapped for _, archive in self._archives)
        if unmapped:
            found.append(("API_DB.instance_mappings", unmapped))
        if found:
            print_table(["Table", "Number of Rows Archived"], found)
        else:
            print("Nothing was archived.")
