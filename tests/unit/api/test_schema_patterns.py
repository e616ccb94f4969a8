"""Our own patterns are matched with what users send: none may take longer than the text is long."""

import importlib
import pkgutil
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest

from novalike.api import extra_specs, schemas, validation
from novalike.api.schemas import flavors, servers
from novalike.objects import errors
from novalike.objects.pattern import Pattern, PatternError

LOOKS_AROUND = "^(?! )[a-zA-Z0-9. _-]+(?<! )$"


def patterns(schema: Any) -> Iterator[str]:
    """All patterns in a schema, or in whatever has schemas in it."""
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        yield from (name for name in schema.get("patternProperties", ()) if isinstance(name, str))
        for inner in schema.values():
            yield from patterns(inner)
    elif isinstance(schema, list | tuple):
        for inner in schema:
            yield from patterns(inner)
    elif hasattr(schema, "__dict__") and not isinstance(schema, type):
        yield from patterns(vars(schema))


def all_patterns() -> set[str]:
    modules = [importlib.import_module(f"{schemas.__name__}.{m.name}") for m in pkgutil.iter_modules(schemas.__path__)]
    return {text for module in modules for value in vars(module).values() for text in patterns(value)}


def test_all_but_one_are_linear_by_their_engine() -> None:
    found = all_patterns()
    assert "^[a-zA-Z0-9]+[a-zA-Z0-9-]*[a-zA-Z0-9]+$" in found
    refused = set()
    for text in found:
        try:
            Pattern(text, ours=True)
        except PatternError:
            refused.add(text)
    assert refused == {LOOKS_AROUND}


def test_the_one_that_is_not_is_linear_by_itself() -> None:
    """One class, repeated once, from the beginning: a longer text takes longer, and no more."""
    began = time.monotonic()
    for end in ("", " ", "!"):
        assert bool(re.search(LOOKS_AROUND, "a" * 1_000_000 + end)) == (end == "")
    assert time.monotonic() - began < 5


def test_a_long_host_name_is_refused_at_once() -> None:
    """It took eight seconds for 2,000 characters, and a thousand times as many for ten times as much."""
    body = {"server": {"name": "a", "flavorRef": "1", "networks": "none", "hostname": "a" * 100_000 + "!"}}
    began = time.monotonic()
    with pytest.raises(errors.Invalid, match="hostname"):
        validation.check(body, servers.CREATE.at((2, 90)))
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hw:cpu_dedicated_mask", "1" + ",1-1" * 60 + "x"), ("hw:cpu_realtime_mask", "1" + ",1-1" * 60 + "x"),
        ("hw:pmem", "a" * 200 + "!"), ("pci_passthrough:alias", "a:1" + ",a:1" * 60 + "x"),
    ],
)  # fmt: skip
def test_a_long_extra_spec_is_refused_at_once(name: str, value: str) -> None:
    began = time.monotonic()
    with pytest.raises(errors.Invalid, match="is not of the format"):
        extra_specs.check(name, value)
    assert time.monotonic() - began < 5


def test_messages_are_as_before() -> None:
    schema = flavors.create.at((2, 1))
    with pytest.raises(errors.Invalid) as caught:
        validation.check({"flavor": {"name": "f", "ram": "x", "vcpus": 1, "disk": 1}}, schema)
    assert caught.value.message == "Invalid input for field/attribute ram. Value: x. 'x' does not match '^[0-9]+$'"
