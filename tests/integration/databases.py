"""Databases that tests may fill as they like."""

import os
from configparser import ConfigParser
from pathlib import Path

import sqlalchemy as sa

from tests.integration.user.stack import read_stack


def empty_databases() -> list[str]:
    """URLs of those that the environment names, and of the one that a stack keeps for this."""
    found = os.environ.get("NOVALIKE_TEST_DATABASES", "").split()
    stack = read_stack()
    if stack is not None and stack.database != "sqlite":
        conf = ConfigParser(interpolation=None, strict=False)
        conf.read(Path(stack.etc) / "conductor-1.conf")
        url = sa.make_url(conf["database"]["connection"]).set(database="novalike_plans")
        found.append(url.render_as_string(hide_password=False))
    return found
