"""What follows when a leg has ended: the next one, another host, the way back, or the end."""

import datetime
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.conductor.operations import advance as advances
from novalike.conductor.operations import completion, hand_over, reschedule
from novalike.conductor.operations.advance import advance
from novalike.db import migration
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables as t
from novalike.db.engine import Database
from novalike.objects.operation import Operation, Outcome
from novalike.objects.operations import ACTIONS, transitions
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import KEEP, Action, Leg, Seat, WhenDown
from novalike.objects.operations.create import CreateParams
from tests.fakes.records import server

NOW = datetime.datetime(2026, 11, 28, 12)
MOVE = Action(
    name="move",
    vm_states=("active",),
    task_states=(None,),
    legs=(
        Leg(name="place", seat=Seat.CONDUCTOR, starts="resize_prep", turns_back=True),
        Leg(name="prepare", seat=Seat.DESTINATION, when_down=WhenDown.ELSEWHERE),
        Leg(name="depart", seat=Seat.SOURCE, starts="resize_migrating", turns_back=True),
        Leg(name="arrive", seat=Seat.DESTINATION, starts="resize_finish", turns_back=True),
    ),
    ends=("resized",),
    fails=KEEP,
    params=CreateParams,
)
JOURNEY = routes.with_destination(MOVE, routes.begin(MOVE, routes.at_home("source", "n1"))[0], "destination", "n2")


class World:
    """A server that is being moved, in a database."""

    def __init__(self, database: Database, conf: cfg.ConfigOpts) -> None:
        self._database = database
        self._conf = conf
        facts = {c.name: getattr(server(), c.name) for c in t.instances.c if hasattr(server(), c.name)}
        facts |= {"uuid": "s1", "vm_state": "active", "task_state": "resize_prep", "host": "source", "flavorid": "f"}
        facts |= {"memory_mb": 1, "vcpus": 1, "root_gb": 1, "ephemeral_gb": 0}
        database.write(lambda c: servers_db.insert(c, [facts], [{"instance_uuid": "s1", "force_host": False}]))

    def begin(self, at: int, **facts: Any) -> Operation:
        """The operation, at a stop of its route."""
        stops = tuple(
            routes.replace(JOURNEY, number, epoch=number + 1)[number] if number <= at else stop
            for number, stop in enumerate(JOURNEY)
        )
        row = {
            "uuid": "o1", "instance_uuid": "s1", "action": "move", "workflow": "move", "request_id": "r",
            "state": "running", "epoch": 9, "attempts": 0, "holder": "somebody", "host": stops[at].host,
            "start_time": NOW, "params": {},
            "journal": (), "context": {}, "route": stops, "at": at, **facts,
        }  # fmt: skip
        self._database.write(lambda c: operations_db.insert(c, [row]))
        return self.operation

    @property
    def operation(self) -> Operation:
        found = self._database.query(lambda c: operations_db.get(c, "o1"))
        assert found is not None
        return found

    @property
    def server(self) -> Any:
        return self._database.query(lambda c: servers_db.get(c, "s1"))

    def advance(self, **facts: Any) -> Operation | None:
        """The leg that the operation is at has ended so."""
        operation = self.operation
        outcome = Outcome(operation_id="o1", epoch=operation.epoch, **facts)
        return self._database.write(lambda c: advance(c, self._conf, operation, outcome, "conductor 1", NOW))

    def where(self) -> tuple[str, str, str | None, str | None]:
        """Leg, direction, host and holder of the operation."""
        operation = self.operation
        assert operation.route is not None
        return operation.route[operation.at].leg, operation.direction, operation.host, operation.holder


