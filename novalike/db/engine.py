"""Connections to a database, and transactions that are repeated when the database says so."""

import datetime
import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from oslo_config import cfg
from sqlalchemy import exc, pool

from novalike import concurrency
from novalike.db import clock
from novalike.objects import errors
from novalike.objects.pattern import Pattern

LOG = logging.getLogger(__name__)
T = TypeVar("T")
# What functions of ``novalike.db`` take, and callers of them only hand on.
Connection = sa.Connection
# What :class:`Database` raises when its URL is none, or names a kind of database for which nothing is installed.
UNUSABLE_URL = (exc.ArgumentError, ImportError)

# What the database says when a transaction lost against another one: try again.
# MariaDB: lock wait timeout, deadlock, record changed; no such savepoint: a deadlock inside of it has rolled back all.
_RETRY_CODES = {1205, 1213, 1020, 1305}
_RETRY_STATES = {"40001", "40P01", "55P03"}  # PostgreSQL


class Database:
    """One database: reads in autocommit, writes in transactions.

    Two pools, because switching a connection between the two costs a round trip each way.

    :param url: SQLAlchemy URL.
    :param conf: for ``[database]``'s pool options.
    """

    def __init__(self, url: str, conf: cfg.ConfigOpts) -> None:
        self.url = sa.make_url(url)
        self._retries = conf.database.max_retries
        options = _engine_options(self.url, conf)
        self._write_engine = sa.create_engine(self.url, **options)
        self._read_engine = sa.create_engine(
            self.url, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True, **options
        )
        self.dialect = self.url.get_backend_name()
        # SQLite has one writer at a time: queue here, not in its busy loop, which would block a green process.
        self._writer = threading.RLock() if self.dialect == "sqlite" else None
        if self.dialect == "sqlite":
            _prepare_sqlite(self._write_engine, self._read_engine)
        if self.dialect == "postgresql" and concurrency.is_green():
            from eventlet.support import psycopg2_patcher

            psycopg2_patcher.make_psycopg_green()
        self._clock = clock.Clock(lambda: self.query(clock.ask))

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection in autocommit: for queries, and for writes of a single statement.

        :raises Unavailable: the database can't be reached.
        """
        with _reported():
            if self._writer and self.url.database in (None, "", ":memory:"):
                with self._writer, self._read_engine.connect() as connection:
                    yield connection
            else:
                with self._read_engine.connect() as connection:
                    yield connection

    def query(self, function: Callable[[sa.Connection], T]) -> T:
        """Run a function that only reads; once more when the connection turns out to be dead."""
        for attempt in range(self._retries + 1):
            try:
                with self.read() as connection:
                    return function(connection)
            except _Dropped:
                if attempt >= 1:
                    raise
        raise AssertionError("unreachable")

    def write(self, function: Callable[[sa.Connection], T]) -> T:
        """Run a function in a transaction. It is run again when the transaction lost a deadlock, so it must
        do nothing but SQL.

        :raises Unavailable: the database can't be reached.
        """
        for attempt in range(self._retries + 1):
            try:
                return self._write_once(function)
            except _Conflict:
                if attempt == self._retries:
                    raise
                time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311
        raise AssertionError("unreachable")

    def _write_once(self, function: Callable[[sa.Connection], T]) -> T:
        with _reported():
            if self._writer:
                with self._writer, self._write_engine.begin() as connection:
                    return function(connection)
            with self._write_engine.begin() as connection:
                return function(connection)

    def utcnow(self) -> datetime.datetime:
        """Return the time by the database's clock, in UTC: for what other processes compare with their own "now".

        Not within :meth:`write`: it may ask the database.

        :raises Unavailable: the database can't be reached.
        """
        return self._clock.now()

    def ping(self) -> bool:
        """Whether the database answers."""
        try:
            with self.read() as connection:
                connection.execute(sa.text("SELECT 1"))
        except errors.NovalikeError:
            return False
        return True

    @property
    def engine(self) -> sa.Engine:
        """For migrations."""
        return self._write_engine

    def close(self) -> None:
        """Close all connections."""
        self._write_engine.dispose()
        self._read_engine.dispose()


class _Conflict(errors.Unavailable):
    """The transaction was rolled back and may be repeated."""


class _Dropped(errors.Unavailable):
    """The connection was lost."""


@contextmanager
def _reported() -> Iterator[None]:
    """Turn SQLAlchemy's errors about the database's state into ours."""
    try:
        yield
    except exc.DBAPIError as error:
        if _lacks_tables(error):
            raise errors.Unavailable(
                reason="the database lacks tables: run 'novalike-manage api_db sync' and 'novalike-manage db sync'"
            ) from error
        if isinstance(error, (exc.IntegrityError, exc.DataError, exc.ProgrammingError)):
            raise
        code = error.orig.args[0] if error.orig is not None and error.orig.args else None
        state = getattr(error.orig, "pgcode", None)
        if code in _RETRY_CODES or state in _RETRY_STATES or "database is locked" in str(error.orig):
            raise _Conflict(reason="the database is busy") from error
        LOG.warning("database: %s", error.orig)
        if error.connection_invalidated:
            raise _Dropped(reason="the database connection was lost") from error
        raise errors.Unavailable(reason="the database can't be used now") from error
    except (exc.PendingRollbackError, exc.ResourceClosedError) as error:
        raise _Dropped(reason="the database connection was lost") from error
    except exc.TimeoutError as error:
        raise errors.Unavailable(reason="all database connections are in use") from error


def _lacks_tables(error: exc.DBAPIError) -> bool:
    original = error.orig
    code = original.args[0] if original is not None and original.args else None
    return code == 1146 or getattr(original, "pgcode", None) == "42P01" or "no such table" in str(original)


# Seconds. A database that is frozen, or at the other end of a cut cable, must not hold our threads for ever.
_CONNECT, _ANSWER = 5, 60
_TIMEOUTS: dict[str, dict[str, Any]] = {
    "mysql": {"connect_timeout": _CONNECT, "read_timeout": _ANSWER, "write_timeout": _ANSWER},
    "postgresql": {
        "connect_timeout": _CONNECT,
        "options": f"-c statement_timeout={_ANSWER * 1000}",
        "tcp_user_timeout": _ANSWER * 1000,
    },
}


def _engine_options(url: sa.URL, conf: cfg.ConfigOpts) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        if url.database in (None, "", ":memory:"):
            return {"poolclass": pool.StaticPool, "connect_args": {"check_same_thread": False}}
        return {"connect_args": {"check_same_thread": False, "timeout": 30}}
    arguments = _TIMEOUTS.get(url.get_backend_name(), {})
    if url.get_backend_name() == "mysql" and not any(name.startswith("ssl") for name in url.query):
        # Or PyMySQL, since 1.2, reads all of the system's certificates for each connection, in case the server speaks
        # TLS, and checks none of them: 25 ms of nothing else.
        arguments = arguments | {"ssl_disabled": True}
    return {
        "connect_args": arguments,
        "pool_size": conf.database.max_pool_size,
        "max_overflow": conf.database.max_overflow,
        "pool_timeout": conf.database.pool_timeout,
        "pool_recycle": conf.database.connection_recycle_time,
        # Every use ends in an explicit commit or rollback, or is autocommit: nothing is left to reset.
        "pool_reset_on_return": None,
    }


def _matches(expression: str, text: str | None) -> bool | None:
    return None if text is None else Pattern(expression).search(str(text))


def _prepare_sqlite(*engines: sa.Engine) -> None:
    for engine in engines:

        @sa.event.listens_for(engine, "connect")
        def _connect(connection: Any, _record: Any) -> None:
            connection.execute("PRAGMA foreign_keys=ON")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=NORMAL")
            # In place of SQLAlchemy's, which is Python's re.
            connection.create_function("regexp", 2, _matches, deterministic=True)

    @sa.event.listens_for(engines[0], "begin")
    def _begin(connection: sa.Connection) -> None:
        # Take the write lock at once: upgrading a read lock later fails when another writer was faster.
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    @sa.event.listens_for(engines[0], "connect")
    def _no_implicit_begin(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
