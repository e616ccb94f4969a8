"""URLs of cells: where cell0 is unless told otherwise, and what of a URL may be shown."""

import re
from pathlib import PurePosixPath

import sqlalchemy as sa

# A database that is called after its cell has a sibling that is called after cell0.
_CELL_SUFFIX = re.compile(r"_cell\d+$")
# user:password@ after // or after another host's comma
_LOGINS = re.compile(r"((?://|,)[^:/@,]*):[^@/]*@")


def cell0_url(url: str) -> str:
    """The usual URL of cell0's database, next to a cell's: ``novalike`` → ``novalike_cell0``,
    ``novalike_cell1`` → ``novalike_cell0``, ``/var/novalike.sqlite`` → ``/var/novalike_cell0.sqlite``."""
    parsed = sa.make_url(url)
    name = parsed.database or ""
    if parsed.get_backend_name() == "sqlite":
        path = PurePosixPath(name)
        renamed = str(path.with_name(_CELL_SUFFIX.sub("", path.stem) + "_cell0" + path.suffix))
    else:
        renamed = _CELL_SUFFIX.sub("", name) + "_cell0"
    return parsed.set(database=renamed).render_as_string(hide_password=False)


def mask(url: str | None) -> str:
    """A URL (of a database, or of a message bus with several hosts) without its passwords."""
    return _LOGINS.sub(r"\1:****@", url or "")
