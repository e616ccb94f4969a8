"""Errors on their way over the bus."""

import pytest

from novalike.objects import errors


def _elsewhere(name: str, base: type[errors.NovalikeError]) -> errors.NovalikeError:
    """An error of a class that only its sender has loaded."""
    error = type(name, (base,), {})("it was so", reason="so")
    del errors.NovalikeError.registry[name]
    return error


@pytest.mark.parametrize("base", [errors.Unavailable, errors.AlreadyClaimed, errors.NotFound])
def test_who_does_not_know_a_class_knows_what_it_derives_from(base: type[errors.NovalikeError]) -> None:
    read = errors.NovalikeError.from_wire(_elsewhere("OnlyThere", base).to_wire())
    assert type(read) is base
    assert (read.message, read.fields) == ("it was so", {"reason": "so"})


def test_what_derives_from_nothing_known_is_internal() -> None:
    read = errors.NovalikeError.from_wire(_elsewhere("OnlyThere", errors.NovalikeError).to_wire())
    assert type(read) is errors.Internal


def test_what_is_known_comes_back_as_it_was() -> None:
    read = errors.NovalikeError.from_wire(errors.AlreadyClaimed(instance_id="x").to_wire())
    assert type(read) is errors.AlreadyClaimed
    assert read.fields == {"instance_id": "x"}
