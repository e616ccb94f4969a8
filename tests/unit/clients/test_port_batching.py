"""Ports that are asked for at about the same time are asked for in one request, and nobody suffers for others."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from novalike.clients.neutron_vifs import MARK, mark
from novalike.clients.port_batching import AT_A_TIME, PORTS_MAX, PortBatcher
from novalike.objects import errors, network_errors
from tests.fakes.neutron import FakeNeutron
from tests.fakes.records import PROJECT

Json = dict[str, Any]

SECONDS = 10


class Killed(BaseException):
    """As a thread of eventlet's is."""


class Scene:
    """A desk before a Neutron that can be held, and threads that ask."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.neutron = FakeNeutron()
        self.network = self.neutron.add_network("private", PROJECT)
        self.desk = PortBatcher(self.neutron)  # type: ignore[arg-type]
        self.on_create: Callable[[list[Json]], None] = lambda bodies: None
        self.neutron.fail = self._fail
        self._pool = pool
        self._arrived = threading.Semaphore(0)
        self._go = threading.Event()
        self._go.set()

    def _fail(self, name: str, *args: Any) -> None:
        if name == "create_ports":
            self._arrived.release()
            assert self._go.wait(SECONDS)
            self.on_create(args[0])

    def bodies(self, server: str, ports: int = 1, **more: Any) -> list[Json]:
        return [
            {"network_id": self.network["id"], "tenant_id": PROJECT, "device_id": server,
             "binding:profile": {MARK: mark(created=True, index=n, tag=None)}, **more}
            for n in range(ports)
        ]  # fmt: skip

    def start(self, server: str, ports: int = 1, **more: Any) -> Future[list[Json]]:
        return self._pool.submit(self.desk.create, self.bodies(server, ports, **more))

    def gather(self, server: str, ports: int = 1, **more: Any) -> Future[list[Json]]:
        """Start, and wait until it waits together with those before it, if there are any."""
        before = self.waiting()
        future = self.start(server, ports, **more)
        _until(lambda: self.waiting() not in (before, []) and self.waiting()[-1] == server)
        return future

    def waiting(self) -> list[str]:
        """The servers for whose ports is gathered now."""
        gathering = self.desk._open
        return [bodies[0]["device_id"] for bodies, _ in gathering.callers] if gathering else []

    def hold(self) -> list[Future[list[Json]]]:
        """Take all turns."""
        self._go.clear()
        busy = []
        for number in range(AT_A_TIME):
            busy.append(self.start(f"busy{number}"))
            assert self._arrived.acquire(timeout=SECONDS)
        return busy

    def let_go(self) -> None:
        self._go.set()

    def asked(self) -> list[list[str]]:
        """The servers that were named in each request."""
        return [[body["device_id"] for body in args[0]] for name, args in self.neutron.calls if name == "create_ports"]


@pytest.fixture
def scene() -> Iterator[Scene]:
    with ThreadPoolExecutor(30) as pool:
        found = Scene(pool)
        yield found
        found.let_go()


def _until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def servers_of(ports: list[Json]) -> list[tuple[str, int]]:
    return [(port["device_id"], port["binding:profile"][MARK]["index"]) for port in ports]


def result(future: Future[list[Json]]) -> list[tuple[str, int]]:
    return servers_of(future.result(SECONDS))


def test_one_alone_is_one_request(scene: Scene) -> None:
    assert servers_of(scene.desk.create(scene.bodies("a", 2))) == [("a", 0), ("a", 1)]
    assert scene.asked() == [["a", "a"]]


def test_who_finds_a_turn_free_waits_for_nobody(scene: Scene) -> None:
    busy = scene.hold()  # the second has arrived though the first has no answer yet
    scene.let_go()
    assert [result(future) for future in busy] == [[("busy0", 0)], [("busy1", 0)]]
    assert scene.asked() == [["busy0"], ["busy1"]]


def test_who_finds_no_turn_free_gathers(scene: Scene) -> None:
    scene.hold()
    futures = [scene.gather("a", 2), scene.gather("b"), scene.gather("c", 3)]
    assert len(scene.asked()) == AT_A_TIME
    scene.let_go()
    assert [result(future) for future in futures] == [
        [("a", 0), ("a", 1)], [("b", 0)], [("c", 0), ("c", 1), ("c", 2)],
    ]  # fmt: skip
    assert scene.asked()[AT_A_TIME:] == [["a", "a", "b", "c", "c", "c"]]
    # Who comes later is no part of it.
    assert servers_of(scene.desk.create(scene.bodies("d"))) == [("d", 0)]
    assert scene.asked()[-1] == ["d"]


def test_never_more_than_so_many_requests_at_a_time(scene: Scene) -> None:
    lock, now, most = threading.Lock(), [0], [0]

    def count(_bodies: list[Json]) -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    scene.on_create = count
    futures = [scene.start(f"s{number}", ports=3) for number in range(20)]
    assert [result(f) for f in futures] == [[(f"s{n}", 0), (f"s{n}", 1), (f"s{n}", 2)] for n in range(20)]
    assert most == [AT_A_TIME]
    assert len(scene.asked()) < 20
    assert max(len(servers) for servers in scene.asked()) <= PORTS_MAX


def test_a_request_is_for_so_many_ports_and_a_server_is_never_split(scene: Scene) -> None:
    scene.hold()
    sizes = {"a": 5, "b": 3, "c": 7, "d": 2, "e": PORTS_MAX + 1, "f": 1}
    futures = {server: scene.gather(server, ports) for server, ports in sizes.items()}
    scene.let_go()
    for server, ports in sizes.items():
        assert result(futures[server]) == [(server, n) for n in range(ports)]
    asked = sorted(sorted(set(servers)) for servers in scene.asked()[AT_A_TIME:])
    assert asked == [["a", "b"], ["c"], ["d"], ["e"], ["f"]]


def test_when_neutron_refuses_only_the_guilty_hears_it(scene: Scene) -> None:
    busy = scene.hold()
    first = scene.gather("a")
    guilty = scene.gather("guilty", fixed_ips=[{"ip_address": "192.0.2.1"}])
    last = scene.gather("b")
    scene.let_go()
    assert result(first) == [("a", 0)]
    assert result(last) == [("b", 0)]
    with pytest.raises(network_errors.FixedIpInvalid) as caught:
        guilty.result(SECONDS)
    assert caught.value.fields["address"] == "192.0.2.1"
    together, *alone = scene.asked()[AT_A_TIME:]
    assert together == ["a", "guilty", "b"]
    assert sorted(alone) == [["a"], ["b"], ["guilty"]]
    assert [result(future) for future in busy] == [[("busy0", 0)], [("busy1", 0)]]
    assert len(scene.neutron.ports()) == AT_A_TIME + 2


def test_who_is_alone_is_asked_for_once_when_refused(scene: Scene) -> None:
    with pytest.raises(network_errors.FixedIpInvalid):
        scene.desk.create(scene.bodies("a", fixed_ips=[{"ip_address": "192.0.2.1"}]))
    assert scene.asked() == [["a"]]


def test_no_answer_is_no_answer_for_all(scene: Scene) -> None:
    busy = scene.hold()
    futures = [scene.gather("a"), scene.gather("b"), scene.gather("c")]

    def lose(_name: str, bodies: list[Json]) -> None:
        if len(bodies) > 1:
            raise errors.Unavailable(reason="lost")

    scene.neutron.lose = lose
    scene.let_go()
    caught = [future.exception(SECONDS) for future in futures]
    assert [(type(error), str(error)) for error in caught] == [
        (errors.Unavailable, "The service is unavailable: lost")
    ] * 3
    assert len({id(error) for error in caught}) == 3
    assert scene.asked()[AT_A_TIME:] == [["a", "b", "c"]]
    assert [result(future) for future in busy] == [[("busy0", 0)], [("busy1", 0)]]


def test_to_be_alone_is_to_share_nothing_but_to_wait_for_a_turn(scene: Scene) -> None:
    scene.hold()
    futures = [scene.gather("a"), scene._pool.submit(scene.desk.create, scene.bodies("b"), alone=True)]
    time.sleep(0.02)
    assert len(scene.asked()) == AT_A_TIME
    scene.let_go()
    assert [result(future) for future in futures] == [[("a", 0)], [("b", 0)]]
    assert sorted(scene.asked()[AT_A_TIME:]) == [["a"], ["b"]]


def test_an_answer_in_another_order(scene: Scene) -> None:
    scene.hold()
    make = scene.neutron.create_ports
    scene.neutron.create_ports = lambda bodies: make(bodies)[::-1]  # type: ignore[method-assign]
    futures = [scene.gather("a", 2), scene.gather("b", 2)]
    scene.let_go()
    assert [result(future) for future in futures] == [[("a", 0), ("a", 1)], [("b", 0), ("b", 1)]]


def test_an_answer_without_a_port_is_none(scene: Scene) -> None:
    scene.hold()
    make = scene.neutron.create_ports
    scene.neutron.create_ports = lambda bodies: make(bodies)[1:]  # type: ignore[method-assign]
    futures = [scene.gather("a"), scene.gather("b")]
    scene.let_go()
    assert [type(future.exception(SECONDS)) for future in futures] == [errors.Unavailable] * 2


@pytest.mark.parametrize("death", [Killed(), ValueError("no JSON")])
def test_nobody_hangs_when_the_one_who_asks_dies(scene: Scene, death: BaseException) -> None:
    scene.hold()
    leader, follower = scene.gather("a"), scene.gather("b")

    def die(bodies: list[Json]) -> None:
        if len(bodies) > 1:
            raise death

    scene.on_create = die
    scene.let_go()
    assert leader.exception(SECONDS) is death
    assert type(follower.exception(SECONDS)) is errors.Unavailable
    # No turn is lost, and the next ones don't join the dead.
    for server in ("c", "d", "e"):
        assert result(scene.start(server)) == [(server, 0)]


def test_nobody_hangs_when_the_one_who_asks_dies_waiting(scene: Scene) -> None:
    death, turns = threading.Event(), scene.desk._turns

    class Dying:
        def __enter__(self) -> None:
            assert death.wait(SECONDS)
            raise Killed

        def __exit__(self, *_: object) -> None:
            raise AssertionError

    scene.desk._turns = Dying()  # type: ignore[assignment]
    leader, follower = scene.gather("a"), scene.gather("b")
    death.set()
    assert type(leader.exception(SECONDS)) is Killed
    assert type(follower.exception(SECONDS)) is errors.Unavailable
    scene.desk._turns = turns
    assert scene.waiting() == []
    assert result(scene.start("c")) == [("c", 0)]
    assert scene.asked() == [["c"]]
