"""What is on a host is compared with the records: what is told, what is removed, what is left alone."""

import datetime
from typing import Any

import pytest

from novalike.compute.recovery import Recovery
from novalike.objects import errors
from novalike.objects.server import Server
from novalike.virt.driver import GuestFailed, GuestInfo, GuestNotFound
from novalike.virt.guest import Guest
from tests.fakes.records import server

SEEN = datetime.datetime(2026, 11, 28, 12)
RUNNING, SHUTDOWN = 1, 4


class World:
    """A host, its conductor and Neutron's side.

    :ivar guests: server → what its guest is.
    :ivar leftovers: servers of which something else is there.
    :ivar held: server → the hosts that may have something of it, None when it can't say.
    :ivar told: what the conductor hears of guests.
    """

    def __init__(self) -> None:
        self.servers: list[Server] = []
        self.guests: dict[str, int] = {}
        self.leftovers: set[str] = set()
        self.held: dict[str, tuple[str, ...] | None] = {}
        self.told: list[Any] = []
        self.asked_for_holders: list[tuple[str, ...]] = []
        self.asked: list[Any] = []
        self.removed: list[tuple[str, str, str]] = []
        self.fails: Exception | None = None

    def client(self, interface: Any) -> "World":
        return self

    def list_host_servers(self, ctx: Any, *, hosts: Any, guests: Any = ()) -> tuple[Server, ...]:
        self.asked.append((tuple(hosts), sorted(guests)))
        return tuple(each for each in self.servers if each.uuid in guests or each.host in hosts)

    def holders(self, ctx: Any, *, instance_uuids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        self.asked_for_holders.append(instance_uuids)
        places = {each.uuid: (each.host,) if each.host else () for each in self.servers}
        found = {uuid: self.held.get(uuid, places[uuid]) for uuid in instance_uuids}
        return {uuid: hosts for uuid, hosts in found.items() if hosts is not None}

    def power_states(self, ctx: Any, **told: Any) -> None:
        self.told.append(told)

    def hosts(self) -> tuple[str, ...]:
        return ("host1",)

    def residents(self, host: str) -> frozenset[str]:
        return frozenset(self.guests) | self.leftovers

    def find_guest(self, guest: Guest) -> GuestInfo:
        if guest.uuid not in self.guests:
            raise GuestNotFound(instance_id=guest.uuid)
        return self._info(guest.uuid)

    @staticmethod
    def _name(uuid: str) -> str:
        return f"instance of {uuid}"

    def _info(self, uuid: str) -> GuestInfo:
        return GuestInfo(instance_uuid=uuid, instance_name=self._name(uuid), power_state=self.guests[uuid])

    def list_guests(self, host: str) -> tuple[GuestInfo, ...]:
        return tuple(self._info(uuid) for uuid in self.guests)

    def _remove(self, what: str, host: str, uuid: str) -> None:
        if self.fails:
            raise self.fails
        self.removed.append((what, host, uuid))

    def remove_guest(self, guest: Guest) -> None:
        self._remove("guest", guest.host, guest.uuid)

    def remove_disks(self, guest: Guest) -> None:
        self._remove("disks", guest.host, guest.uuid)

    def unplug(self, guest: Guest) -> None:
        self._remove("unplug", guest.host, guest.uuid)

    def clear(self, a_server: Server, host: str) -> None:
        self._remove("clear", host, a_server.uuid)


class Driver:
    """The driver's side of it."""

    def __init__(self, world: World) -> None:
        self.hosts, self.residents, self.find_guest = world.hosts, world.residents, world.find_guest
        self.guests, self.unplug = world.list_guests, world.unplug
        self.remove_guest, self.remove_disks = world.remove_guest, world.remove_disks


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def recovery(world: World) -> Recovery:
    parts: Any = (Driver(world), world, world)
    return Recovery(*parts, "e1", "process")


def a_server(uuid: str = "s1", **facts: Any) -> Server:
    """An active one on this host, to which nothing is being done."""
    usual = {"vm_state": "active", "task_state": None, "power_state": RUNNING, "host": "host1", "updated_at": SEEN}
    return server(uuid=uuid, **(usual | facts))


ALL = [(what, "host1", "s1") for what in ("guest", "disks", "unplug", "clear")]


@pytest.mark.parametrize("how", ["power_changed", "reconcile"])
@pytest.mark.parametrize(
    ("recorded", "guest", "state"),
    [
        ({}, SHUTDOWN, SHUTDOWN), ({}, None, SHUTDOWN), ({}, RUNNING, None),
        ({"vm_state": "stopped", "power_state": SHUTDOWN}, RUNNING, RUNNING),
        ({"vm_state": "stopped", "power_state": SHUTDOWN}, SHUTDOWN, None),
        # It was seen, and not drawn the conclusion from.
        ({"power_state": SHUTDOWN}, SHUTDOWN, SHUTDOWN),
        ({"task_state": "rebooting"}, SHUTDOWN, None),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_guest_is_is_told_with_the_record_that_it_is_told_against(
    world: World, recovery: Recovery, how: str, recorded: dict[str, Any], guest: int | None, state: int | None
) -> None:
    """Whoever has changed the server since knows better."""
    world.servers = [a_server(**recorded)]
    if guest is not None:
        world.guests["s1"] = guest
    if how == "power_changed":
        recovery.power_changed("s1")
        assert world.asked == [((), ["s1"])]
    else:
        recovery.reconcile()
    said = {"host": "host1", "states": {"s1": state}, "seen": {"s1": SEEN}}
    assert world.told == ([] if state is None else [said])
    assert world.removed == []


def test_of_a_server_elsewhere_nothing_is_told(world: World, recovery: Recovery) -> None:
    world.servers, world.guests = [a_server(host="host2")], {"s1": SHUTDOWN}
    recovery.power_changed("s1")
    assert world.told == []


@pytest.mark.parametrize(
    ("facts", "works", "removed", "clear"),
    [
        ({"vm_state": "deleted"}, False, True, True), ({"host": "host2"}, False, True, True),
        ({"host": None, "vm_state": "error"}, False, True, True),
        ({"vm_state": "deleted", "task_state": "deleting"}, False, True, True),
        # It may yet turn out to have left.
        ({"host": "host2", "task_state": "rebooting"}, False, False, False),
        ({"host": None, "vm_state": "building", "task_state": "scheduling"}, False, False, False),
        ({"vm_state": "building", "task_state": "spawning"}, False, False, False),
        ({"vm_state": "building", "task_state": "spawning"}, True, False, True),
        ({"host": "host2", "task_state": "rebooting"}, True, False, False),
        ({"host": "host2", "vm_state": "resized"}, False, True, True),
        ({}, False, False, True),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_server_that_has_left_has_here_is_removed(
    world: World, recovery: Recovery, facts: dict[str, Any], works: bool, removed: bool, clear: bool
) -> None:
    world.servers, world.guests = [a_server(**facts)], {"s1": RUNNING}
    assert recovery.reconcile(lambda uuid: works) is clear
    assert world.removed == (ALL if removed else [])
    assert world.asked == [(("host1",), ["s1"])]


@pytest.mark.parametrize("held", [("host1", "host2"), None], ids=["held here", "of which nothing is known"])
def test_what_a_host_may_have_of_a_server_elsewhere_stays(
    world: World, recovery: Recovery, held: tuple[str, ...] | None
) -> None:
    """Such as its old disks, until the move has been confirmed."""
    world.servers, world.guests = [a_server(host="host2", vm_state="resized")], {"s1": RUNNING}
    world.held = {"s1": held}
    assert recovery.reconcile()
    assert world.removed == []


@pytest.mark.parametrize(
    "facts", [{}, {"vm_state": "deleted"}, {"vm_state": "deleted", "host": None},
              {"host": "host2", "task_state": "rebooting"}], ids=str,
)  # fmt: skip
def test_who_has_something_is_asked_only_of_servers_that_rest_elsewhere(
    world: World, recovery: Recovery, facts: dict[str, Any]
) -> None:
    world.servers = [a_server(**facts), a_server("s2", host="host2")]
    world.guests = {"s1": RUNNING, "s2": RUNNING}
    recovery.reconcile()
    assert world.asked_for_holders == [("s2",)]


def test_what_nobody_knows_is_left_alone(world: World, recovery: Recovery) -> None:
    world.guests, world.leftovers = {"s8": RUNNING}, {"s9"}
    for _ in range(2):
        assert recovery.reconcile()
    assert (world.removed, world.told) == ([], [])


@pytest.mark.parametrize("error", [GuestFailed(reason="busy"), errors.Unavailable(reason="no Neutron")])
def test_what_could_not_be_removed_is_removed_later(world: World, recovery: Recovery, error: Exception) -> None:
    world.servers, world.fails = [a_server(host="host2")], error
    recovery.suspect("host1", "s1")  # of which only ports may be left
    assert not recovery.reconcile()
    world.fails = None
    assert recovery.reconcile()
    assert world.removed == ALL
    assert recovery.reconcile()
    assert world.asked[-1] == (("host1",), [])
    assert world.removed == ALL, "once is enough"
