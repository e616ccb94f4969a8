"""Who is told how an operation has ended, and when news of a guest is looked at."""

import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from novalike.compute import worker as module
from novalike.compute.job import Job, Tools
from novalike.compute.worker import Worker
from novalike.objects import errors
from novalike.objects.operation import Assignment, Operation
from tests.fakes.records import context, server, spec
from tests.unit.conductor.databases import NOW

PATIENCE = 5


class World:
    """In the place of what is done: an operation begins, and ends as it is told.

    :ivar ends: its result, or what is raised.
    :ivar told: what the others hear.
    """

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self.ends: Any = True
        self.doubtful = False
        self.told: list[tuple[Any, ...]] = []
        self.reported: list[str] = []
        self.next_legs: tuple[Assignment, ...] = ()

    def run(self, workflow: Any, job: Job, journal: Any) -> bool | None:
        self.begun.release()
        assert self.go_on.wait(PATIENCE)
        job.doubtful = self.doubtful
        if isinstance(self.ends, Exception):
            raise self.ends
        return self.ends

    def client(self, interface: Any) -> "World":
        return self

    def progress(self, ctx: Any, *, progress: Any) -> None:
        self.reported.append(progress.operation_id)

    def accept(self, ctx: Any, *, operation_ids: tuple[str, ...], **_who: Any) -> tuple[Assignment, ...]:
        self.told.append(("accept", *operation_ids))
        return self.next_legs


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    found = World()
    monkeypatch.setattr(module.workflow, "run", found.run)
    return found


@pytest.fixture
def worker(world: World) -> Iterator[Worker]:
    tools: Any = Tools(SimpleNamespace(max_concurrent_builds=9), None, None, None)  # type: ignore[arg-type]
    transport: Any = world
    found = Worker(
        tools, transport, "e1", "process",
        on_fenced=lambda host, uuid: world.told.append(("fenced", host, uuid)),
        on_build=lambda host, done: world.told.append(("build", host, done)),
        on_news=lambda uuid: world.told.append(("news", uuid)),
    )  # fmt: skip
    found.start()
    yield found
    world.go_on.set()
    found.stop()
    found.wait()


Do = Callable[..., None]


@pytest.fixture
def do(worker: Worker, world: World) -> Do:
    """Runs an operation of a server to its end; what happens meanwhile is called when it has begun."""

    def run(uuid: str, workflow: str = "reboot_hard", meanwhile: Callable[[], Any] = lambda: None) -> None:
        world.go_on.clear()
        operation = Operation(
            uuid=f"operation of {uuid}", instance_uuid=uuid, action="reboot", workflow=workflow, request_id="req-1",
            user_id="u", project_id="p", start_time=NOW, host="host1",
        )  # fmt: skip
        worker.submit([Assignment(operation=operation, spec=spec(server(uuid=uuid)))])
        assert world.begun.acquire(timeout=PATIENCE)
        assert worker.works_on(uuid)
        meanwhile()
        world.go_on.set()
        for _ in range(PATIENCE * 100):
            if not worker.works_on(uuid):
                break
            threading.Event().wait(0.01)
        assert not worker.works_on(uuid)

    return run


def eventually(true: Callable[[], bool]) -> None:
    for _ in range(PATIENCE * 100):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came true")


def test_news_that_come_while_something_is_done_are_looked_at_afterwards(worker: Worker, world: World, do: Do) -> None:
    kept: list[bool] = []
    do("s1", meanwhile=lambda: kept.append(worker.keeps_for_later("s1")))
    eventually(lambda: world.told == [("news", "s1")])
    assert kept == [True]
    do("s1")
    assert world.told == [("news", "s1")], "they are old by now"


def test_news_that_come_while_nothing_is_done_are_their_bearers_business(
    worker: Worker, world: World, do: Do
) -> None:
    assert not worker.keeps_for_later("s1")
    do("s1")
    do("s2", meanwhile=lambda: worker.keeps_for_later("s1"))
    assert world.told == []


def test_a_guest_that_could_not_be_seen_is_looked_at_again(world: World, do: Do) -> None:
    world.doubtful = True
    do("s1")
    eventually(lambda: world.told == [("news", "s1")])


@pytest.mark.parametrize(
    ("workflow", "ends", "told"),
    [
        ("create", True, [("build", "host1", True)]), ("create", False, [("build", "host1", False)]),
        ("create", None, []), ("reboot_hard", True, []), ("delete", True, []),
        ("create", errors.Fenced(operation_id="o", epoch=1), [("fenced", "host1", "s1")]),
        ("create", KeyError("a fault of ours"), []),
    ],
    ids=str,
)  # fmt: skip
def test_how_builds_end_is_counted_and_what_was_lost_is_looked_for(
    world: World, do: Do, workflow: str, ends: Any, told: list[Any]
) -> None:
    world.ends = ends
    do("s1", workflow)
    assert world.told == told
    do("s2", workflow)  # and others are served


@pytest.mark.parametrize(("long", "asked"), [(-1.0, ["operation of s1"]), (60.0, [])])
def test_who_has_waited_long_for_his_turn_asks_whether_it_is_still_his(
    world: World, do: Do, monkeypatch: pytest.MonkeyPatch, long: float, asked: list[str]
) -> None:
    monkeypatch.setattr(module, "_LONG_WAIT", long)
    do("s1")
    assert world.reported == asked


def test_the_next_leg_of_an_operation_may_come_before_the_last_one_has_ended(
    worker: Worker, world: World, do: Do
) -> None:
    """It was dropped, and waited for a reminder: 11 seconds of a resize within a process."""
    leg = Operation(
        uuid="operation of s1", instance_uuid="s1", action="resize", workflow="resize", request_id="req-1",
        user_id="u", project_id="p", start_time=NOW, host="host2", epoch=5,
    )  # fmt: skip
    world.next_legs = (Assignment(operation=leg, spec=spec(server(uuid="s1"))),)
    do("s1", meanwhile=lambda: worker.hint(context(), ("operation of s1",)))
    eventually(lambda: world.told[-1:] == [("accept", "operation of s1")])
    assert world.begun.acquire(timeout=PATIENCE), "the next leg has begun"


def test_an_answer_that_comes_twice_begins_a_leg_once(worker: Worker, world: World, do: Do) -> None:
    again = Operation(
        uuid="operation of s1", instance_uuid="s1", action="reboot", workflow="reboot_hard", request_id="req-1",
        user_id="u", project_id="p", start_time=NOW, host="host1",
    )  # fmt: skip
    do("s1", meanwhile=lambda: worker.submit([Assignment(operation=again, spec=spec(server(uuid="s1")))]))
    assert not world.begun.acquire(timeout=0.05)
