"""What crosses the bus changes with a version, and records only in ways that another release can live with."""

import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from novalike.bus.interface import Interface, call, cast, methods
from novalike.objects.context import RequestContext
from novalike.objects.record import Record, Row
from tests.unit.bus import signatures


def test_nothing_changes_unnoticed() -> None:
    """When this fails you changed what crosses the bus. docs/contributing.md says how; then record it::

    python -m tests.unit.bus.signatures
    """
    recorded = json.loads(signatures.RECORDED.read_text())
    found = signatures.signatures(signatures.interfaces())
    assert signatures.broken(recorded, found) == []
    assert found == recorded


def structs(declared: list[type[Interface]]) -> Iterator[type[msgspec.Struct]]:
    """All arguments and records of these interfaces."""
    seen: set[Any] = set()

    def walk(node: Any) -> Iterator[type[msgspec.Struct]]:
        if isinstance(node, msgspec.inspect.StructType):
            if node.cls in seen:
                return
            seen.add(node.cls)
            yield node.cls
        if isinstance(node, msgspec.inspect.Type | msgspec.inspect.Field):
            for name in node.__struct_fields__:
                yield from walk(getattr(node, name))
        elif isinstance(node, tuple):
            for each in node:
                yield from walk(each)

    for interface in declared:
        for method in methods(interface).values():
            for side in (method.arguments, method.result):
                yield from walk(msgspec.inspect.type_info(side))


def test_what_a_later_release_adds_to_a_record_is_ignored() -> None:
    found = list(structs(signatures.interfaces()))
    assert {"Server", "Vif", "FixedIp", "Heartbeat", "Journal_accept"} <= {each.__name__ for each in found}
    for each in found:
        config = each.__struct_config__
        assert not config.forbid_unknown_fields, each.__name__
        assert config.omit_defaults or config.array_like, each.__name__


class Item(Record, frozen=True):
    name: str
    size: int = 0


class Line(Row, frozen=True):
    name: str


class Shop(Interface):
    topic = "shop"

    @call(repeatable=True)
    def find(self, ctx: RequestContext, *, name: str) -> tuple[Item, ...]:
        raise NotImplementedError

    @cast(since="1.1")
    def sold(self, ctx: RequestContext, *, lines: tuple[Line, ...]) -> None:
        raise NotImplementedError


def changed(**body: Any) -> type[Interface]:
    kept = {name: value for name, value in vars(Shop).items() if name in ("topic", "find", "sold")}
    return type("Shop", (Interface,), kept | body)


def named(name: str, base: type, /, **fields: Any) -> Any:
    """A record of a later release."""
    declared = [(field, *rest) for field, rest in fields.items()]
    return msgspec.defstruct(name, declared, bases=(base,), frozen=True, kw_only=True)


def answering(item: Any, **mark: Any) -> type[Interface]:
    def find(self: Any, ctx: RequestContext, *, name: str) -> Any: ...

    find.__annotations__["return"] = tuple[item, ...]  # type: ignore[valid-type]
    return changed(find=call(repeatable=True, **mark)(find))


def selling(line: Any) -> type[Interface]:
    def sold(self: Any, ctx: RequestContext, *, lines: Any) -> None: ...

    sold.__annotations__["lines"] = tuple[line, ...]  # type: ignore[valid-type]
    return changed(sold=cast(since="1.1")(sold))


def asking(**mark: Any) -> type[Interface]:
    def find(self: Any, ctx: RequestContext, *, name: str, deleted: bool = False) -> tuple[Item, ...]: ...

    return changed(find=call(repeatable=True, **mark)(find))


def new(**mark: Any) -> Any:
    def count(self: Any, ctx: RequestContext) -> int: ...

    return call(repeatable=True, **mark)(count)


@pytest.mark.parametrize(
    ("later", "said"),
    [
        (lambda: changed(), None),
        (lambda: changed(count=new(since="1.2")), None),
        (lambda: changed(count=new()), "Shop.count is new"),
        (lambda: changed(count=new(since="1.1")), "Shop.count is new"),
        (lambda: changed(find=None), "Shop.find is gone"),
        (lambda: asking(), "Shop.find is another one"),
        (lambda: asking(added={"deleted": "1.1"}), "Shop.find is another one"),
        (lambda: asking(added={"deleted": "1.2"}), None),
        (lambda: asking(since="1.2"), None),
        (lambda: answering(named("Item", Record, name=(str,), size=(int, 0), tag=(str, ""))), None),
        (lambda: answering(named("Item", Record, name=(str,), size=(int, 0), tag=(str,))), "Item.tag is new"),
        (lambda: answering(named("Item", Record, name=(str,))), None),
        (lambda: answering(named("Item", Record, size=(int, 0))), "Item.name is gone"),
        (lambda: answering(named("Item", Record, name=(int,), size=(int, 0))), "Item.name has another type"),
        (lambda: answering(named("Item", Record, name=(str,), size=(int, 1))), "Item.size has another type"),
        (lambda: selling(named("Line", Row, name=(str,), size=(int, 0))), None),
        (lambda: selling(named("Line", Row, name=(str,), size=(int,))), "Line.01 is new"),
        (lambda: selling(named("Line", Row, size=(int,), name=(str, ""))), "Line.00 has another type"),
    ],
)  # fmt: skip
def test_a_change_is_told_from_a_break(later: Any, said: str | None) -> None:
    found = signatures.broken(signatures.signatures([Shop]), signatures.signatures([later()]))
    assert [each[: len(said or "")] for each in found] == ([said] if said else [])
