"""What a process says of its hosts: that they live, and what they have, to Placement and to the conductor."""

import threading
from typing import Any

import pytest
from oslo_config import cfg

from novalike import conf as options
from novalike.clients.placement import REFRESH_SECONDS
from novalike.compute import resource_reports as module
from novalike.compute.heartbeat import SERVICE_VERSION, HeartbeatSender
from novalike.compute.resource_reports import ResourceReports
from novalike.objects import errors
from novalike.objects.host import Heartbeat, NodeReport
from tests.unit.scheduler.cloud import node_uuid, report

ENDPOINT, INCARNATION = "endpoint", "7"


class Driver:
    def __init__(self, *names: str) -> None:
        self.names = names

    def hosts(self) -> tuple[str, ...]:
        return self.names

    def node_reports(self) -> tuple[NodeReport, ...]:
        return tuple(report(name) for name in self.names)


class World:
    """Placement and the conductor, and what they were told."""

    def __init__(self) -> None:
        self.beats: list[Heartbeat] = []
        self.provided: list[str] = []
        self.told: list[list[tuple[str, int]]] = []
        self.marked: list[tuple[str, bool]] = []
        self.disabled: tuple[str, ...] = ()
        self.placement_is_away = False
        self.fail_beats = 0
        self.heard = threading.Semaphore(0)

    def client(self, interface: object) -> "World":
        return self

    def heartbeat(self, ctx: object, *, beat: Heartbeat) -> None:
        self.beats.append(beat)
        self.heard.release()
        if self.fail_beats:
            self.fail_beats -= 1
            raise errors.Unavailable(reason="away")

    def report_nodes(self, ctx: object, *, endpoint: str, incarnation: str, nodes: Any) -> tuple[str, ...]:
        assert (endpoint, incarnation) == (ENDPOINT, INCARNATION)
        assert all(node.uuid in self.provided for node in nodes), "first to Placement"
        self.told.append([(node.host, node.failed_builds) for node in nodes])
        self.heard.release()
        return self.disabled

    def ensure_provider(self, node: NodeReport) -> None:
        if self.placement_is_away:
            self.heard.release()
            raise errors.Unavailable(reason="away")
        self.provided.append(node.uuid)

    def set_disabled(self, uuid: str, disabled: bool) -> None:
        self.marked.append((uuid, disabled))

    def wait(self, times: int = 1) -> None:
        for _ in range(times):
            assert self.heard.acquire(timeout=5)


@pytest.fixture
def world() -> World:
    return World()


def configuration() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], project="novalike", default_config_files=[])
    return conf


def make(world: World, *hosts: str) -> ResourceReports:
    return ResourceReports(configuration(), Driver(*hosts), world, world, ENDPOINT, INCARNATION)  # type: ignore[arg-type]


def test_a_process_says_that_it_lives_for_all_its_hosts_whatever_the_answer(world: World) -> None:
    conf = configuration()
    conf.set_override("report_interval", 1)
    sender = HeartbeatSender(conf, lambda: ("h1", "h2"), world, ENDPOINT, INCARNATION)  # type: ignore[arg-type]
    sender._stopping.wait = lambda seconds: len(world.beats) > 2 and sender._stopping.set()  # type: ignore
    world.fail_beats = 2
    sender.start()
    world.wait(3)
    sender._thread.join(5)
    assert not sender._thread.is_alive()
    (beat,) = set(map(repr, world.beats))
    said = world.beats[0]
    assert (said.binary, said.endpoint, said.incarnation) == ("novalike-compute", ENDPOINT, INCARNATION)
    assert (said.hosts, said.version, beat) == (("h1", "h2"), SERVICE_VERSION, repr(said))


def test_who_has_stopped_says_nothing(world: World) -> None:
    sender = HeartbeatSender(configuration(), lambda: ("h",), world, ENDPOINT, INCARNATION)  # type: ignore[arg-type]
    for stopped in (sender, make(world, "h")):
        stopped.stop()
        stopped.start()
        stopped._thread.join(5)
        assert not stopped._thread.is_alive()
    assert (world.beats, world.told) == ([], [])


def test_placement_hears_of_a_host_before_the_scheduler_does(world: World) -> None:
    reports = make(world, "h1", "h2")
    assert not reports.reported.is_set()
    reports.report()
    assert world.provided == [node_uuid("h1"), node_uuid("h2")]
    assert world.told == [[("h1", 0), ("h2", 0)]]
    assert reports.reported.is_set()


def test_no_message_is_about_more_hosts_than_a_transaction_should(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_AT_A_TIME", 2)
    make(world, "a", "b", "c", "d", "e").report()
    assert [[host for host, _ in told] for told in world.told] == [["a", "b"], ["c", "d"], ["e"]]


def test_what_can_not_be_told_is_told_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FIRST_PAUSE", 0.01)
    world.placement_is_away = True
    reports = make(world, "h")
    threading.Thread(target=reports._report, daemon=True).start()
    world.wait(3)
    assert not reports.reported.is_set()
    world.placement_is_away = False
    assert reports.reported.wait(5)
    reports.stop()


def test_failed_builds_are_told_at_once(world: World) -> None:
    reports = make(world, "h1", "h2")
    reporting = threading.Thread(target=reports._report, daemon=True)
    reporting.start()
    assert reports.reported.wait(5)
    for number, done in enumerate((False, False, True)):
        world.heard = threading.Semaphore(0)
        reports.note_build("h1", done)
        world.wait()
        assert world.told[-1] == [("h1", [1, 2, 0][number]), ("h2", 0)]
    # Nothing new: nothing is said.
    count = len(world.told)
    reports.note_build("h2", True)
    assert not world.heard.acquire(timeout=0.1)
    assert len(world.told) == count
    reports.stop()
    reporting.join(5)
    assert not reporting.is_alive(), "it is not waited for the next report"


def test_placement_is_told_which_hosts_take_nothing_when_that_changes_and_now_and_then(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [50_000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    reports = make(world, "h1", "h2")
    one, two = node_uuid("h1"), node_uuid("h2")
    reports.report()
    assert world.marked == [(one, False), (two, False)]
    reports.report()
    assert len(world.marked) == 2
    world.disabled = ("h2",)
    reports.report()
    assert world.marked[2:] == [(two, True)]
    now[0] += REFRESH_SECONDS * 1.1
    reports.report()
    assert world.marked[3:] == [(one, False), (two, True)]
