"""``novalike-manage api_db`` and ``db``: schemas. (What keeps databases small is in ``archive`` and ``purge``.)"""

import argparse

import sqlalchemy as sa
from oslo_config import cfg

from novalike.cmd.management import archive, purge
from novalike.cmd.management.cell_urls import cell0_url
from novalike.cmd.management.group import Group, Groups, complain, url_of
from novalike.conductor.cells import CELL0_UUID
from novalike.db import migration
from novalike.db.api import cells as cells_db
from novalike.db.engine import Database
from novalike.objects import errors


def add_commands(groups: Groups) -> None:
    """Add both groups."""
    api = Group(groups, "api_db", "The API database.")
    api.add("sync", sync_api)
    api.add("version", show_api_version)
    cell = Group(groups, "db", "The cell databases.")
    sync = cell.add("sync", sync_cells)
    sync.add_argument("--local_cell", action="store_true", help="leave cell0 alone: only [database] connection")
    cell.add("version", show_cell_version)
    archive.add_to(cell)
    purge.add_to(cell)


def sync_api(conf: cfg.ConfigOpts, _args: argparse.Namespace) -> int:
    """Bring the API database to this release's schema."""
    _sync(url_of(conf, "api_database"), "api", "the API database")
    return 0


def show_api_version(conf: cfg.ConfigOpts, _args: argparse.Namespace) -> int:
    """Print the version of the API database's schema."""
    print(migration.version(url_of(conf, "api_database")) or "none")
    return 0


def sync_cells(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Bring the configured cell database, and that of cell0, to this release's schema."""
    url = url_of(conf, "database")
    if not args.local_cell:
        try:
            _sync(_mapped_cell0(conf) or cell0_url(url), "cell", "cell0")
        except errors.Unavailable as error:
            complain(
                f"cell0 can't be reached: {error}\nHas its database been made? Is cell0 mapped to the right one "
                "(cell_v2 map_cell0)? With --local_cell it is left alone."
            )
            return 1
    _sync(url, "cell", "the cell database")
    return 0


def show_cell_version(conf: cfg.ConfigOpts, _args: argparse.Namespace) -> int:
    """Print the version of the configured cell database's schema."""
    print(migration.version(url_of(conf, "database")) or "none")
    return 0


def _sync(url: str, which: migration.Which, name: str) -> None:
    before, after = migration.sync(url, which)
    print(f"{name}: schema version {after}" + ("" if before == after else f" (was {before or 'none'})"))


def _mapped_cell0(conf: cfg.ConfigOpts) -> str | None:
    """The URL that cell0 is mapped to; None when it isn't, or the API database isn't there to say so."""
    if not conf.api_database.connection:
        return None
    database = Database(conf.api_database.connection, conf)
    try:
        row = database.query(lambda c: cells_db.find(c, CELL0_UUID))
    except (errors.Unavailable, sa.exc.SQLAlchemyError):
        return None
    finally:
        database.close()
    return None if row is None else row.database_connection
