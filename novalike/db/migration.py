"""Brings a database to the schema of this release, and writes migrations for changed schemas.

``python -m novalike.db.migration api|cell "what changes"`` compares the tables module with the migrations and
writes the next one, for its author to look through. There is no way back to an older schema: a release must run
on the next one's.
"""

import sys
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import exc
from sqlalchemy.dialects import mysql

from novalike.db import columns
from novalike.db.engine import UNUSABLE_URL
from novalike.objects import errors

Which = Literal["api", "cell"]

_HERE = Path(__file__).parent
_MYSQL = mysql.dialect()
_OPTIONS = {"mysql_charset": "utf8mb4", "mysql_engine": "InnoDB"}


def sync(url: str, which: Which) -> tuple[str | None, str]:
    """Bring a database to this release's schema. Gives the version before and after.

    :param url: SQLAlchemy URL; the database exists (an SQLite file is made).
    :raises Unavailable: the database can't be reached.
    :raises Conflict: the database has a newer schema than this release knows.
    """
    engine = _engine(url)
    try:
        with engine.begin() as connection:
            before = _version(connection)
            _check_known(before, which)
            config = _config(which)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            return before, str(_version(connection))
    except exc.OperationalError as error:
        raise errors.Unavailable(reason=f"the database can't be used: {error.orig}") from error
    finally:
        engine.dispose()


def version(url: str) -> str | None:
    """The version of a database's schema; None when it has none yet.

    :raises Unavailable: the database can't be reached.
    """
    engine = _engine(url)
    try:
        with engine.connect() as connection:
            return _version(connection)
    except exc.OperationalError as error:
        raise errors.Unavailable(reason=f"the database can't be used: {error.orig}") from error
    finally:
        engine.dispose()


def newest(which: Which) -> str:
    """The version that this release's code wants."""
    head = ScriptDirectory.from_config(_config(which)).get_current_head()
    if head is None:
        raise AssertionError(f"there are no migrations for {which}")
    return head


def run_in(context: Any, metadata: sa.MetaData) -> None:
    """What a migrations folder's ``env.py`` does."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=metadata,
        render_item=_render,
        render_as_batch=True,
        process_revision_directives=_add_table_options,
    )
    with context.begin_transaction():
        context.run_migrations()


def _engine(url: str) -> sa.Engine:
    try:
        return sa.create_engine(url, poolclass=sa.NullPool)
    except UNUSABLE_URL as error:
        raise errors.Unavailable(reason=f"the database's URL can't be used: {error}") from error


def _config(which: Which) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_HERE / which / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _version(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _check_known(found: str | None, which: Which) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config(which)).walk_revisions()}
    if found is not None and found not in known:
        raise errors.Conflict(f"the database has schema version {found}, which this release doesn't know")


def _render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Name our column types as ``novalike.db.columns`` does."""
    if kind != "type":
        return False
    if isinstance(item, columns.Json) or item is columns.LongText:
        return "columns.LongText"
    if item is columns.Moment:
        return "columns.Moment"
    if isinstance(item, sa.String) and item.length and isinstance(item.dialect_impl(_MYSQL), mysql.VARCHAR):
        return f"columns.name({item.length})"
    return False


def _add_table_options(_context: Any, _revision: Any, directives: list[Any]) -> None:
    for directive in directives:
        for operation in directive.upgrade_ops.ops:
            if hasattr(operation, "table_name") and hasattr(operation, "columns"):
                operation.kw.update(_OPTIONS)


def _write_next(which: Which, message: str) -> None:
    # Autogenerate compares with a database: an SQLite one in memory that has all migrations so far.
    with sa.create_engine("sqlite://").begin() as connection:
        config = _config(which)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        numbers = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
        config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
        command.revision(config, message, autogenerate=True, rev_id=f"{len(numbers) + 1:04}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in ("api", "cell"):
        sys.exit(__doc__)
    _write_next(sys.argv[1], sys.argv[2])  # type: ignore[arg-type]
