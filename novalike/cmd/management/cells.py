"""``novalike-manage cell_v2``: which cells there are. Exit statuses are Nova's."""

import argparse
import uuid
from typing import Any

from oslo_config import cfg

from novalike.bus import address
from novalike.cmd.management import hosts
from novalike.cmd.management.cell_urls import cell0_url, mask
from novalike.cmd.management.group import Group, Groups, api_database, complain, print_table, url_of
from novalike.conductor.cells import CELL0_UUID
from novalike.db import migration
from novalike.db.api import cells as cells_db
from novalike.db.api import mappings

_NO_BUS = "none:///"


def add_commands(groups: Groups) -> None:
    """Add the group's commands about cells. (Those about hosts are in ``hosts``.)"""
    group = Group(groups, "cell_v2", "Cells and their hosts.")
    setup = group.add("simple_cell_setup", set_up)
    setup.add_argument("--cell0-connection", metavar="<url>", help="cell0's database; next to [database]'s by default")
    setup.add_argument("--transport-url", metavar="<url>", help="the cell's message bus; [DEFAULT] transport_url's")
    cell0 = group.add("map_cell0", map_cell0)
    cell0.add_argument("--database_connection", metavar="<url>", help="next to [database]'s by default")
    create = group.add("create_cell", create_cell)
    create.add_argument("--name", metavar="<name>")
    create.add_argument("--database_connection", metavar="<url>", help="[database] connection by default")
    create.add_argument("--transport-url", metavar="<url>", help="[DEFAULT] transport_url by default")
    create.add_argument("--verbose", action="store_true", help="print the cell's uuid")
    create.add_argument("--disabled", action="store_true", help="no new servers in it")
    listing = group.add("list_cells", list_cells)
    listing.add_argument("--verbose", action="store_true", help="with passwords")
    update = group.add("update_cell", update_cell)
    update.add_argument("--cell_uuid", metavar="<uuid>", required=True)
    update.add_argument("--name", metavar="<name>")
    update.add_argument("--database_connection", metavar="<url>")
    update.add_argument("--transport-url", metavar="<url>")
    update.add_argument("--disable", action="store_true", help="no new servers in it")
    update.add_argument("--enable", action="store_true", help="new servers in it again")
    delete = group.add("delete_cell", delete_cell)
    delete.add_argument("--cell_uuid", metavar="<uuid>", required=True)
    delete.add_argument("--force", action="store_true", help="even if hosts are mapped to it")
    hosts.add_to(group)


