"""``novalike-manage``: databases, cells, operations and claims, for the operator.

It reads the conductor's configuration files, because that is where the databases' URLs and the way to Placement are.
"""

from novalike import concurrency

concurrency.hush()

import argparse
import logging
import sys

import sqlalchemy as sa
from oslo_config import cfg

from novalike import conf as configuration
from novalike.cmd.management import cells, databases, operations, placement
from novalike.cmd.management.group import complain
from novalike.objects import errors


def main(argv: list[str] | None = None) -> int:
    """Run one command. Gives the exit status: of the command, or 1 when something isn't there, 2 for wrong usage."""
    args = _parser().parse_args(argv)
    conf = configuration.load("novalike-conductor", configuration_arguments(args), cfg.ConfigOpts())
    _log_to_stderr()
    try:
        status: int = args.run(conf, args)
    except errors.NovalikeError as error:
        complain(str(error))
        return 1
    except sa.exc.SQLAlchemyError as error:
        complain(f"The database does not understand us: has its schema been brought up to date (sync)?\n{error}")
        return 1
    return status


def add_configuration_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that say where the configuration is."""
    parser.add_argument("--config-file", action="append", default=[], metavar="<path>", help="may be repeated")
    parser.add_argument("--config-dir", action="append", default=[], metavar="<folder>", help="may be repeated")
    parser.add_argument("--debug", action="store_true", help="log everything")


def configuration_arguments(args: argparse.Namespace) -> list[str]:
    """The same options, as a daemon would be given them. What is logged goes to stderr."""
    found = ["--log-file", "", "--log-dir", ""]
    for name, values in (("--config-file", args.config_file), ("--config-dir", args.config_dir)):
        for value in values:
            found += [name, value]
    return [*found, "--debug"] if args.debug else found


def _log_to_stderr() -> None:
    """Without a file oslo.log writes to stdout, which is for the command's result."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stdout:
            handler.setStream(sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="novalike-manage", description="Looks after novalike's databases and cells.")
    add_configuration_options(parser)
    groups = parser.add_subparsers(metavar="<group>", required=True)
    for module in (databases, cells, operations, placement):
        module.add_commands(groups)
    return parser


if __name__ == "__main__":
    sys.exit(main())
