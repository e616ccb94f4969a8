"""What recovery does with disks that are set aside and that nobody will go back to."""

from typing import Any

import pytest

from novalike.compute.recovery import Recovery
from novalike.objects.server import Server
from novalike.virt.driver import GuestFailed, GuestInfo, GuestNotFound
from novalike.virt.guest import Guest
from tests.fakes.records import server


class World:
    """A host that has something of a server set aside, and its conductor.

    :ivar guest: whether there is a guest besides.
    :ivar kept: the hosts that are to keep what they have set aside.
    :ivar done: what became of it.
    """

    def __init__(self) -> None:
        self.guest = False
        self.fails = False
        self.kept: tuple[str, ...] = ()
        self.done: list[str] = []
        facts: dict[str, Any] = {"vm_state": "error", "task_state": None, "power_state": 4, "host": "host1"}
        self.server = server(uuid="s1", **facts)

    def client(self, interface: Any) -> "World":
        return self

    def list_host_servers(self, ctx: Any, **_of: Any) -> tuple[Server, ...]:
        return (self.server,)

    def keepers(self, ctx: Any, *, instance_uuids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        return dict.fromkeys(instance_uuids, self.kept)

    def hosts(self) -> tuple[str, ...]:
        return ("host1",)

    def residents(self, host: str) -> frozenset[str]:
        return frozenset({"s1"})

    def aside(self, host: str) -> frozenset[str]:
        return frozenset({"s1"})

    def guests(self, host: str) -> tuple[GuestInfo, ...]:
        return (self.find_guest(None),) if self.guest else ()

    def find_guest(self, guest: Guest | None) -> GuestInfo:
        if not self.guest:
            raise GuestNotFound(instance_id="s1")
        return GuestInfo(instance_uuid="s1", instance_name="s1", power_state=4)

    def take_back(self, guest: Guest) -> None:
        if self.fails:
            raise GuestFailed(reason="the disk is full")
        self.done.append("taken back")

    def discard_aside(self, guest: Guest) -> None:
        self.done.append("discarded")


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr("novalike.compute.recovery.MovesGuests", World)
    return World()


def reconcile(world: World) -> bool:
    parts: Any = (world, world, world)
    return Recovery(*parts, "e1", "process").reconcile()


def test_the_only_disks_are_taken_back(world: World) -> None:
    assert reconcile(world)
    assert world.done == ["taken back"]


def test_old_disks_of_a_guest_with_others_are_removed(world: World) -> None:
    world.guest = True
    assert reconcile(world)
    assert world.done == ["discarded"]


def test_what_cannot_be_taken_back_stays_and_is_tried_again(world: World) -> None:
    world.fails = True
    assert not reconcile(world)
    assert world.done == []
    world.fails = False
    assert reconcile(world)
    assert world.done == ["taken back"]


def test_what_somebody_may_go_back_to_stays(world: World) -> None:
    world.kept = ("host1",)
    assert reconcile(world)
    assert world.done == []