def set_up(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Make what a cloud with one cell needs: cell0, one cell, and its hosts' mappings. Safe to run again.

    Exit status: 0 done, or done before; 1 the URL of the message bus is missing or wrong.
    """
    transport_url = _transport_url(conf, args.transport_url)
    if transport_url is None:
        return 1
    url = url_of(conf, "database")
    _map_cell0(conf, args.cell0_connection or cell0_url(url))
    database = api_database(conf)
    if not any(row.uuid != CELL0_UUID for row in database.query(mappings.cells)):
        migration.sync(url, "cell")
        cell = str(uuid.uuid4())
        database.write(
            lambda c: mappings.insert_cell(
                c, uuid=cell, name="cell1", transport_url=transport_url, database_connection=url, disabled=False
            )
        )
        print(f"cell1 ({cell}) is set up")
    hosts.discover(conf, None, lambda _text: None)
    return 0


def map_cell0(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Record where cell0's database is, and bring it to this release's schema.

    Exit status: 0 done, or done before.
    """
    _map_cell0(conf, args.database_connection or cell0_url(url_of(conf, "database")))
    return 0


def _map_cell0(conf: cfg.ConfigOpts, url: str) -> None:
    database = api_database(conf)
    row = database.query(lambda c: cells_db.find(c, CELL0_UUID))
    migration.sync(url if row is None else row.database_connection, "cell")
    if row is not None:
        print("Cell0 is already setup")
        return
    database.write(
        lambda c: mappings.insert_cell(
            c, uuid=CELL0_UUID, name="cell0", transport_url=_NO_BUS, database_connection=url, disabled=False
        )
    )
    print("cell0 is set up")


def create_cell(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Record a cell.

    Exit status: 0 done; 1 a URL is missing or wrong; 2 another cell has this database.
    """
    transport_url = _transport_url(conf, args.transport_url)
    url = args.database_connection or conf.database.connection
    if not url:
        complain("Neither --database_connection nor [database] connection is set.")
    if not url or transport_url is None:
        return 1
    database = api_database(conf)
    if database.query(lambda c: cells_db.is_taken(c, url)):
        complain("Another cell has this database.")
        return 2
    cell = str(uuid.uuid4())
    values = {
        "uuid": cell, "name": args.name or cell, "transport_url": transport_url, "database_connection": url,
        "disabled": args.disabled,
    }  # fmt: skip
    database.write(lambda c: mappings.insert_cell(c, **values))
    if args.verbose:
        print(cell)
    return 0


def list_cells(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """List all cells."""
    show = (lambda url: url or "") if args.verbose else mask
    rows = sorted(api_database(conf).query(mappings.cells), key=lambda row: row.name)
    print_table(
        ["Name", "UUID", "Transport URL", "Database Connection", "Disabled"],
        [(r.name, r.uuid, show(r.transport_url), show(r.database_connection), bool(r.disabled)) for r in rows],
    )
    return 0


def update_cell(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Change a cell. Conductors notice within half a minute.

    Exit status: 0 done; 1 no such cell, or a wrong URL; 3 another cell has this database; 4 both --enable and
    --disable; 5 cell0 can't be disabled.
    """
    database = api_database(conf)
    row = database.query(lambda c: cells_db.find(c, args.cell_uuid))
    if row is None:
        complain(f"Cell with uuid {args.cell_uuid} was not found.")
        return 1
    if args.disable and args.enable:
        complain("Cell cannot be disabled and enabled at the same time.")
        return 4
    if args.disable and args.cell_uuid == CELL0_UUID:
        complain("Cell0 cannot be disabled.")
        return 5
    changes: dict[str, Any] = {}
    if args.name:
        changes["name"] = args.name
    if args.transport_url:
        if _transport_url(conf, args.transport_url) is None:
            return 1
        changes["transport_url"] = args.transport_url
    if args.database_connection:
        if database.query(lambda c: cells_db.is_taken(c, args.database_connection, but=args.cell_uuid)):
            complain("Another cell has this database.")
            return 3
        changes["database_connection"] = args.database_connection
    if args.disable or args.enable:
        changes["disabled"] = args.disable
    if changes:
        database.write(lambda c: cells_db.update(c, args.cell_uuid, **changes))
    return 0


def delete_cell(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Forget a cell that has no servers.

    Exit status: 0 done; 1 no such cell; 2 hosts are mapped to it; 3 servers are mapped to it.
    """
    database = api_database(conf)
    row = database.query(lambda c: cells_db.find(c, args.cell_uuid))
    if row is None:
        complain(f"Cell with uuid {args.cell_uuid} was not found.")
        return 1
    if database.query(lambda c: cells_db.hosts(c, row.id)) and not args.force:
        complain(f"There are existing hosts mapped to cell with uuid {args.cell_uuid}.")
        return 2
    if database.query(lambda c: cells_db.count_servers(c, row.id)):
        complain(f"There are existing instances mapped to cell with uuid {args.cell_uuid}.")
        return 3
    database.write(lambda c: cells_db.delete(c, row.id))
    return 0


def _transport_url(conf: cfg.ConfigOpts, given: str | None) -> str | None:
    """The URL of a cell's message bus; None, with a complaint, when there is no usable one."""
    url = given or address.configured(conf)
    if not url:
        complain("Must specify --transport-url if [DEFAULT] transport_url is not set.")
        return None
    if not address.is_valid(conf, url):
        complain(f"Invalid transport URL: {mask(url)}")
        return None
    return url
