"""What is looked at once more when a server has ended on no host: only what nobody has any more is given back."""

import datetime
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from novalike.conductor.servers import removal
from novalike.conductor.servers.removal import Remover
from novalike.objects import errors
from novalike.objects.network import RequestedNetwork
from novalike.objects.operation import Operation
from novalike.objects.server import ServerSpec
from tests.fakes.records import server, spec

OPERATION = Operation(
    uuid="o1", instance_uuid="s1", action="create", workflow="create", request_id="r", user_id="u", project_id="p",
    start_time=datetime.datetime(2026, 11, 28),
)  # fmt: skip


class World:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.spec: ServerSpec | None = None
        self.released: list[str] = []
        self.ports: list[tuple[str, frozenset[str]]] = []
        self.looked_after: list[str] = []
        self.away = False
        monkeypatch.setattr(removal.servers_db, "specs", lambda c, ids: {"s1": self.spec} if self.spec else {})
        monkeypatch.setattr(removal.operations_db, "looked_after", lambda c, uuid: self.looked_after.append(uuid))
        monkeypatch.setattr(
            removal, "release_ports", lambda neutron, uuid, vifs, kept: self.ports.append((uuid, frozenset(kept)))
        )

    def release(self, uuid: str) -> None:
        if self.away:
            raise errors.Unavailable(reason="Placement is away")
        self.released.append(uuid)

    @property
    def cell(self) -> Any:
        ask = lambda function: function(None)  # noqa: E731
        return SimpleNamespace(database=SimpleNamespace(query=ask, write=ask))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def remover(world: World) -> Remover:
    return Remover(None, world.release, None, None)  # type: ignore[arg-type]


def look(remover: Remover, world: World) -> None:
    remover.look_after(world.cell, OPERATION)
    remover.wait()


@pytest.mark.parametrize(
    ("facts", "given_back"),
    [
        (None, True), ({"vm_state": "deleted", "host": "h", "task_state": None}, True),
        ({"vm_state": "error", "host": None, "task_state": None}, True),
        ({"vm_state": "active", "host": "h", "task_state": None}, False),
        # Somebody is placing it again.
        ({"vm_state": "building", "host": None, "task_state": "scheduling"}, False),
    ],
)  # fmt: skip
def test_what_nobody_has_is_given_back(
    remover: Remover, world: World, facts: dict[str, Any] | None, given_back: bool
) -> None:
    if facts is not None:
        world.spec = spec(server(uuid="s1", **facts))
    look(remover, world)
    assert world.released == ["s1"] * given_back
    assert [uuid for uuid, _ in world.ports] == ["s1"] * given_back
    assert world.looked_after == ["o1"], "nobody needs to look again"


def test_ports_of_users_are_not_deleted(remover: Remover, world: World) -> None:
    networks = (RequestedNetwork(port_id="theirs"), RequestedNetwork(network_id="n"))
    world.spec = spec(server(uuid="s1", vm_state="deleted"), networks=networks)
    look(remover, world)
    assert world.ports == [("s1", frozenset({"theirs"}))]


def test_what_could_not_be_given_back_is_looked_at_again(remover: Remover, world: World) -> None:
    world.away = True
    look(remover, world)
    assert world.looked_after == []


def test_two_do_not_look_at_once_and_later_somebody_looks_again(world: World) -> None:
    began, go_on = threading.Semaphore(0), threading.Event()

    def release(uuid: str) -> None:
        began.release()
        assert go_on.wait(5)
        world.release(uuid)

    remover = Remover(None, release, None, None)  # type: ignore[arg-type]
    remover.look_after(world.cell, OPERATION)
    assert began.acquire(timeout=5)
    remover.look_after(world.cell, OPERATION)
    assert not began.acquire(timeout=0.05)
    go_on.set()
    while remover._looking:
        pass
    remover.look_after(world.cell, OPERATION)
    assert began.acquire(timeout=5)
    remover.wait()
    assert world.released == ["s1", "s1"]
