"""``novalike-manage placement``: do the claims in Placement agree with our records, and what can be mended.

Options and exit statuses are nova-manage's.
"""

import argparse
from contextlib import closing

from oslo_config import cfg

from novalike.clients.placement import PlacementClient
from novalike.cmd.management.claim_cases import Audit, take_away
from novalike.cmd.management.claim_records import ClaimRecords
from novalike.cmd.management.group import Group, Groups, complain
from novalike.cmd.management.healing import Healing
from novalike.conductor.cells import Cell, Cells
from novalike.cmd.management.placement_audit import ORPHANED
from novalike.objects import errors

INVALID_INPUT = 127
UNEXPECTED = 255


def add_commands(groups: Groups) -> None:
    """Add the group."""
    group = Group(groups, "placement", "Servers' claims in Placement.")
    auditing = group.add("audit", audit)
    auditing.add_argument("--verbose", action="store_true", help="say what is looked at")
    auditing.add_argument("--delete", action="store_true", help="delete orphaned allocations")
    auditing.add_argument("--resource_provider", metavar="<uuid>", help="of this resource provider only")
    healing = group.add("heal_allocations", heal_allocations)
    healing.add_argument("--max-count", metavar="<n>", help="mend at most so many servers; otherwise all")
    healing.add_argument("--verbose", action="store_true", help="say what is done")
    healing.add_argument("--dry-run", action="store_true", help="change nothing, only say what would be done")
    healing.add_argument("--instance", metavar="<uuid>", help="this server only")
    healing.add_argument("--cell", metavar="<uuid>", help="servers of this cell only")
    healing.add_argument(
        "--force", action="store_true", help="with --instance: also replace allocations that it has and that are wrong"
    )
    healing.add_argument("--skip-port-allocations", action="store_true", help="means nothing here, and is refused")


def _quiet(_text: str) -> None:
    pass


def _client(conf: cfg.ConfigOpts) -> PlacementClient:
    """
    :raises Invalid: [placement] is incomplete or wrong.
    """
    client = PlacementClient(conf)
    try:
        client.load()
    except SystemExit as error:  # a daemon would end; here the exit status has a meaning of its own
        raise errors.Invalid(str(error)) from error
    return client


def audit(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Compare the allocations in Placement with the servers and their migrations.

    Found are allocations of servers that were deleted, that are on no host, or that don't exist, and of migrations
    that are over; and servers whose allocations are missing, of the wrong amounts, or on the wrong resource provider,
    and migrations with allocations elsewhere than on their source. What something is being done
    to is left alone. --delete deletes the former; the latter are for heal_allocations. Exit status: 0 all agrees;
    1 an error; 3 something was found (and not all of it was deleted); 4 all that was found was deleted; 127 wrong
    input.
    """
    placement = _client(conf)
    with closing(Cells(conf)) as cells:
        records = ClaimRecords(conf, cells, cells.all())
        seen = records.scan()
        work = Audit(placement, records, print if args.verbose else _quiet, provider=args.resource_provider)
        if args.resource_provider and args.resource_provider not in work.roots:
            complain(f"Resource provider with UUID {args.resource_provider} does not exist.")
            return INVALID_INPUT
        found = deleted = 0
        for case in work.cases(seen):
            found += 1
            consumer, kind, detail = case.finding
            print(f"{consumer}: {kind}: {detail}")
            if args.delete and kind in ORPHANED and take_away(placement, consumer, case.allocation):
                deleted += 1
                print(f"{consumer}: the allocations were deleted")
    if found:
        print(f"{found} found, {deleted} of them deleted.")
    return 0 if not found else 4 if deleted == found else 3


def heal_allocations(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Give servers on hosts the allocations in Placement that they lack.

    Servers that something is being done to are left alone. Exit status: 0 allocations were made; 1 --max-count was
    reached and there is more to do; 2 a server's host has no compute node; 3 Placement refused an allocation; 4
    nothing had to be made; 127 wrong input; 255 an unexpected error.
    """
    wrong = _wrong_usage(args)
    if wrong:
        complain(wrong)
        return INVALID_INPUT
    with closing(Cells(conf)) as cells:
        try:
            chosen = _chosen_cells(cells, args)
        except (errors.InstanceNotFound, errors.CellNotFound) as error:
            complain(str(error))
            return INVALID_INPUT
        try:
            return Healing(_client(conf), ClaimRecords(conf, cells, chosen), args).run()
        except errors.NovalikeError as error:
            complain(str(error))
            return UNEXPECTED


def _wrong_usage(args: argparse.Namespace) -> str | None:
    if args.skip_port_allocations:
        return "--skip-port-allocations: ports have no allocations of their own here, so there is nothing to skip."
    if args.force and not args.instance:
        return "--force can only be used with --instance."
    if args.instance and args.cell:
        return "--instance and --cell exclude each other."
    if args.instance and args.max_count is not None:
        return "--instance and --max-count exclude each other."
    if args.max_count is not None and not (args.max_count.isdecimal() and int(args.max_count)):
        return "--max-count must be a whole number greater than zero."
    return None


def _chosen_cells(cells: Cells, args: argparse.Namespace) -> list[Cell]:
    """
    :raises InstanceNotFound: there is no such server.
    :raises CellNotFound: there is no such cell.
    """
    if args.instance:
        return [cells.of_instance(args.instance)]
    if args.cell:
        chosen = [cell for cell in cells.all() if cell.uuid == args.cell]
        if not chosen:
            raise errors.CellNotFound(cell=args.cell)
        return chosen
    return cells.compute_cells()
