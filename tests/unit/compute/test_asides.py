"""What a host has set aside of servers that are on it: kept, taken back, or removed."""

from typing import Any

import pytest

from novalike.compute.recovery import Recovery
from novalike.objects import errors
from novalike.virt.driver import GuestFailed, OtherDisks
from novalike.virt.guest import Guest
from tests.unit.compute.test_recovery import RUNNING, Driver, World, a_server


class Moves(Driver):
    """A driver that can move guests, on which something is set aside.

    :ivar set_aside: servers of which something is.
    :ivar whole: those that have disks besides.
    :ivar log: what was done with it.
    """

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.set_aside_of: set[str] = set()
        self.whole: set[str] = set()
        self.log: list[tuple[str, str, str]] = []
        self.fails: dict[str, Exception] = {}

    def aside(self, host: str) -> frozenset[str]:
        return frozenset(self.set_aside_of)

    def take_back(self, guest: Guest) -> None:
        self._done("take back", guest)

    def discard_aside(self, guest: Guest) -> None:
        self._done("discard", guest)

    def _done(self, what: str, guest: Guest) -> None:
        if what == "take back" and guest.uuid in self.whole:
            raise OtherDisks(instance_id=guest.uuid)
        if what in self.fails:
            raise self.fails[what]
        self.log.append((what, guest.host, guest.uuid))
        self.set_aside_of.discard(guest.uuid)

    def prepare_move(self, guest: Guest) -> None: ...
    def set_aside(self, guest: Guest) -> str: ...
    def fetch_disks(self, guest: Guest, source: str | None, progress: Any) -> str: ...
    def define(self, guest: Guest) -> None: ...


@pytest.fixture
def world() -> World:
    """With a server on this host, which runs."""
    found = World()
    found.servers, found.guests = [a_server()], {"s1": RUNNING}
    return found


class Conductor:
    """Says who is to keep what.

    :ivar kept: server → hosts.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.kept: dict[str, tuple[str, ...]] = {}
        self.asked: list[tuple[str, ...]] = []
        self.away = False

    def client(self, interface: Any) -> "Conductor":
        return self

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world, name)

    def keepers(self, ctx: Any, *, instance_uuids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        self.asked.append(instance_uuids)
        if self.away:
            raise errors.Unavailable(reason="of the release before")
        return {uuid: self.kept[uuid] for uuid in instance_uuids if uuid in self.kept}


@pytest.fixture
def driver(world: World) -> Moves:
    found = Moves(world)
    found.set_aside_of = {"s1"}
    return found


@pytest.fixture
def conductor(world: World) -> Conductor:
    return Conductor(world)


@pytest.fixture
def recovery(world: World, driver: Moves, conductor: Conductor) -> Recovery:
    parts: Any = (driver, world, conductor)
    return Recovery(*parts, "e1", "process")


@pytest.mark.parametrize(
    ("kept", "whole", "log"),
    [
        # Until its move has been confirmed or reverted.
        (("host1",), True, []), (("host1",), False, []), (("host2", "host1"), True, []),
        # It was confirmed while this host was down, or the host died at it; or it could not be reverted.
        ((), True, [("discard", "host1", "s1")]), ((), False, [("take back", "host1", "s1")]),
        (("host2",), True, [("discard", "host1", "s1")]), (("host2",), False, [("take back", "host1", "s1")]),
        # Nobody knows.
        (None, True, []), (None, False, []),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_set_aside_goes_when_nobody_goes_back_to_it_unless_it_is_all_that_there_is(
    recovery: Recovery, driver: Moves, conductor: Conductor, kept: tuple[str, ...] | None, whole: bool,
    log: list[tuple[str, str, str]],
) -> None:  # fmt: skip
    conductor.kept = {} if kept is None else {"s1": kept}
    driver.whole = {"s1"} if whole else set()
    assert recovery.reconcile()
    assert driver.log == log
    assert conductor.asked == [("s1",)]
    assert recovery.reconcile()
    assert driver.log == log, "once is enough"


@pytest.mark.parametrize(
    ("facts", "asked"),
    [
        ({}, True), ({"vm_state": "resized"}, True), ({"vm_state": "error"}, True),
        ({"task_state": "resize_migrating"}, False), ({"vm_state": "building"}, False),
        ({"host": "host2", "task_state": "resize_reverting"}, False),
    ],
    ids=str,
)  # fmt: skip
def test_only_of_servers_that_rest_on_the_host_it_is_asked(
    world: World, recovery: Recovery, driver: Moves, conductor: Conductor, facts: dict[str, Any], asked: bool
) -> None:
    """What is done to others is an operation's business; of those elsewhere all goes at once."""
    world.servers = [a_server(**facts)]
    recovery.reconcile()
    assert conductor.asked == ([("s1",)] if asked else [])
    assert driver.log == []


