"""Queries about aggregates, on every kind of database there is."""

import pytest

from novalike.db.api import aggregates
from novalike.db.engine import Database
from novalike.objects import errors


def test_life(api_database: Database) -> None:
    first = api_database.write(lambda c: aggregates.insert(c, "a", "za"))
    second = api_database.write(lambda c: aggregates.insert(c, "b", None))
    with pytest.raises(errors.AggregateNameExists):
        api_database.write(lambda c: aggregates.insert(c, "a", None))
    with pytest.raises(errors.AggregateNameExists):
        api_database.write(lambda c: aggregates.rename(c, second, "a"))
    assert api_database.write(lambda c: aggregates.add_member(c, first, "h1"))
    assert not api_database.write(lambda c: aggregates.add_member(c, first, "h1"))
    assert api_database.write(lambda c: aggregates.add_member(c, second, "h1"))
    assert api_database.query(aggregates.zones_of_hosts) == {"h1": "za"}
    api_database.write(lambda c: aggregates.change_metadata(c, second, {"k": "v", "l": "w"}))
    api_database.write(lambda c: aggregates.change_metadata(c, second, {"k": None, "l": "x"}))
    found = api_database.query(aggregates.search)
    assert [(a.name, a.hosts, a.metadata) for a in found] == [
        ("a", ("h1",), {"availability_zone": "za"}),
        ("b", ("h1",), {"l": "x"}),
    ]
    assert [f.name for f in api_database.query(aggregates.by_host)["h1"]] == ["a", "b"]
    assert api_database.write(lambda c: aggregates.remove_member(c, first, "h1"))
    assert not api_database.write(lambda c: aggregates.remove_member(c, first, "h1"))
    api_database.write(lambda c: aggregates.delete(c, second))
    with pytest.raises(errors.AggregateNotFound):
        api_database.query(lambda c: aggregates.get(c, second))
