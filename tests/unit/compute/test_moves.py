"""What hosts do when a server is moved: which calls, in which order, with what; and what is taken back."""

import contextlib
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from novalike.compute.operations import resize, workflow_of
from novalike.compute.workflow import Step, Workflow
from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.objects.operation import Operation, Stop
from novalike.objects.operations import ACTIONS
from novalike.objects.operations.action import Direction
from novalike.objects.operations.resize import MoveParams, SettleMoveParams
from novalike.virt.driver import GuestFailed, GuestNotFound
from novalike.virt.guest import Guest
from tests.fakes import records
from tests.unit.conductor.databases import NOW

OLD = Flavor(flavor_id="1", name="old", memory_mb=64, vcpus=1, root_gb=1)
NEW = Flavor(flavor_id="2", name="new", memory_mb=128, vcpus=2, root_gb=2)
MOVE = MoveParams(old_flavor=OLD, new_flavor=NEW, old_vm_state="active", source_host="host1", source_node="node1")


class World:
    """The driver and Neutron's side: what they were told, in order. ``fails`` is raised by the methods named."""

    conf = None

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.fails: dict[str, Exception] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def note(*args: Any, **more: Any) -> Any:
            self.log.append((name, *args, *more.items()))
            if name in self.fails:
                raise self.fails[name]
            return f"answer of {name}"

        return note

    @contextlib.contextmanager
    def expect_plugged(self, uuid: str, vifs: Any) -> Iterator[str]:
        self.log.append(("expect", uuid, vifs))
        yield "expected"
        self.log.append(("no longer",))


class Immovable:
    """A driver that can do all but move guests."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        if name in ("prepare_move", "set_aside", "fetch_disks", "define", "take_back", "discard_aside", "aside"):
            raise AttributeError(name)
        return getattr(self._world, name)


@pytest.fixture
def world() -> World:
    return World()


def a_job(world: World, driver: Any = None, *, vm_state: str = "active", params: Any = MOVE, **more: Any) -> Any:
    a_spec = records.spec(records.server(uuid="s1", vm_state=vm_state, flavor=OLD))
    return SimpleNamespace(
        host="host1", uuid="s1", ctx="ctx", spec=a_spec, guest="guest", vifs="vifs", driver=driver or world,
        networking=world, conf=SimpleNamespace(shutdown_timeout=60), found=None, root_device_name=None,
        tell_percent="tell", operation=SimpleNamespace(
            epoch=7, params=msgspec.to_builtins(params),
            found={"place": {"zone": "z"}, "depart": {"source": "where it is"}},
        ), **more,
    )  # fmt: skip


def settle(old_vm_state: str = "active") -> SettleMoveParams:
    return SettleMoveParams(migration="m", move=msgspec.structs.replace(MOVE, old_vm_state=old_vm_state))


def done(flow: Workflow, job: Any) -> list[Any]:
    """What all steps of a workflow do, in order."""
    for step in flow.steps:
        step.do(job)
    return [entry if len(entry) > 1 else entry[0] for entry in job.networking.log]


EXPECT = ("expect", "s1", "answer of bind")
STARTED = [("plug", "guest"), ("power_on", "guest"), ("wait_plugged", "ctx", "expected"), "no longer"]
DEFINED = [("plug", "guest"), ("define", "guest"), "no longer"]
TAKE_BACK, DISCARD = ("take_back", "guest"), ("discard_aside", "guest")


def bind(job: Any) -> Any:
    return ("bind", job.spec, "host1", ("epoch", 7))


def test_the_source_stops_the_guest_and_sets_it_aside(world: World) -> None:
    job = a_job(world)
    assert done(resize.DEPART, job) == [("power_off", "guest", 60.0), ("unplug", "guest"), ("set_aside", "guest")]
    assert job.found == {"source": "answer of set_aside"}


def test_a_guest_that_is_set_aside_already_is_not_there_to_be_stopped(world: World) -> None:
    world.fails["power_off"] = GuestNotFound(instance_id="s1")
    assert [entry[0] for entry in done(resize.DEPART, a_job(world))] == ["power_off", "unplug", "set_aside"]


def test_a_guest_that_does_not_stop_is_not_set_aside(world: World) -> None:
    world.fails["power_off"] = GuestFailed(reason="no")
    with pytest.raises(GuestFailed):
        done(resize.DEPART, a_job(world))
    assert len(world.log) == 1


def test_the_destination_is_asked_with_the_flavor_that_the_guest_is_to_get(world: World) -> None:
    spec = records.spec(records.server(uuid="s1", flavor=OLD))
    job = a_job(world)
    job.spec, job.guest = spec, records.guest(spec)
    ((name, guest),) = done(resize.PREPARE, job)
    assert name == "prepare_move"
    assert isinstance(guest, Guest)
    expected = msgspec.structs.replace(spec, server=msgspec.structs.replace(spec.server, flavor=NEW))
    assert guest == msgspec.structs.replace(job.guest, spec=expected)
    assert job.guest.spec.server.flavor == OLD


@pytest.mark.parametrize(
    ("error", "elsewhere"),
    [
        (GuestFailed(reason="no"), True), (errors.Unavailable(reason="no"), True), (RuntimeError("ours"), True),
        (errors.NotSupported(reason="no"), True), (errors.BuildAborted(instance_id="s", reason="image"), False),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_host_that_cannot_have_it_may_not_be_the_last(error: Exception, elsewhere: bool) -> None:
    assert resize.PREPARE.judge(error) == (500, elsewhere)


@pytest.mark.parametrize(
    ("params", "source"),
    [
        (msgspec.structs.replace(MOVE, source_host="host9"), "where it is"),
        # It is this host.
        (MOVE, None),
    ],
)
@pytest.mark.parametrize(
    ("vm_state", "started"), [("active", STARTED), ("stopped", DEFINED)], ids=["active", "stopped"]
)
def test_the_destination_fetches_the_disks_and_starts_the_guest_if_it_ran(
    world: World, params: MoveParams, source: str | None, vm_state: str, started: list[Any]
) -> None:
    job = a_job(world, params=params, vm_state=vm_state)
    assert done(resize.ARRIVE, job) == [
        ("fetch_disks", "guest", source, "tell"), bind(job), EXPECT, *started,
    ]  # fmt: skip
    assert (job.root_device_name, job.vifs) == ("answer of fetch_disks", "answer of bind")


def test_disks_that_nobody_has_set_aside_are_not_fetched(world: World) -> None:
    job = a_job(world)
    job.operation.found = None
    with pytest.raises(KeyError):
        done(resize.ARRIVE, job)
    assert world.log == []


def test_a_move_that_is_confirmed_leaves_nothing_on_the_source(world: World) -> None:
    assert done(resize.CLEAN, a_job(world, params=settle())) == [DISCARD]


def test_a_destination_that_is_left_keeps_what_it_has_set_aside(world: World) -> None:
    """That is what the server goes back to, should it be the source as well."""
    assert done(resize.LEAVE, a_job(world, params=settle())) == [
        ("remove_guest", "guest"), ("remove_disks", "guest"), ("unplug", "guest"),
    ]  # fmt: skip


@pytest.mark.parametrize(("old", "started"), [("active", STARTED), ("stopped", DEFINED)])
def test_a_source_goes_back_to_what_it_has_set_aside(world: World, old: str, started: list[Any]) -> None:
    """The server's own state is that it was resized."""
    job = a_job(world, params=settle(old), vm_state="resized")
    assert done(resize.RESUME, job) == [TAKE_BACK, bind(job), EXPECT, *started]
    assert job.vifs == "answer of bind"


