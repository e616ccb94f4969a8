"""What is looked at once more when a server has ended on no host: only what nobody has any more is given back."""

import datetime
import threading
import time
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.operations import cleanup, delete
from novalike.conductor.operations.cleanup import Cleanup
from novalike.objects import errors
from novalike.objects.network import RequestedNetwork
from novalike.objects.operation import Operation
from novalike.objects.record import utcnow
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
        self.due = [OPERATION]
        # (operation, seconds for which it is left alone) of each claim; whether it was still due.
        self.claimed: list[tuple[str, int]] = []
        self.is_due = True
        monkeypatch.setattr(cleanup.operations_db, "ended_due", lambda c, now, limit: self.due[:limit])
        monkeypatch.setattr(cleanup.operations_db, "claim_ended", self.claim)
        monkeypatch.setattr(cleanup.servers_db, "specs", lambda c, ids: {"s1": self.spec} if self.spec else {})
        monkeypatch.setattr(cleanup.operations_db, "looked_after", lambda c, uuid: self.looked_after.append(uuid))
        monkeypatch.setattr(
            delete, "release_ports", lambda neutron, uuid, vifs, kept: self.ports.append((uuid, frozenset(kept)))
        )

    def release(self, uuid: str) -> None:
        if self.away:
            raise errors.Unavailable(reason="Placement is away")
        self.released.append(uuid)

    def claim(self, connection: Any, uuid: str, now: datetime.datetime, due_at: datetime.datetime) -> bool:
        self.claimed.append((uuid, round((due_at - utcnow()).total_seconds())))
        return self.is_due

    @property
    def cell(self) -> Any:
        ask = lambda function: function(None)  # noqa: E731
        return SimpleNamespace(database=SimpleNamespace(query=ask, write=ask, utcnow=utcnow))


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


@pytest.fixture
def conf() -> cfg.ConfigOpts:
    found = cfg.ConfigOpts()
    options.register(found)
    found([], project="novalike", default_config_files=[])
    return found


@pytest.fixture
def looker(conf: cfg.ConfigOpts, world: World) -> Cleanup:
    return Cleanup(conf, world.release, None)  # type: ignore[arg-type]


def look(looker: Cleanup, world: World) -> None:
    looker.look_into(world.cell)
    looker.wait()


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
    looker: Cleanup, world: World, facts: dict[str, Any] | None, given_back: bool
) -> None:
    if facts is not None:
        world.spec = spec(server(uuid="s1", **facts))
    look(looker, world)
    assert world.released == ["s1"] * given_back
    assert [uuid for uuid, _ in world.ports] == ["s1"] * given_back
    assert world.looked_after == ["o1"], "nobody needs to look again"


def test_ports_of_users_are_not_deleted(looker: Cleanup, world: World) -> None:
    networks = (RequestedNetwork(port_id="theirs"), RequestedNetwork(network_id="n"))
    world.spec = spec(server(uuid="s1", vm_state="deleted"), networks=networks)
    look(looker, world)
    assert world.ports == [("s1", frozenset({"theirs"}))]


def test_what_could_not_be_given_back_is_looked_at_again(looker: Cleanup, world: World) -> None:
    world.away = True
    look(looker, world)
    assert world.looked_after == []


def test_what_another_conductor_has_claimed_is_left_to_it(looker: Cleanup, world: World) -> None:
    world.is_due = False
    look(looker, world)
    assert (world.released, world.looked_after) == ([], [])


@pytest.mark.parametrize(("age", "pause"), [(0, 30), (200, 100), (7200, 300)])
def test_pauses_grow_with_the_time_since_the_end(looker: Cleanup, world: World, age: int, pause: int) -> None:
    ended = utcnow() - datetime.timedelta(seconds=age)
    world.due = [msgspec.structs.replace(OPERATION, state="failed", finish_time=ended)]
    look(looker, world)
    assert world.claimed == [("o1", pause)]


def test_no_more_are_taken_up_than_there_is_room_for(conf: cfg.ConfigOpts, world: World) -> None:
    go_on = threading.Event()
    looker = Cleanup(conf, lambda uuid: go_on.wait(5), None)  # type: ignore[arg-type]
    world.due = [msgspec.structs.replace(OPERATION, uuid=f"o{n}") for n in range(100)]
    taken = looker.look_into(world.cell)
    assert 0 < taken < 100
    assert looker.look_into(world.cell) == 0
    go_on.set()
    looker.wait()


def test_who_stops_finishes_what_has_begun(conf: cfg.ConfigOpts, world: World) -> None:
    began, go_on = threading.Event(), threading.Event()

    def release(uuid: str) -> None:
        began.set()
        assert go_on.wait(5)
        world.release(uuid)

    looker = Cleanup(conf, release, None)  # type: ignore[arg-type]
    looker.look_into(world.cell)
    assert began.wait(5)
    looker.stop()  # which does not wait
    waiting = threading.Thread(target=looker.wait)
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    go_on.set()
    waiting.join(5)
    assert world.looked_after == ["o1"]


def test_two_do_not_look_at_once_and_later_somebody_looks_again(conf: cfg.ConfigOpts, world: World) -> None:
    began, go_on = threading.Semaphore(0), threading.Event()

    def release(uuid: str) -> None:
        began.release()
        assert go_on.wait(5)
        world.release(uuid)

    looker = Cleanup(conf, release, None)  # type: ignore[arg-type]
    looker.look_into(world.cell)
    assert began.acquire(timeout=5)
    looker.look_into(world.cell)
    assert not began.acquire(timeout=0.05)
    go_on.set()
    while looker._under_way:
        time.sleep(0.01)
    looker.look_into(world.cell)
    assert began.acquire(timeout=5)
    looker.wait()
    assert world.released == ["s1", "s1"]
