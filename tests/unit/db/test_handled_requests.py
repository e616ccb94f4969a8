"""Notes on commands that were carried out."""

import datetime
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from novalike.db import handled_requests

NOW = datetime.datetime(2026, 11, 28)


@pytest.fixture
def connection() -> Iterator[sa.Connection]:
    metadata = sa.MetaData()
    handled_requests.table(metadata)
    engine = sa.create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection


def test_once_is_new_and_twice_is_not(connection: sa.Connection) -> None:
    for request, command, new in (("r1", "lock s", True), ("r1", "lock s", False), ("r1", "lock t", True),
                                  ("r2", "lock s", True)):  # fmt: skip
        assert handled_requests.is_new(connection, request, command, NOW) is new


def test_what_users_name_may_be_as_long_as_they_like(connection: sa.Connection) -> None:
    """A flavor's id alone may fill the column, and databases other than SQLite refuse what doesn't fit."""
    assert handled_requests.is_new(connection, "r", "describe_flavor " + "f" * 255, NOW)
    assert not handled_requests.is_new(connection, "r", "describe_flavor " + "f" * 255, NOW)
    (length,) = connection.execute(sa.text("SELECT length(command) FROM handled_requests")).one()
    assert length == 255


def test_old_notes_are_forgotten(connection: sa.Connection) -> None:
    for request, age in (("old", 2), ("new", 0)):
        handled_requests.is_new(connection, request, "lock s", NOW - datetime.timedelta(days=age))
    assert handled_requests.forget(connection, NOW - datetime.timedelta(days=1)) == 1
    assert not handled_requests.is_new(connection, "new", "lock s", NOW)
