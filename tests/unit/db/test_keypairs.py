"""Queries about key pairs, on every kind of database there is."""

import threading
from typing import Any

import pytest

from novalike.db.api import keypairs
from novalike.db.engine import Database
from novalike.objects import errors
from novalike.objects.keypair import Keypair


def add(database: Database, name: str, user: str = "u") -> Keypair:
    keypair = Keypair(name=name, user_id=user, type="ssh", fingerprint="f", public_key="k")
    return database.write(lambda c: keypairs.insert(c, keypair))


def test_pages(api_database: Database) -> None:
    for name in ("b", "c", "a"):
        add(api_database, name)
    add(api_database, "other", "v")
    names = [k.name for k in api_database.query(lambda c: keypairs.of_user(c, "u", 2, None))]
    assert names == ["a", "b"]
    names = [k.name for k in api_database.query(lambda c: keypairs.of_user(c, "u", None, "b"))]
    assert names == ["c"]
    with pytest.raises(errors.MarkerNotFound):
        api_database.query(lambda c: keypairs.of_user(c, "u", 2, "other"))


def test_names_are_unique_for_a_user(api_database: Database) -> None:
    made = add(api_database, "a")
    assert made.id
    assert made == api_database.query(lambda c: keypairs.get(c, "u", "a"))
    add(api_database, "a", "v")
    add(api_database, "A")
    with pytest.raises(errors.KeypairExists):
        add(api_database, "a")
    assert api_database.write(lambda c: keypairs.delete(c, "u", "a"))
    assert not api_database.write(lambda c: keypairs.delete(c, "u", "a"))


def test_the_last_place_is_taken_once(api_database: Database) -> None:
    add(api_database, "first")
    taken = []

    def take(name: str) -> None:
        def write(connection: Any) -> bool:
            if keypairs.lock_and_count(connection, "u") >= 2:
                return False
            keypair = Keypair(name=name, user_id="u", type="ssh", fingerprint="f", public_key="k")
            keypairs.insert(connection, keypair)
            return True

        taken.append(api_database.write(write))

    threads = [threading.Thread(target=take, args=(f"k{n}",)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(taken) == [False] * 5 + [True]