def test_what_is_set_aside_of_a_server_that_nobody_knows_is_left_alone(
    world: World, recovery: Recovery, driver: Moves, conductor: Conductor
) -> None:
    world.servers = []
    assert recovery.reconcile()
    assert (conductor.asked, driver.log) == ([], [])


def test_without_anything_set_aside_nobody_is_asked(
    recovery: Recovery, driver: Moves, conductor: Conductor
) -> None:
    driver.set_aside_of = set()
    assert recovery.reconcile()
    assert conductor.asked == []


def test_while_the_conductor_cannot_say_all_is_kept_and_the_rest_compared(
    world: World, recovery: Recovery, driver: Moves, conductor: Conductor
) -> None:
    conductor.kept, conductor.away, world.guests["s1"] = {"s1": ()}, True, 4
    assert not recovery.reconcile()
    assert driver.log == []
    assert [told["states"] for told in world.told] == [{"s1": 4}]
    conductor.away = False
    assert recovery.reconcile()
    assert driver.log == [("take back", "host1", "s1")]


@pytest.mark.parametrize("error", [GuestFailed(reason="no space"), errors.Unavailable(reason="libvirt is away")])
@pytest.mark.parametrize("what", ["take back", "discard"])
def test_what_could_not_be_put_right_is_put_right_later(
    world: World, recovery: Recovery, driver: Moves, conductor: Conductor, what: str, error: Exception
) -> None:
    """And is never removed for that: it may be all that there is. Others don't wait for it."""
    world.servers.append(a_server("s2"))
    driver.set_aside_of.add("s2")
    conductor.kept, driver.whole = {"s1": (), "s2": ()}, {"s1"} if what == "discard" else {"s2"}
    driver.fails = {what: error}
    assert not recovery.reconcile()
    other = "discard" if what == "take back" else "take back"
    assert driver.log == [(other, "host1", "s2")]
    driver.fails = {}
    assert recovery.reconcile()
    assert driver.log[1:] == [(what, "host1", "s1")]


def test_with_all_else_of_a_server_that_has_left_goes_what_was_set_aside(
    world: World, recovery: Recovery, driver: Moves, conductor: Conductor
) -> None:
    world.servers = [a_server(host="host2")]
    assert recovery.reconcile()
    assert (conductor.asked, driver.log) == ([], [("discard", "host1", "s1")])
    assert [what for what, *_ in world.removed] == ["guest", "disks", "unplug", "clear"]


def test_what_cannot_be_discarded_of_a_server_that_has_left_is_removed_later(
    world: World, recovery: Recovery, driver: Moves
) -> None:
    world.servers, driver.fails = [a_server(vm_state="deleted")], {"discard": GuestFailed(reason="busy")}
    assert not recovery.reconcile()
    assert [what for what, *_ in world.removed] == ["guest", "disks"]
    driver.fails = {}
    assert recovery.reconcile()
    assert driver.log == [("discard", "host1", "s1")]
