"""How commands are added to a parser, and how their results are printed."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import prettytable
import sqlalchemy as sa
from oslo_config import cfg

from novalike.conductor.cells import Cells
from novalike.db.engine import Database
from novalike.objects import errors

LOG = logging.getLogger(__name__)
UNEXPECTED = 255

Command = Callable[[cfg.ConfigOpts, argparse.Namespace], int]
Groups = Any  # argparse's type of it is private


class Group:
    """A group of commands: ``novalike-manage <name> <command>``."""

    def __init__(self, groups: Groups, name: str, help_text: str) -> None:
        parser = groups.add_parser(name, help=help_text, description=help_text)
        self._commands = parser.add_subparsers(metavar="<command>", required=True)

    def add(self, name: str, run: Command) -> argparse.ArgumentParser:
        """Add a command; its help is the function's docstring."""
        text = (run.__doc__ or "").strip()
        parser: argparse.ArgumentParser = self._commands.add_parser(
            name, help=text.splitlines()[0], description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        parser.set_defaults(run=run)
        return parser


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as Nova's tools do."""
    table = prettytable.PrettyTable(list(columns))
    table.align = "l"
    for row in rows:
        table.add_row(["" if value is None else value for value in row])
    print(table)


def complain(message: str) -> None:
    """Say on stderr what is wrong."""
    print(message, file=sys.stderr)


def url_of(conf: cfg.ConfigOpts, group: str) -> str:
    """The URL of ``[api_database]`` or ``[database]``.

    :raises Invalid: it isn't set, or is no URL.
    """
    url: str | None = conf[group].connection
    if not url:
        raise errors.Invalid(
            f"[{group}] connection is not set. It is in the conductor's configuration file: name that with "
            "--config-file, or run this where the conductor runs."
        )
    try:
        sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):  # whose text may have the password in it
        raise errors.Invalid(f"[{group}] connection is not the URL of a database.") from None
    return url


def api_database(conf: cfg.ConfigOpts) -> Database:
    """The API database.

    :raises Invalid: it isn't configured.
    """
    return Database(url_of(conf, "api_database"), conf)


def open_cells(conf: cfg.ConfigOpts) -> Cells:
    """The cells that the API database knows.

    :raises Unavailable: it can't say which these are.
    """
    try:
        url_of(conf, "api_database")
        cells = Cells(conf)
    except (SystemExit, errors.Invalid) as error:
        raise errors.Unavailable(reason=str(error)) from error
    try:
        cells.all()
    except Exception:
        cells.close()
        raise
    return cells


def unexpected(error: Exception) -> int:
    """Say what went wrong, and give the exit status for it: not Python's, which is 1 and means something here."""
    if isinstance(error, errors.NovalikeError):
        complain(str(error))
    else:
        LOG.exception("unexpected error")
    return UNEXPECTED