@pytest.fixture
def world(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    conf.set_override("max_attempts", 2, "scheduler")
    table = {**ACTIONS, "move": MOVE}
    for module in (advances, completion, hand_over, reschedule, routes, transitions):
        monkeypatch.setattr(module, "ACTIONS", table)
    url = f"sqlite:///{tmp_path}/cell.sqlite"
    migration.sync(url, "cell")
    database = Database(url, conf)
    yield World(database, conf)
    database.close()


def test_the_next_leg_is_its_hosts(world: World) -> None:
    world.begin(1)
    handed_on = world.advance(found={"address": "10.0.0.2"})
    assert world.where() == ("depart", "on", "source", None)
    assert handed_on is not None
    assert (handed_on.epoch, world.operation.state, world.operation.found) == (
        10, "pending", {"prepare": {"address": "10.0.0.2"}},
    )  # fmt: skip
    assert world.server.task_state == "resize_migrating"


def test_the_last_leg_is_followed_by_the_end(world: World) -> None:
    world.begin(3)
    assert world.advance() is None
    assert (world.operation.state, world.server.vm_state, world.server.task_state) == ("done", "resized", None)


def test_who_has_failed_and_left_nothing_does_not_take_it_back(world: World) -> None:
    world.begin(3)
    world.advance(error="no space", error_code=507, details="df", clean=True)
    assert world.where() == ("depart", "back", "source", None)
    failure = world.operation.failure
    assert failure is not None
    assert (failure.message, failure.code, failure.details) == ("no space", 507, "df")


def test_who_has_failed_and_left_something_takes_it_back_first(world: World) -> None:
    world.begin(3)
    world.advance(error="no space", clean=False)
    assert world.where() == ("arrive", "back", "destination", None)


def test_one_that_has_turned_back_fails_for_what_made_it_turn(world: World) -> None:
    world.begin(3)
    world.advance(error="no space", details="df")
    for where in (("depart", "back", "source", None), ("place", "back", None, "conductor 1")):
        assert world.where() == where
        ended = world.advance()
    assert ended is None
    assert (world.operation.state, world.operation.finish_time) == ("failed", NOW)
    assert (world.server.vm_state, world.server.task_state) == ("active", None)
    assert (world.server.fault.message, world.server.fault.details) == ("no space", "df")


def test_one_that_cannot_be_taken_back_ends_there(world: World) -> None:
    world.begin(3)
    world.advance(error="no space")
    assert world.advance(error="the source has lost its disks") is None
    assert (world.operation.state, world.server.fault.message) == ("failed", "no space")


def test_one_that_may_stick_is_left_and_the_others_are_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, prepare, depart, arrive = MOVE.legs
    legs = (place, prepare, msgspec.structs.replace(depart, may_stick=True), arrive)
    stubborn = msgspec.structs.replace(MOVE, legs=legs, fails="error")
    for module in (advances, completion, hand_over, reschedule, routes, transitions):
        monkeypatch.setattr(module, "ACTIONS", {**ACTIONS, "move": stubborn})
    world.begin(3)
    world.advance(error="no space")
    world.advance(error="the guest does not start")
    assert world.where() == ("place", "back", None, "conductor 1")
    assert world.advance() is None
    assert (world.operation.state, world.server.vm_state, world.server.fault.message) == ("failed", "error", "no space")


def test_another_host_is_looked_for_only_so_often(world: World) -> None:
    world.begin(1)
    world.advance(error="busy", reschedule=True)
    assert world.where() == ("place", "on", None, "conductor 1")
    assert (world.operation.attempts, world.operation.params) == (1, {"excluded_hosts": ["destination"]})
    assert [stop.host for stop in world.operation.route or ()] == [None, None, "source", None]
    assert world.server.host == "source", "it is still there"


def test_when_no_other_host_may_be_tried_it_turns_back(world: World) -> None:
    world.begin(1, attempts=1)
    world.advance(error="busy", reschedule=True)
    assert world.where() == ("place", "back", None, "conductor 1")


def test_who_has_lost_an_operation_changes_nothing(world: World) -> None:
    world.begin(1)
    before = world.operation
    late = Operation(**{name: getattr(before, name) for name in before.__struct_fields__} | {"epoch": 8})
    outcome = Outcome(operation_id="o1", epoch=8)
    assert world._database.write(lambda c: advance(c, world._conf, late, outcome, "conductor 1", NOW)) is None
    assert world.operation == before
    assert world.server.task_state == "resize_prep"
