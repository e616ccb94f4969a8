"""``novalike-status``: how the daemons on this host fare, and whether an upgrade may begin."""

from novalike import concurrency

concurrency.hush()

import argparse
import sys
from pathlib import Path
from typing import Any

from oslo_config import cfg

from novalike import conf as configuration
from novalike.service import health
from novalike.cmd.manage import add_configuration_options, configuration_arguments
from novalike.cmd.management.group import complain, print_table
from novalike.cmd.upgrade_checks import Checks


def main(argv: list[str] | None = None) -> int:
    """Run one command. Gives the exit status."""
    parser = argparse.ArgumentParser(prog="novalike-status", description="Says how novalike fares.")
    add_configuration_options(parser)
    commands = parser.add_subparsers(metavar="<command>", required=True)
    asking = commands.add_parser("health", help="what the daemons on this host can reach")
    asking.add_argument("daemon", nargs="?", help="only this one, such as novalike-compute or compute")
    asking.set_defaults(run=show_health)
    upgrade = commands.add_parser("upgrade", help="upgrades").add_subparsers(metavar="<command>", required=True)
    upgrade.add_parser("check", help="whether all is right for an upgrade").set_defaults(run=check_upgrade)
    args = parser.parse_args(argv)
    conf = configuration.load("novalike-conductor", configuration_arguments(args), cfg.ConfigOpts())
    status: int = args.run(conf, args)
    return status


def check_upgrade(conf: cfg.ConfigOpts, _args: argparse.Namespace) -> int:
    """Print the results of all checks. Exit status: 0 right, 1 with warnings, 2 wrong."""
    return int(Checks(conf).check())


def show_health(conf: cfg.ConfigOpts, args: argparse.Namespace) -> int:
    """Print a table of what each process can reach.

    Exit status: 0 all is well; 1 something can't be reached or a process hangs; 2 the daemon doesn't run.
    """
    wanted = args.daemon
    if wanted and not wanted.startswith("novalike-"):
        wanted = f"novalike-{wanted}"
    folder = Path(conf.health_dir)
    try:
        paths = sorted(folder.iterdir()) if folder.exists() else []
    except PermissionError:
        complain(f"[DEFAULT] health_dir: {folder} is not for you to read")
        return 2
    rows: list[tuple[Any, ...]] = []
    well = True
    for path in paths:
        daemon = path.name.split(".", 1)[0]
        if not path.is_socket() or (wanted and daemon != wanted):
            continue
        told = _ask(path)
        if told is None:
            path.unlink(missing_ok=True)  # left behind by one that was killed
            continue
        well = well and told["state"] in ("serving", "stopping") and all(told["checks"].values())
        checks = ", ".join(f"{name}: {'ok' if good else 'FAILS'}" for name, good in sorted(told["checks"].items()))
        rows.append((told["daemon"], told["host"], told["pid"], told["state"], checks))
    print_table(["Daemon", "Host", "PID", "State", "Checks"], rows)
    if not rows:
        complain(f"{wanted} does not run here" if wanted else "no daemon runs here")
        return 2
    return 0 if well else 1


def _ask(path: Path) -> dict[str, Any] | None:
    try:
        return health.ask(path)
    except OSError:
        daemon, pid = path.name.split(".")[0], path.name.split(".")[-2]
        return {"daemon": daemon, "host": "", "pid": pid, "state": "hangs", "checks": {}}


if __name__ == "__main__":
    sys.exit(main())
