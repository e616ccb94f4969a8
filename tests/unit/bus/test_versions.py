"""Daemons of this release and the one before on one bus: each serves the other what it knows, and refuses the rest."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from novalike.bus import versions
from novalike.bus.host_states import SchedulerReads
from novalike.bus.interface import Interface, call, cast, methods
from novalike.bus.journal import Journal
from novalike.bus.rabbit.questions import encode
from novalike.bus.rabbit.server import Dispatcher
from novalike.bus.scheduler import Scheduler
from novalike.bus.transport import Transport
from novalike.bus.wire import ask
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context
from novalike.objects.record import Record
from tests.functional.local_bus import LocalBus
from tests.unit.bus.signatures import interfaces


def before() -> tuple[type[Interface], type[Record]]:
    """An interface, and its record, in version 1.1."""

    class Item(Record, frozen=True):
        name: str

    class Shop(Interface):
        topic = "shop"

        @call(repeatable=True)
        def find(self, ctx: RequestContext, *, name: str) -> Any:
            raise NotImplementedError

        @call(repeatable=True, since="1.1")
        def keep(self, ctx: RequestContext, *, item: Any) -> int:
            raise NotImplementedError

        @cast
        def sold(self, ctx: RequestContext, *, name: str) -> None: ...

    return _typed(Shop, Item), Item


def after() -> tuple[type[Interface], type[Record]]:
    """The same in version 1.3: one more argument, one more method, a hint, and a field of the record."""

    class Item(Record, frozen=True):
        name: str
        size: int = 1

    class Shop(Interface):
        topic = "shop"

        @call(repeatable=True, added={"deleted": "1.2"})
        def find(self, ctx: RequestContext, *, name: str, deleted: bool = False) -> Any:
            raise NotImplementedError

        @call(repeatable=True, since="1.1")
        def keep(self, ctx: RequestContext, *, item: Any) -> int:
            raise NotImplementedError

        @call(repeatable=True, since="1.3")
        def count(self, ctx: RequestContext) -> int:
            raise NotImplementedError

        @cast
        def sold(self, ctx: RequestContext, *, name: str) -> None: ...

        @cast(since="1.3")
        def bought(self, ctx: RequestContext, *, name: str) -> None: ...

    return _typed(Shop, Item), Item


def _typed(shop: Any, item: type[Record]) -> Any:
    shop.find.__annotations__["return"] = item
    shop.keep.__annotations__["item"] = item
    return shop


class Keeper:
    """Serves either."""

    def __init__(self, item: Any) -> None:
        self.item = item
        self.got: list[Any] = []

    def find(self, ctx: RequestContext, *, name: str, deleted: bool = False) -> Any:
        self.got.append((name, deleted))
        return self.item(name=name)

    def keep(self, ctx: RequestContext, *, item: Any) -> int:
        self.got.append(item)
        return 1

    def count(self, ctx: RequestContext) -> int:
        return len(self.got)

    def sold(self, ctx: RequestContext, *, name: str) -> None:
        self.got.append(name)

    def bought(self, ctx: RequestContext, *, name: str) -> None:
        self.got.append(name)


class QuestionBus(Transport):
    """Questions and answers as RabbitMQ carries them, without RabbitMQ."""

    def __init__(self) -> None:
        self.dispatcher: Dispatcher | None = None

    def call(self, interface: Any, endpoint: Any, method: str, ctx: Any, payload: str, timeout: Any) -> dict[str, Any]:
        assert self.dispatcher is not None
        return self.dispatcher.answer(encode(interface, method, ctx, payload))

    def cast(self, interface: Any, endpoint: Any, method: str, ctx: Any, payload: str) -> None:
        answer = self.call(interface, endpoint, method, ctx, payload, None)
        if "e" in answer:
            logging.getLogger(__name__).warning("dropped: %s", answer["e"]["message"])

    def serve(self, offers: Any, endpoint: str, pool_size: int) -> Any:
        self.dispatcher = Dispatcher(offers)

    def close(self) -> None: ...


@pytest.fixture(params=["local", "questions"])
def bus(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "questions":
        yield QuestionBus()
    else:
        shared = LocalBus()
        yield shared.transport()
        shared.close()


def ctx() -> RequestContext:
    return admin_context()


def test_a_later_release_asks_an_older_one(bus: Transport) -> None:
    (old, old_item), (new, new_item) = before(), after()
    keeper = Keeper(old_item)
    bus.serve([(old, keeper)], "here", 2)
    shop: Any = bus.client(new)
    # What is not newer is served, by a record without the newer field, and to one with it.
    assert shop.find(ctx(), name="a") == new_item(name="a", size=1)
    assert shop.find(ctx(), name="b", deleted=False).name == "b"
    assert shop.keep(ctx(), item=new_item(name="c", size=7)) == 1
    assert keeper.got == [("a", False), ("b", False), old_item(name="c")]
    # What is newer is refused, with names: nothing is done without what was asked for.
    with pytest.raises(errors.Unavailable, match=r"Shop\.find needs version 1\.2 of Shop; who .* has version 1\.1"):
        shop.find(ctx(), name="a", deleted=True)
    with pytest.raises(errors.Unavailable, match=r"Shop\.count needs version 1\.3 of Shop; who .* has version 1\.1"):
        shop.count(ctx())
    assert len(keeper.got) == 3


def test_an_older_release_asks_a_later_one(bus: Transport) -> None:
    (old, old_item), (new, new_item) = before(), after()
    keeper = Keeper(new_item)
    bus.serve([(new, keeper)], "here", 2)
    shop: Any = bus.client(old)
    keeper.item = lambda name: new_item(name=name, size=9)
    assert shop.find(ctx(), name="a") == old_item(name="a")
    assert shop.keep(ctx(), item=old_item(name="c")) == 1
    shop.sold(ctx(), name="d")
    if isinstance(bus, QuestionBus):  # the local bus tells in a thread of its own
        assert keeper.got == [("a", False), new_item(name="c", size=1), "d"]


def test_a_hint_of_a_later_release_is_dropped() -> None:
    (old, item), (new, _) = before(), after()
    bus, keeper = QuestionBus(), Keeper(item)
    bus.serve([(old, keeper)], "here", 2)
    shop: Any = bus.client(new)
    shop.bought(ctx(), name="x")
    shop.sold(ctx(), name="y")
    assert keeper.got == ["y"]


def test_who_does_not_serve_it_at_all_says_so() -> None:
    new, _ = after()
    bus = QuestionBus()
    bus.serve([], "here", 2)
    with pytest.raises(errors.Unavailable, match=r"Shop\.count needs version 1\.3 of Shop; who was asked has none"):
        bus.client(new).count(ctx())


@pytest.mark.parametrize("version", ["2.0", "2.9", "0.9"])
def test_another_major_version_is_refused(version: str) -> None:
    old, _ = before()
    with pytest.raises(errors.Unavailable):
        versions.find(old, "Shop", "find", version)


def needed(interface: type[Interface], name: str, /, **arguments: Any) -> str:
    method = methods(interface)[name]
    return versions.needed(method, ask(method, arguments))


def test_a_message_names_the_version_that_it_needs() -> None:
    new, item = after()
    assert new.version == "1.3"
    assert needed(new, "find", name="a") == needed(new, "find", name="a", deleted=False) == "1.0"
    assert needed(new, "find", name="a", deleted=True) == "1.2"
    assert needed(new, "keep", item=item(name="a", size=2)) == "1.1"
    assert needed(SchedulerReads, "inventory") == "1.0"
    assert needed(SchedulerReads, "inventory", changes=True) == "1.1"
    assert needed(Journal, "power_states", host="h", states={}) == "1.0"
    assert needed(Journal, "accept", endpoint="e", incarnation="i", operation_ids=()) == "1.0"
    question = json.loads(encode(new, "find", ctx(), ask(methods(new)["find"], {"name": "a"})))
    assert question["v"] == "1.0"


def test_a_later_argument_counts_like_a_number() -> None:
    class Shop(Interface):
        topic = "shop"

        @call(added={"a": "1.9", "b": "1.10"})
        def find(self, ctx: RequestContext, *, a: int = 0, b: int = 0) -> None: ...

    assert Shop.version == "1.10"
    assert needed(Shop, "find", a=1, b=1) == "1.10"


# What peers of the release before say of every message to these interfaces; of all others 1.0.
_WHOLE = {Journal: "1.2", Scheduler: "1.2", SchedulerReads: "1.1"}


@pytest.mark.parametrize("interface", interfaces(), ids=lambda each: each.__name__)
def test_a_peer_that_names_the_version_of_the_whole_interface_is_served(interface: type[Interface]) -> None:
    said = _WHOLE.get(interface, "1.0")
    for name in methods(interface):
        assert versions.find(interface, interface.__name__, name, said).name == name


def declare(**body: Any) -> Any:
    return type("Shop", (Interface,), {"topic": "shop", **body})


def test_versions_that_do_not_fit_are_refused_where_they_are_declared() -> None:
    def find(self: Any, ctx: RequestContext, *, name: str, deleted: bool = False) -> None: ...

    def count(self: Any, ctx: RequestContext) -> None: ...

    assert declare().version == "1.0"
    assert declare(find=call()(find), version="1.4").version == "1.4"
    with pytest.raises(TypeError, match="name was added later, so it needs a default"):
        declare(find=call(added={"name": "1.1"})(find))
    with pytest.raises(TypeError, match="nothing was added later"):
        declare(find=call(added={"nothing": "1.1"})(find))
    with pytest.raises(TypeError, match="deleted is not newer than its method"):
        declare(find=call(since="1.2", added={"deleted": "1.2"})(find))
    with pytest.raises(TypeError, match="several major versions"):
        declare(find=call(since="2.0")(find), count=call()(count))
    with pytest.raises(TypeError, match=r"version 1\.1, and its methods that it is 1\.2"):
        declare(find=call(added={"deleted": "1.2"})(find), version="1.1")
    with pytest.raises(ValueError):
        declare(find=call(since="next")(find))