@pytest.mark.parametrize(("vm_state", "started"), [("active", STARTED), ("stopped", DEFINED)])
def test_a_source_that_takes_its_leg_back_has_the_guest_as_before(
    world: World, vm_state: str, started: list[Any]
) -> None:
    job = a_job(world, vm_state=vm_state)
    undo = _taken_back("depart")
    assert [step.event for step in undo] == ["compute_power_off_undo"]
    assert done(Workflow(undo), job) == [TAKE_BACK, bind(job), EXPECT, *started]


def test_a_destination_that_takes_its_leg_back_has_nothing_of_the_guest_but_what_is_set_aside(world: World) -> None:
    undo = _taken_back("arrive")
    assert [step.event for step in undo] == ["compute_fetch_disks_undo"]
    assert done(Workflow(undo), a_job(world)) == [
        ("remove_guest", "guest"), ("remove_disks", "guest"), ("unplug", "guest"),
    ]  # fmt: skip


@pytest.mark.parametrize("workflow", ["resize", "migrate"])
def test_whoever_looks_whether_he_could_have_it_has_nothing_to_take_back(workflow: str) -> None:
    assert _taken_back("prepare", workflow) == ()


def _taken_back(leg: str, workflow: str = "resize") -> tuple[Step, ...]:
    at = [each.name for each in ACTIONS[workflow].legs].index(leg)
    legs = enumerate(ACTIONS[workflow].legs)
    route = tuple(Stop(leg=each.name, host="host1" if n == at else None) for n, each in legs)
    found = workflow_of(Operation(
        uuid="o", instance_uuid="s", action=workflow, workflow=workflow, request_id="r", user_id="u", project_id="p",
        start_time=NOW, host="host1", route=route, at=at, direction=Direction.BACK,
    ))  # fmt: skip
    assert found.persistent, "a neighbour that is away is waited for"
    return found.steps


@pytest.mark.parametrize("flow", [resize.PREPARE, resize.DEPART, resize.ARRIVE, resize.CLEAN, resize.RESUME])
def test_a_hypervisor_that_cannot_move_guests_says_so_before_anything_is_done(world: World, flow: Workflow) -> None:
    params = MOVE if flow in (resize.PREPARE, resize.DEPART, resize.ARRIVE) else settle()
    with pytest.raises(errors.NotSupported, match="the hypervisor of host host1 can't move servers"):
        done(flow, a_job(world, Immovable(world), params=params))
    assert world.log == []


def test_where_nothing_can_be_set_aside_nothing_is_taken_back(world: World) -> None:
    """Or a server whose host can't move it would be in error, though nothing has happened to it."""
    job = a_job(world, Immovable(world))
    for step in _taken_back("depart"):
        step.do(job)
    assert world.log == []
