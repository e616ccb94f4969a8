"""The conductor's legs of moves, with the scheduler and whoever does what follows in the test's hands."""

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from novalike.clients.placement_types import Claim, single
from novalike.conductor.operations.claims import MovedClaims
from novalike.conductor.operations.host_choice import HostChooser
from novalike.conductor.operations.resize import Moving
from novalike.db.cell import tables as t
from novalike.objects.context import RequestContext
from novalike.objects.image import Image
from novalike.objects.operation import Operation
from novalike.objects.operations.action import Direction
from novalike.objects.operations.resize import MoveParams
from novalike.objects.scheduling import Rejection, SchedulingRequest, Selection, Selections
from tests.fakes.placement import FakePlacement
from tests.fakes.records import PROJECT, USER, context
from tests.unit.conductor.databases import Databases
from tests.unit.conductor.moves import MOVE, at, migrate
from tests.unit.scheduler.cloud import node_uuid, report

Row = dict[str, Any]
IMAGE = Image(id="image", name="tiny", disk_format="raw")
OLD, NEW = {"VCPU": 1}, {"VCPU": 2}
Claims = dict[str, tuple[str, dict[str, int]]]
Do = Callable[..., None]


class World:
    """The scheduler, and whoever does what follows.

    :ivar chosen: the hosts that the scheduler finds, one after the other; those of ``elsewhere`` are in another cell.
    :ivar meanwhile: what happens while it looks.
    """

    holder = "me"

    def __init__(self, placement: FakePlacement) -> None:
        self._placement = placement
        self.chosen: list[str] = []
        self.elsewhere: set[str] = set()
        self.asked: list[SchedulingRequest] = []
        self.meanwhile: Callable[[], None] = lambda: None
        self.going: list[tuple[str, str | None]] = []
        self.legs: dict[tuple[str, str, str], Any] = {}

    def do(self, databases: Databases, *operations: Operation) -> None:
        """Do the leg that operations are at."""
        route, at = operations[0].route, operations[0].at
        assert route is not None
        work = self.legs[operations[0].workflow, route[at].leg, Direction(operations[0].direction)]
        work(context(), databases.cell(), [each.uuid for each in operations])

    def client(self, interface: Any) -> "World":
        return self

    def select(self, ctx: RequestContext, *, request: SchedulingRequest) -> Selections:
        self.asked.append(request)
        if not self.chosen:
            self.meanwhile()
            rejected = Rejection(stage="ComputeFilter", reason="it is down", hosts=("h",))
            return Selections(selections=(), rejections=(rejected,))
        host, (server,) = self.chosen.pop(0), request.instance_uuids
        known = self._placement.get_allocations(server).consumer_generation
        self._placement.claim([Claim(server, single(node_uuid(host), NEW), PROJECT, USER, known)])
        self.meanwhile()
        found = Selection(
            instance_uuid=server, host=host, node=f"{host}.node", node_uuid=node_uuid(host), endpoint=f"at {host}",
            cell="cell2" if host in self.elsewhere else "cell1", zone="east",
        )  # fmt: skip
        return Selections(selections=(found,), rejections=())

    def set_going(self, ctx: RequestContext, cell: Any, operation: Operation, endpoint: str | None = None) -> None:
        self.going.append((operation.uuid, operation.host))

    def add(
        self, workflow: str, leg: str, work: Any, *, threads: int, direction: Direction = Direction.ON
    ) -> None:
        assert threads >= 1
        self.legs[workflow, leg, direction] = work


def seven_hosts() -> FakePlacement:
    """Placement with the providers of host1 to host7."""
    found = FakePlacement()
    for number in range(1, 8):
        found.add_provider(report(f"host{number}"))
    return found


def world_of(databases: Databases, placement: FakePlacement) -> World:
    """The legs of a conductor that is called ``me``."""
    found = World(placement)
    parts: Any = found
    chooser = HostChooser(databases.cells, parts, placement, "me")
    Moving(databases.conf, chooser, MovedClaims(placement), parts).add_to(parts)
    return found


def claims(placement: FakePlacement) -> Claims:
    found = {}
    names = {node_uuid(f"host{n}"): f"host{n}" for n in range(1, 8)}
    for consumer, claimed in placement.consumers.items():
        ((provider, amounts),) = claimed.allocations.items()
        found[consumer] = (names[provider], amounts.resources)
    return found


def claim(placement: FakePlacement, consumer: str, host: str, resources: dict[str, int]) -> None:
    known = placement.consumers.get(consumer)
    generation = None if known is None else known.consumer_generation
    placement.claim([Claim(consumer, single(node_uuid(host), resources), PROJECT, USER, generation)])


def moving(
    databases: Databases, placement: FakePlacement, workflow: str = "resize", leg: str = "place", *,
    of_server: Row = {}, params: MoveParams = MOVE, **facts: Any,
) -> Operation:  # fmt: skip
    """A move of a server that has a claim on its host, in this conductor's hands."""
    state = {"task_state": "resize_prep", "node": "node1", "availability_zone": "west"}
    server = databases.server(asked={"image": IMAGE}, **(state | of_server))
    operation = at(databases, server, workflow, leg, params, **facts)
    migrate(databases, operation, "pre-migrating")
    claim(placement, server, "host1", OLD)
    return operation


def now(databases: Databases, operation: Operation) -> Row:
    return databases.row(t.operations, operation.uuid)


def change(databases: Databases, operation: Operation, **facts: Any) -> None:
    databases.execute(sa.update(t.operations).where(t.operations.c.uuid == operation.uuid).values(**facts))


def change_server(databases: Databases, operation: Operation, **facts: Any) -> None:
    here = t.instances.c.uuid == operation.instance_uuid
    databases.execute(sa.update(t.instances).where(here).values(**facts))
