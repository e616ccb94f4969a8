"""The conductor's legs of resize and cold migration, and of confirming and reverting them.

``place`` hands the server's claim to the migration, has the scheduler claim a host for the new flavor, and hands the
operation on; taken back, it makes the old claim the server's again. ``release`` gives up the migration's claim once a
move is confirmed, ``return`` hands it back to the server that goes back to its source.
"""

import datetime
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from oslo_config import cfg

from novalike.conductor.cells import Cell
from novalike.conductor.operations.advance import advance
from novalike.conductor.operations.claims import MovedClaims
from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.host_choice import HostChooser
from novalike.conductor.operations.legs import ConductorLegs
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.lifecycle import VmState
from novalike.objects.operation import JournalEntry, Operation, OperationState, Outcome
from novalike.objects.operations import ACTIONS
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Direction
from novalike.objects.operations.resize import MoveParams, PlacedMove, SettleMoveParams
from novalike.objects.record import utcnow
from novalike.objects.scheduling import SchedulingRequest, Selection
from novalike.objects.server import Server, ServerSpec

LOG = logging.getLogger(__name__)

# Threads for each leg, in one process.
_THREADS = 8
# How often the scheduler is asked for a host that is in the server's own cell.
_CHOICES = 5


class _Held(NamedTuple):
    """An operation that this conductor does a leg of."""

    cell: Cell
    operation: Operation
    spec: ServerSpec
    started: datetime.datetime


