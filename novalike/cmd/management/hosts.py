"""``novalike-manage cell_v2``: which cell a host is in."""

import argparse
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from novalike.cmd.management.group import Group, api_database, complain, print_table
from novalike.conductor.cells import CELL0_UUID
from novalike.db.api import cells as cells_db
from novalike.db.api import mappings
from novalike.db.cell import hosts as hosts_db
from novalike.db.engine import Database


def add_to(group: Group) -> None:
    """Add these commands to the group ``cell_v2``."""
    listing = group.add("list_hosts", list_hosts)
    listing.add_argument("--cell_uuid", metavar="<uuid>", help="of this cell only")
    finding = group.add("discover_hosts", discover_hosts)
    finding.add_argument("--cell_uuid", metavar="<uuid>", help="in this cell only")
    finding.add_argument("--verbose", action="store_true", help="say what is found")
    finding.add_argument("--strict", action="store_true", help="exit 1 when no new host is found")
    finding.add_argument("--by-service", action="store_true", help="as without: hosts are found by their services")


def list_hosts(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """List the hosts that are mapped to a cell.

    Exit status: 0 done; 1 no such cell.
    """
    database = api_database(conf)
    cell_id = None
    if args.cell_uuid:
        row = database.query(lambda c: cells_db.find(c, args.cell_uuid))
        if row is None:
            complain(f"Cell with uuid {args.cell_uuid} was not found.")
            return 1
        cell_id = row.id
    rows = database.query(lambda c: cells_db.hosts(c, cell_id))
    print_table(["Cell Name", "Cell UUID", "Hostname"], rows)
    return 0


def discover_hosts(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Map hosts that have reported to a cell's database but aren't mapped.

    The conductor maps a host when it first reports: this is for hosts of databases that came from elsewhere.
    Exit status: 0 done; 1 no such cell, or --strict and nothing found.
    """
    found = discover(conf, args.cell_uuid, print if args.verbose else lambda _text: None)
    if found is None:
        complain(f"Cell with uuid {args.cell_uuid} was not found.")
        return 1
    return 1 if args.strict and not found else 0


def discover(conf: cfg.ConfigOpts, cell_uuid: str | None, say: Callable[[Any], None]) -> int | None:
    """Map hosts. Gives how many were new; None when there is no such cell."""
    database = api_database(conf)
    cells = database.query(mappings.cells)
    if cell_uuid is not None:
        cells = [cell for cell in cells if cell.uuid == cell_uuid]
        if not cells:
            return None
    say(f"Found {len(cells)} cell mappings.")
    count = 0
    for cell in cells:
        if cell.uuid == CELL0_UUID:
            say("Skipping cell0 since it does not contain hosts.")
            continue
        there = Database(cell.database_connection, conf)
        reported = {row.host for row in there.query(hosts_db.status_of)}
        there.close()
        new = sorted(reported - set(database.query(mappings.hosts)))
        say(f"Found {len(new)} unmapped computes in cell: {cell.uuid}")
        for host in new:
            say(f"Creating host mapping for compute host '{host}'")
            count += _map(database, host, cell.id)
    return count


def _map(database: Database, host: str, cell_id: int) -> int:
    try:
        database.write(lambda c: mappings.map_host(c, host, cell_id))
    except sa.exc.IntegrityError:  # a conductor was faster
        return 0
    return 1
