"""``create``, leg ``place``: a new server's host is found, claimed and recorded, and the build handed to it.

An operation in here is ``running`` and held by a conductor. It leaves by being handed to a host (``pending``),
by failing, or, when the conductor dies, by its lease running out: then another conductor starts over.
"""

import datetime
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from oslo_config import cfg

from novalike.clients.placement import PlacementClient
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.operations import completion
from novalike.conductor.operations.hand_over import hand_over
from novalike.conductor.operations.host_choice import HostChooser
from novalike.conductor.operations.messenger import Messenger
from novalike.conductor.servers import cell_transfer
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.lifecycle import TaskState
from novalike.objects.operation import JournalEntry, Operation, OperationState, Outcome
from novalike.objects.operations import route as routes
from novalike.objects.operations.create import CreateParams
from novalike.objects.record import utcnow
from novalike.objects.scheduling import EarlierClaim, SchedulingRequest, Selection
from novalike.objects.server import ServerSpec

LOG = logging.getLogger(__name__)

EVENT = "conductor_place"


class Placing:
    """Places servers.

    :param holder: this conductor, as the holder of operations.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        cells: Cells,
        chooser: HostChooser,
        messenger: Messenger,
        placement: PlacementClient,
        holder: str,
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._messenger = messenger
        self._placement = placement
        self._holder = holder
        self._chooser = chooser

    def place(self, ctx: RequestContext, cell: Cell, operation_ids: list[str]) -> None:
        """Find hosts for servers of one create request (they are all alike), and hand their builds over.

        :raises Unavailable: the scheduler or the database can't be reached.
        """
        operations, specs, wish = cell.database.query(lambda c: servers_db.to_place(c, operation_ids, self._holder))
        if wish is None:
            return
        started = utcnow()
        earlier: dict[str, EarlierClaim] = {}
        if any(operation.epoch > 1 for operation in operations):
            operations, earlier = self._chooser.still_ours(cell, operations)
            if not operations:
                return
        request = self._scheduling_request(operations, specs, wish, earlier)
        answer = self._chooser.choose(ctx, cell, operations, request)
        by_instance = {selection.instance_uuid: selection for selection in answer.selections}
        placed = [o for o in operations if o.instance_uuid in by_instance]
        failed = [o for o in operations if o.instance_uuid not in by_instance]
        ended: list[Operation] = []
        if failed:
            reason = errors.NoValidHost(reason=answer.explain())
            LOG.info("no host for %d server(s): %s", len(failed), reason)
            ended = self._fail(cell, failed, reason, started)
        self._pass_on(ctx, cell, placed, specs, by_instance, started)
        for operation in ended:
            if operation.epoch > 1 or answer.on_old_candidates:
                # It may have a claim, and has ended: nobody places this server any more.
                self._placement.delete_allocations(operation.instance_uuid)

    def _scheduling_request(
        self,
        operations: Sequence[Operation],
        specs: dict[str, ServerSpec],
        wish: servers_db.Wish,
        earlier: dict[str, EarlierClaim],
    ) -> SchedulingRequest:
        first = specs[operations[0].instance_uuid]
        server = first.server
        params = msgspec.convert(operations[0].params, CreateParams)
        return SchedulingRequest(
            project_id=server.project_id,
            user_id=server.user_id,
            instance_uuids=tuple(operation.instance_uuid for operation in operations),
            flavor=server.flavor,
            image=first.image,
            availability_zone=server.availability_zone,
            host=wish.host,
            node=wish.node,
            force_host=wish.force_host,
            hints=server.scheduler_hints,
            excluded_hosts=params.excluded_hosts,
            instance_hosts=self._chooser.hosts_of_hints(server.scheduler_hints),
            earlier=earlier,
        )

    def _entry(
        self, started: datetime.datetime, result: str, details: str | None = None
    ) -> JournalEntry:
        return JournalEntry(
            event=EVENT,
            start_time=started,
            finish_time=utcnow(),
            result=result,
            host=self._conf.host,
            details=details,
        )

    def _fail(
        self, cell: Cell, operations: list[Operation], error: errors.NovalikeError, started: datetime.datetime
    ) -> list[Operation]:
        """End operations, as far as they are still ours. Those that were."""
        entry = self._entry(started, "Error", error.message)
        now = cell.database.utcnow()

        def write(connection: Any) -> list[Operation]:
            ended = []
            for operation in operations:
                outcome = Outcome(
                    operation_id=operation.uuid,
                    epoch=operation.epoch,
                    entries=(*operation.journal, entry),
                    error=error.message,
                    details=error.message,
                )
                if completion.end(connection, self._conf, operation, outcome, now):
                    ended.append(operation)
            return ended

        return cell.database.write(write)

    def _pass_on(
        self,
        ctx: RequestContext,
        cell: Cell,
        operations: list[Operation],
        specs: dict[str, ServerSpec],
        selections: dict[str, Selection],
        started: datetime.datetime,
    ) -> None:
        entry = self._entry(started, "Success")
        targets = {c.name: c for c in self._cells.all()}
        groups: dict[str, list[Operation]] = {}
        for operation in operations:
            groups.setdefault(selections[operation.instance_uuid].cell, []).append(operation)
        for cell_name, group in groups.items():
            target = targets[cell_name]
            if target.id != cell.id:
                moved = cell_transfer.move(self._cells, cell, target, group)
                group = [operation for operation in group if operation.instance_uuid in moved]
            lost = self._record_hosts(target, group, specs, selections, entry)
            self._release_superseded(target, lost)
            self._tell(ctx, [o for o in group if o not in lost], selections)

    def _release_superseded(self, cell: Cell, operations: list[Operation]) -> None:
        """Give up the claims of servers that were deleted or have failed meanwhile: whoever saw to that may have looked
        for them too early.

        A claim of a server that another conductor is placing, or has placed, is that one's.
        """
        for operation in operations:
            now = cell.database.query(lambda c: operations_db.get(c, operation.uuid))  # noqa: B023
            if now is not None and now.state == OperationState.FAILED:
                over = not cell.database.query(lambda c: servers_db.hosts_of(c, [operation.instance_uuid]))  # noqa: B023
            else:
                over = now is None or now.state == OperationState.SUPERSEDED
            if over:
                self._placement.delete_allocations(operation.instance_uuid)

    def _record_hosts(
        self,
        cell: Cell,
        operations: list[Operation],
        specs: dict[str, ServerSpec],
        selections: dict[str, Selection],
        entry: JournalEntry,
    ) -> list[Operation]:
        now = cell.database.utcnow()

        def write(connection: Any) -> list[Operation]:
            lost = []
            for operation in operations:
                chosen = selections[operation.instance_uuid]
                route, at = routes.current(operation)
                handed = hand_over(
                    connection,
                    self._conf,
                    operation,
                    at + 1,
                    now,
                    route=route,
                    journal=(*operation.journal, entry),
                    host=chosen.host,
                    node=chosen.node,
                    # Without networks the host has nothing to report before the guest.
                    task_state=TaskState.SPAWNING if specs[operation.instance_uuid].networks is None else None,
                    of_row={"endpoint": chosen.endpoint},
                    of_server={
                        "host": chosen.host, "node": chosen.node, "endpoint": chosen.endpoint,
                        "availability_zone": chosen.zone,
                    },
                )  # fmt: skip
                if handed is None:
                    lost.append(operation)
            return lost

        return cell.database.write(write)

    def _tell(self, ctx: RequestContext, operations: list[Operation], selections: dict[str, Selection]) -> None:
        by_host: dict[tuple[str, str], list[str]] = {}
        for operation in operations:
            chosen = selections[operation.instance_uuid]
            by_host.setdefault((chosen.endpoint, chosen.host), []).append(operation.uuid)
        for (endpoint, host), ids in by_host.items():
            self._messenger.hint(ctx, endpoint, host, ids)