class Moving:
    """Does the conductor's legs of moves, one operation after the other."""

    def __init__(
        self, conf: cfg.ConfigOpts, chooser: HostChooser, claims: MovedClaims, dispatch: Dispatch
    ) -> None:
        self._conf = conf
        self._chooser = chooser
        self._claims = claims
        self._dispatch = dispatch

    def add_to(self, legs: ConductorLegs) -> None:
        """Have these legs done here."""
        for workflow in ("resize", "migrate"):
            legs.add(workflow, "place", self._each(self._place), threads=_THREADS)
            legs.add(workflow, "place", self._each(self._unplace), threads=_THREADS, direction=Direction.BACK)
        legs.add("resize_confirm", "release", self._each(self._release), threads=_THREADS)
        legs.add("resize_revert", "return", self._each(self._return), threads=_THREADS)

    def _each(
        self, work: Callable[[RequestContext, _Held], None]
    ) -> Callable[[RequestContext, Cell, list[str]], None]:
        def do(ctx: RequestContext, cell: Cell, operation_ids: list[str]) -> None:
            for operation_id in operation_ids:
                held = self._held(cell, operation_id)
                if held is not None:
                    work(ctx, held)

        return do

    def _held(self, cell: Cell, operation_id: str) -> _Held | None:
        """Return an operation with its server, if it is still this conductor's."""
        held = cell.database.query(lambda c: servers_db.held(c, [operation_id], self._dispatch.holder))
        return _Held(cell, *held[0], utcnow()) if held else None

    def _place(self, ctx: RequestContext, held: _Held) -> None:
        operation = held.operation
        self._claims.hand_to_migration(operation.instance_uuid, operation.uuid, lambda: self._is_ours(held))
        chosen = self._choose(ctx, held)
        if isinstance(chosen, errors.NovalikeError):
            LOG.info("instance %s: no host to move it to: %s", operation.instance_uuid, chosen)
            self._go_on(ctx, held, error=chosen, clean=False)
            return
        row = ACTIONS[operation.workflow]
        route = routes.with_destination(row, routes.current(operation)[0], chosen.host, chosen.node)
        found = msgspec.to_builtins(PlacedMove(zone=chosen.zone))
        if not self._go_on(ctx, held, route=route, found=found, endpoint=chosen.endpoint):
            self._after_losing(held)

    def _choose(self, ctx: RequestContext, held: _Held) -> Selection | errors.NovalikeError:
        """Return a claimed host of the server's cell, or why there is none.

        :raises Unavailable: the scheduler, Placement or a database can't be reached.
        """
        server, params = held.spec.server, msgspec.convert(held.operation.params, MoveParams)
        excluded = list(params.excluded_hosts)
        if held.operation.workflow == "migrate" or not self._conf.allow_resize_to_same_host:
            excluded.append(params.source_host)
        for _ in range(_CHOICES):
            ours, earlier = self._chooser.still_ours(held.cell, [held.operation])
            if not ours:
                return errors.Fenced(operation_id=held.operation.uuid, epoch=held.operation.epoch)
            request = SchedulingRequest(
                project_id=server.project_id,
                user_id=server.user_id,
                instance_uuids=(server.uuid,),
                flavor=params.new_flavor,
                image=held.spec.image,
                availability_zone=server.pinned_availability_zone,
                host=params.host,
                hints=server.scheduler_hints,
                excluded_hosts=tuple(excluded),
                instance_hosts=self._chooser.hosts_of_hints(server.scheduler_hints),
                earlier=earlier,
            )
            answer = self._chooser.choose(ctx, held.cell, ours, request)
            if not answer.selections:
                return errors.NoValidHost(reason=answer.explain())
            if answer.selections[0].cell == held.cell.name:
                return answer.selections[0]
            excluded.append(answer.selections[0].host)
        return errors.NoValidHost(reason="Servers can't move between cells.")

    def _after_losing(self, held: _Held) -> None:
        """The operation was somebody else's when a host had been claimed for it. Of a server that is deleted, or to
        which nothing is done any more, nobody would give up that claim. One that has moved needs it, and its source
        what the migration has."""
        uuid, migration = held.operation.instance_uuid, held.operation.uuid
        now = held.cell.database.query(lambda c: operations_db.get(c, migration))
        if now is not None and now.state in OperationState.OPEN:
            return  # another conductor goes on with it
        server = held.cell.database.query(lambda c: servers_db.get(c, uuid))
        if server is None or server.vm_state == VmState.DELETED:
            self._claims.give_up(uuid)
            self._claims.give_up(migration)
        elif server.task_state is None and _is_as_before(server, held.operation):
            self._claims.hand_back(uuid, migration, lambda: True)

    def _unplace(self, ctx: RequestContext, held: _Held) -> None:
        operation = held.operation
        self._claims.hand_back(operation.instance_uuid, operation.uuid, lambda: self._is_ours(held))
        self._go_on(ctx, held)

    def _release(self, ctx: RequestContext, held: _Held) -> None:
        self._claims.give_up(msgspec.convert(held.operation.params, SettleMoveParams).migration)
        self._go_on(ctx, held)

    def _return(self, ctx: RequestContext, held: _Held) -> None:
        migration = msgspec.convert(held.operation.params, SettleMoveParams).migration
        self._claims.hand_back(held.operation.instance_uuid, migration, lambda: self._is_ours(held))
        self._go_on(ctx, held)

    def _is_ours(self, held: _Held) -> bool:
        uuid = held.operation.uuid
        epochs = held.cell.database.query(lambda c: operations_db.epochs(c, [uuid], self._dispatch.holder))
        return epochs.get(uuid) == held.operation.epoch

    def _go_on(
        self,
        ctx: RequestContext,
        held: _Held,
        *,
        route: routes.Route | None = None,
        found: dict[str, Any] | None = None,
        error: errors.NovalikeError | None = None,
        clean: bool = True,
        endpoint: str | None = None,
    ) -> bool:
        """Record how the leg has ended, and set going what follows. Return whether anything does: after a leg that is
        not the last one, whether the operation was still ours.

        :param endpoint: of the process that does the next leg, if it is known.
        """
        operation, database = held.operation, held.cell.database
        stops, at = routes.current(operation)
        entry = JournalEntry(
            event=f"conductor_{stops[at].leg}",
            start_time=held.started,
            finish_time=utcnow(),
            result="Success" if error is None else "Error",
            host=self._conf.host,
            details=None if error is None else error.message,
        )
        outcome = Outcome(
            operation_id=operation.uuid,
            epoch=operation.epoch,
            entries=(*operation.journal, entry),
            error=None if error is None else error.message,
            details=None if error is None else error.message,
            clean=clean,
            found=found,
        )
        now = database.utcnow()
        handed = database.write(
            lambda c: advance(c, self._conf, operation, outcome, self._dispatch.holder, now, route=route)
        )
        if handed is not None:
            self._dispatch.set_going(ctx, held.cell, handed, endpoint)
        return handed is not None


def _is_as_before(server: Server, operation: Operation) -> bool:
    """Return whether a server is what it was before an operation that moves it."""
    move = msgspec.convert(operation.params, MoveParams)
    return (server.host, server.flavor.flavor_id) == (move.source_host, move.old_flavor.flavor_id)
