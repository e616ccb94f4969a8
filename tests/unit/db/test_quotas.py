"""Queries about limits, on every kind of database there is."""

from novalike.db.api import quotas
from novalike.db.engine import Database


def test_levels(api_database: Database) -> None:
    def write(connection: object) -> None:
        quotas.set_limit(connection, "p", "", "cores", 5)  # type: ignore[arg-type]
        quotas.set_limit(connection, "p", "", "cores", 6)  # type: ignore[arg-type]
        quotas.set_limit(connection, "p", "", "cores", 6)  # type: ignore[arg-type]
        quotas.set_limit(connection, "p", "u", "cores", 3)  # type: ignore[arg-type]
        quotas.set_limit(connection, "p", "v", "cores", 2)  # type: ignore[arg-type]
        quotas.set_limit(connection, "q", "u", "cores", 1)  # type: ignore[arg-type]
        quotas.set_class_limit(connection, "default", "ram", 7)  # type: ignore[arg-type]
        quotas.set_class_limit(connection, "default", "ram", 8)  # type: ignore[arg-type]

    api_database.write(write)
    found = api_database.query(lambda c: quotas.limits(c, "p", "u"))
    assert found == {"class": {"ram": 8}, "project": {"cores": 6}, "user": {"cores": 3}}
    assert api_database.query(lambda c: quotas.limits(c, "p"))["user"] == {}
    assert api_database.query(lambda c: quotas.given_to_users(c, "p")) == {"cores": 5}
    assert api_database.query(lambda c: quotas.class_limits(c, "default")) == {"ram": 8}


def test_forget(api_database: Database) -> None:
    for owner in ("", "u", "v"):
        api_database.write(lambda c, owner=owner: quotas.set_limit(c, "p", owner, "cores", 1))  # type: ignore[misc]
    api_database.write(lambda c: quotas.forget(c, "p", "u"))
    assert api_database.query(lambda c: quotas.limits(c, "p", "u"))["user"] == {}
    assert api_database.query(lambda c: quotas.limits(c, "p", "v"))["user"] == {"cores": 1}
    api_database.write(lambda c: quotas.forget(c, "p", None))
    assert api_database.query(lambda c: quotas.limits(c, "p", "v")) == {"class": {}, "project": {}, "user": {}}
