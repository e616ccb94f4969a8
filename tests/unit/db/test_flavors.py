"""Queries about flavors, on every kind of database there is."""

import threading
from typing import Any

import pytest

from novalike.bus.flavors import FlavorQuery
from novalike.db.api import flavors
from novalike.db.engine import Database
from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.objects.pattern import PatternError


def add(database: Database, flavor_id: str, **more: Any) -> Flavor:
    flavor = Flavor(**{"flavor_id": flavor_id, "name": flavor_id, "memory_mb": 64, "vcpus": 1, "root_gb": 1, **more})
    return database.write(lambda c: flavors.insert(c, flavor))


def search(database: Database, viewer: str | None = None, project: str | None = "p", **more: Any) -> list[str]:
    query = FlavorQuery(**{"limit": 100, "is_public": None, **more})
    return [f.flavor_id for f in database.query(lambda c: flavors.search(c, query, project, viewer))]


@pytest.mark.parametrize("sort_key", ["description", "name", "memory_mb", "vcpu_weight", "created_at", "is_public"])
@pytest.mark.parametrize("descending", [False, True])
def test_pages_join_to_the_whole(api_database: Database, sort_key: str, descending: bool) -> None:
    values = [("a", None, 3), ("b", "x", 1), ("c", None, 1), ("d", "x", 2), ("e", "w", 1)]
    for name, description, memory in values:
        add(api_database, name, description=description, memory_mb=memory, is_public=memory == 1)
    order: dict[str, Any] = {"sort_key": sort_key, "descending": descending}
    whole = search(api_database, **order)
    assert sorted(whole) == ["a", "b", "c", "d", "e"]
    paged: list[str] = []
    while page := search(api_database, **order, limit=2, marker=paged[-1] if paged else None):
        paged += page
    assert paged == whole
    if sort_key == "description":
        assert whole == (["d", "b", "e", "c", "a"] if descending else ["a", "c", "e", "b", "d"])


def test_filters(api_database: Database) -> None:
    add(api_database, "m1.tiny", root_gb=0)
    add(api_database, "m1.large", memory_mb=1024, root_gb=10)
    add(api_database, "c1.off", disabled=True)
    assert search(api_database, name="^m1") == ["m1.large", "m1.tiny"]
    assert search(api_database, name="1.(tiny|off)$") == ["c1.off", "m1.tiny"]
    assert search(api_database, name="1") == ["c1.off", "m1.large", "m1.tiny"]
    assert search(api_database, name="[A-Z]") == []
    assert search(api_database, name=r"^\w1\.", limit=2) == ["c1.off", "m1.large"]
    assert search(api_database, name=r"^\w1\.", limit=2, marker="m1.large") == ["m1.tiny"]
    assert search(api_database, name="^.", limit=0) == []
    with pytest.raises(PatternError, match="RE2"):
        search(api_database, name="(?=m)")
    assert search(api_database, min_ram=65) == ["m1.large"]
    assert search(api_database, min_disk=1, include_disabled=False) == ["m1.large"]
    assert search(api_database, limit=0) == []


def test_visibility(api_database: Database) -> None:
    private = add(api_database, "private", is_public=False)
    add(api_database, "public")
    assert api_database.write(lambda c: flavors.add_project(c, private.id, "friend"))
    assert not api_database.write(lambda c: flavors.add_project(c, private.id, "friend"))
    assert search(api_database, viewer="stranger") == ["public"]
    assert search(api_database, viewer="friend", project="friend") == ["private", "public"]
    assert search(api_database, project="friend", is_public=True) == ["private", "public"]
    assert search(api_database, project="other", is_public=True) == ["public"]
    assert search(api_database, is_public=False) == ["private"]
    with pytest.raises(errors.MarkerNotFound):
        search(api_database, viewer="stranger", marker="private")
    with pytest.raises(errors.FlavorNotFound):
        api_database.query(lambda c: flavors.find(c, "private", "stranger"))
    assert api_database.write(lambda c: flavors.remove_project(c, private.id, "friend"))
    assert not api_database.write(lambda c: flavors.remove_project(c, private.id, "friend"))


def test_names_and_ids_are_unique(api_database: Database) -> None:
    add(api_database, "a")
    add(api_database, "A")
    with pytest.raises(errors.FlavorIdExists):
        add(api_database, "a", name="other")
    with pytest.raises(errors.FlavorExists):
        add(api_database, "b", name="a")
    assert search(api_database) in (["A", "a"], ["a", "A"])


def test_delete_takes_all_along(api_database: Database) -> None:
    flavor = add(api_database, "a")
    api_database.write(lambda c: flavors.set_extra_specs(c, flavor.id, {"k": "v", "l": "w"}))
    api_database.write(lambda c: flavors.add_project(c, flavor.id, "p"))
    assert api_database.write(lambda c: flavors.delete(c, "a"))
    assert not api_database.write(lambda c: flavors.delete(c, "a"))
    again = add(api_database, "a")
    assert again.extra_specs == {}
    assert api_database.query(lambda c: flavors.projects(c, again.id)) == ()


def test_extra_specs(api_database: Database) -> None:
    flavor = add(api_database, "a")
    api_database.write(lambda c: flavors.set_extra_specs(c, flavor.id, {"k": "v", "l": "w"}))
    api_database.write(lambda c: flavors.set_extra_specs(c, flavor.id, {"k": "2", "K": "3"}))
    found = api_database.query(lambda c: flavors.get(c, "a"))
    assert found is not None
    assert found.extra_specs == {"k": "2", "l": "w", "K": "3"}
    assert api_database.write(lambda c: flavors.delete_extra_spec(c, flavor.id, "k"))
    assert not api_database.write(lambda c: flavors.delete_extra_spec(c, flavor.id, "k"))


def test_setting_the_same_extra_spec_at_once(api_database: Database) -> None:
    add(api_database, "a")
    failures: list[Exception] = []

    def change(value: str) -> None:
        def write(connection: Any) -> None:
            row = flavors.find(connection, "a", lock=True)
            flavors.set_extra_specs(connection, row.id, {"k": value})

        try:
            api_database.write(write)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=change, args=(str(n),)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    found = api_database.query(lambda c: flavors.get(c, "a"))
    assert found is not None
    assert list(found.extra_specs) == ["k"]
