"""Finding hosts for new servers: scheduler, claim, record, hand over.

An operation in here is ``running`` and held by a conductor. It leaves by being handed to a host (``pending``),
by failing, or, when the conductor dies, by its lease running out: then another conductor starts over, which is
safe because the scheduler drops a server's earlier claim first.
"""

import datetime
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from oslo_config import cfg

from novalike.bus.scheduler import Scheduler
from novalike.bus.transport import Transport
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.operations import Messenger
from novalike.conductor.servers import moving
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.lifecycle import TaskState, VmState
from novalike.objects.operation import JournalEntry, Operation, OperationState
from novalike.objects.record import utcnow
from novalike.objects.scheduling import SchedulingRequest, Selection
from novalike.objects.server import Fault, ServerSpec

LOG = logging.getLogger(__name__)

EVENT = "conductor_place"


class Placer:
    """Places servers, a few requests at a time.

    :param release: gives up a server's claim in Placement.
    :param holder: this conductor.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        cells: Cells,
        transport: Transport,
        messenger: Messenger,
        release: Callable[[str], object],
        holder: str,
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._messenger = messenger
        self._release = release
        self.holder = holder
        self._scheduler: Scheduler = transport.client(Scheduler)
        self._pool = ThreadPoolExecutor(conf.conductor.orchestration_pool_size, thread_name_prefix="place")

    def submit(self, ctx: RequestContext, cell: Cell, operation_ids: Sequence[str]) -> None:
        """Place the servers of some ``create`` operations, which this conductor holds, in the background."""
        self._pool.submit(self._guarded, ctx, cell, list(operation_ids))

    def stop(self) -> None:
        """Finish what has begun and take nothing new."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _guarded(self, ctx: RequestContext, cell: Cell, operation_ids: list[str]) -> None:
        ctx.update_store()
        try:
            self.place(ctx, cell, operation_ids)
        except errors.NovalikeError as error:
            # Nothing is lost: the lease runs out and the reaper brings it back.
            LOG.warning("placing %d server(s) was put off: %s", len(operation_ids), error)
        except Exception:
            LOG.exception("placing %d server(s) was put off", len(operation_ids))

    def place(self, ctx: RequestContext, cell: Cell, operation_ids: list[str]) -> None:
        """Find hosts for servers of one create request (they are all alike).

        :raises Unavailable: the scheduler or the database can't be reached.
        """

        def load(connection: Any) -> tuple[list[Operation], dict[str, ServerSpec], Any]:
            held = operations_db.find(
                connection, operations_db.O.uuid.in_(operation_ids), operations_db.O.holder == self.holder
            )
            ids = [operation.instance_uuid for operation in held]
            return held, *(servers_db.to_place(connection, ids) if ids else ({}, None))

        operations, specs, asked = cell.database.query(load)
        if not operations:
            return
        started = utcnow()
        request = self._scheduling_request(operations, specs, asked)
        try:
            answer = self._scheduler.select(ctx, request=request)
        except errors.Unavailable as error:
            self._put_off(cell, operations, error)
            return
        by_instance = {selection.instance_uuid: selection for selection in answer.selections}
        placed = [o for o in operations if o.instance_uuid in by_instance]
        failed = [o for o in operations if o.instance_uuid not in by_instance]
        if failed:
            reason = errors.NoValidHost(reason=answer.explain())
            LOG.info("no host for %d server(s): %s", len(failed), reason)
            self._fail(cell, failed, reason, started)
        self._hand_over(ctx, cell, placed, by_instance, started)

    def _scheduling_request(
        self, operations: list[Operation], specs: dict[str, ServerSpec], asked: Any
    ) -> SchedulingRequest:
        first = specs[operations[0].instance_uuid]
        server = first.server
        return SchedulingRequest(
            project_id=server.project_id,
            user_id=server.user_id,
            instance_uuids=tuple(operation.instance_uuid for operation in operations),
            flavor=server.flavor,
            image=first.image,
            availability_zone=server.availability_zone,
            host=asked.requested_host,
            node=asked.requested_node,
            force_host=asked.force_host,
            hints=server.scheduler_hints,
            excluded_hosts=tuple(operations[0].params.get("excluded_hosts", ())),
            instance_hosts=self._hosts_of_hints(server.scheduler_hints),
        )

    def _hosts_of_hints(self, hints: dict[str, Any]) -> dict[str, str]:
        named: set[str] = set()
        for key in ("same_host", "different_host"):
            value = hints.get(key, ())
            named.update([value] if isinstance(value, str) else value)
        found: dict[str, str] = {}
        if named:
            for cell in self._cells.all():
                found.update(cell.database.query(lambda c: servers_db.hosts_of(c, sorted(named))))
        return found

    def _put_off(self, cell: Cell, operations: list[Operation], error: errors.Unavailable) -> None:
        """The scheduler or Placement isn't there: try again soon, by whichever conductor looks first."""
        LOG.warning("placing %d server(s) is put off: %s", len(operations), error)
        due = utcnow() + datetime.timedelta(seconds=self._conf.conductor.reaper_interval)

        def write(connection: Any) -> None:
            for operation in operations:
                operations_db.update(connection, operation.uuid, operation.epoch, due_at=due, holder=None)

        cell.database.write(write)

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
    ) -> None:
        now = utcnow()
        entry = self._entry(started, "Error", error.message)

        def write(connection: Any) -> None:
            for operation in operations:
                if operations_db.update(
                    connection,
                    operation.uuid,
                    operation.epoch,
                    state=OperationState.FAILED,
                    finish_time=now,
                    updated_at=now,
                    due_at=None,
                    holder=None,
                    message="Error",
                    journal=(*operation.journal, entry),
                ):
                    servers_db.update(
                        connection,
                        operation.instance_uuid,
                        vm_state=VmState.ERROR,
                        task_state=None,
                        updated_at=now,
                        fault=Fault(code=500, message=error.message[:255], created_at=now, details=error.message),
                    )

        cell.database.write(write)

    def _hand_over(
        self,
        ctx: RequestContext,
        cell: Cell,
        operations: list[Operation],
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
                moving.move(self._cells, cell, target, [o.instance_uuid for o in group])
            lost = self._record_hosts(target, group, selections, entry)
            for operation in lost:
                # Deleted meanwhile: whoever deletes it may have looked for the claim before we made it.
                self._release(operation.instance_uuid)
            self._tell(ctx, [o for o in group if o not in lost], selections)

    def _record_hosts(
        self, cell: Cell, operations: list[Operation], selections: dict[str, Selection], entry: JournalEntry
    ) -> list[Operation]:
        now = utcnow()
        due = now + datetime.timedelta(seconds=self._conf.conductor.operation_resend_after)

        def write(connection: Any) -> list[Operation]:
            lost = []
            for operation in operations:
                chosen = selections[operation.instance_uuid]
                held = operations_db.update(
                    connection,
                    operation.uuid,
                    operation.epoch,
                    state=OperationState.PENDING,
                    epoch=operation.epoch + 1,
                    holder=None,
                    host=chosen.host,
                    endpoint=chosen.endpoint,
                    due_at=due,
                    updated_at=now,
                    journal=(*operation.journal, entry),
                )
                if not held:
                    lost.append(operation)
                    continue
                servers_db.update(
                    connection,
                    operation.instance_uuid,
                    host=chosen.host,
                    node=chosen.node,
                    endpoint=chosen.endpoint,
                    availability_zone=chosen.zone,
                    task_state=TaskState.NETWORKING,
                    updated_at=now,
                )
            return lost

        return cell.database.write(write)

    def _tell(self, ctx: RequestContext, operations: list[Operation], selections: dict[str, Selection]) -> None:
        by_host: dict[tuple[str, str], list[str]] = {}
        for operation in operations:
            chosen = selections[operation.instance_uuid]
            by_host.setdefault((chosen.endpoint, chosen.host), []).append(operation.uuid)
        for (endpoint, host), ids in by_host.items():
            self._messenger.hint(ctx, endpoint, host, ids)
