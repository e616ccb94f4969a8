"""Finding hosts for new servers: scheduler, claim, record, hand over.

An operation in here is ``running`` and held by a conductor. It leaves by being handed to a host (``pending``),
by failing, or, when the conductor dies, by its lease running out: then another conductor starts over, which is
safe because the scheduler drops a server's earlier claim first.
"""

import contextlib
import datetime
import functools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
from oslo_config import cfg

from novalike.bus.scheduler import Scheduler
from novalike.bus.transport import Transport
from novalike.conductor import endings
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.leases import Leases
from novalike.conductor.operations import Messenger
from novalike.conductor.servers import moving
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import services as services_db
from novalike.objects import errors, lifecycle
from novalike.objects.context import RequestContext
from novalike.objects.lifecycle import TaskState
from novalike.objects.operation import JournalEntry, Operation, OperationState, Outcome
from novalike.objects.record import utcnow
from novalike.objects.scheduling import SchedulingRequest, Selection, Selections
from novalike.objects.server import ServerSpec

LOG = logging.getLogger(__name__)

EVENT = "conductor_place"


class Placer:
    """Places servers, a few requests at a time.

    :param release: gives up a server's claim in Placement.
    :param leases: what this conductor holds.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        cells: Cells,
        transport: Transport,
        messenger: Messenger,
        release: Callable[[str], object],
        leases: Leases,
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._messenger = messenger
        self._release = release
        self._leases = leases
        self.holder = leases.holder
        self._scheduler: Scheduler = transport.client(Scheduler)
        self._pool = ThreadPoolExecutor(conf.conductor.orchestration_pool_size, thread_name_prefix="place")

    def submit(self, ctx: RequestContext, cell: Cell, operation_ids: Sequence[str]) -> None:
        """Place the servers of some ``create`` operations, which this conductor holds, in the background."""
        self._pool.submit(self._guarded, ctx, cell, list(operation_ids))

    def stop(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Finish what has begun."""
        self._pool.shutdown(wait=True)

    def _guarded(self, ctx: RequestContext, cell: Cell, operation_ids: list[str]) -> None:
        ctx.update_store()
        with self._leases.kept(cell, operation_ids):
            try:
                self.place(ctx, cell, operation_ids)
                return
            except errors.NovalikeError as error:
                LOG.warning("placing %d server(s) was put off: %s", len(operation_ids), error)
            except Exception:
                LOG.exception("placing %d server(s) was put off", len(operation_ids))
        # Nothing is lost: whichever conductor looks first starts over; at the latest when the lease has run out.
        with contextlib.suppress(errors.Unavailable):
            self._leases.put_off(cell, operation_ids)

    def place(self, ctx: RequestContext, cell: Cell, operation_ids: list[str]) -> None:
        """Find hosts for servers of one create request (they are all alike).

        :raises Unavailable: the scheduler or the database can't be reached.
        """
        operations, specs, wish = cell.database.query(lambda c: servers_db.to_place(c, operation_ids, self.holder))
        if wish is None:
            return
        started = utcnow()
        for operation in operations:
            if operation.epoch > 1:
                # An earlier try may have left a claim that nobody knows of.
                self._release(operation.instance_uuid)
        answer = self._choose(ctx, cell, operation_ids, self._scheduling_request(operations, specs, wish))
        by_instance = {selection.instance_uuid: selection for selection in answer.selections}
        placed = [o for o in operations if o.instance_uuid in by_instance]
        failed = [o for o in operations if o.instance_uuid not in by_instance]
        if failed:
            reason = errors.NoValidHost(reason=answer.explain())
            LOG.info("no host for %d server(s): %s", len(failed), reason)
            self._fail(cell, failed, reason, started)
        self._hand_over(ctx, cell, placed, specs, by_instance, started)

    def _choose(
        self, ctx: RequestContext, cell: Cell, operation_ids: list[str], request: SchedulingRequest
    ) -> Selections:
        """Claimed hosts, none of which has been disabled. When the scheduler has used an older answer of Placement, it
        may not know that yet."""
        answer = self._scheduler.select(ctx, request=request)
        if request.force_host or not answer.on_old_candidates:
            return answer
        hosts: dict[str, list[str]] = {}
        for selection in answer.selections:
            hosts.setdefault(selection.cell, []).append(selection.host)
        cells = [c for c in self._cells.compute_cells() if c.name in hosts]
        if not any(c.database.query(functools.partial(services_db.disabled_among, hosts=hosts[c.name])) for c in cells):
            return answer
        # All of them: the next choice might be another one.
        disabled = {host for c in self._cells.compute_cells() for host in c.database.query(services_db.disabled)}
        # What another conductor has taken over meanwhile is its own, claims and all.
        held, _, _ = cell.database.query(lambda c: servers_db.to_place(c, operation_ids, self.holder))
        ours = {operation.instance_uuid for operation in held}
        elsewhere = tuple(s.instance_uuid for s in answer.selections if s.host in disabled and s.instance_uuid in ours)
        if not elsewhere:
            return answer
        LOG.info("asking again for hosts for %d server(s) instead of such as are disabled", len(elsewhere))
        for uuid in elsewhere:
            self._release(uuid)
        excluded = (*request.excluded_hosts, *sorted(disabled))
        request = msgspec.structs.replace(request, instance_uuids=elsewhere, excluded_hosts=excluded)
        again = self._scheduler.select(ctx, request=request)
        kept = tuple(s for s in answer.selections if s.host not in disabled)
        return Selections(selections=(*kept, *again.selections), rejections=again.rejections)

    def _scheduling_request(
        self, operations: list[Operation], specs: dict[str, ServerSpec], wish: servers_db.Wish
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
            host=wish.host,
            node=wish.node,
            force_host=wish.force_host,
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
        entry = self._entry(started, "Error", error.message)

        def write(connection: Any) -> None:
            for operation in operations:
                outcome = Outcome(
                    operation_id=operation.uuid,
                    epoch=operation.epoch,
                    entries=(*operation.journal, entry),
                    error=error.message,
                    details=error.message,
                )
                endings.end(connection, self._conf, operation, outcome)

        cell.database.write(write)

    def _hand_over(
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
                moved = moving.move(self._cells, cell, target, group)
                group = [operation for operation in group if operation.instance_uuid in moved]
            lost = self._record_hosts(target, group, specs, selections, entry)
            self._release_superseded(target, lost)
            self._tell(ctx, [o for o in group if o not in lost], selections)

    def _release_superseded(self, cell: Cell, operations: list[Operation]) -> None:
        """Give up the claims of servers that were deleted meanwhile: whoever did may have looked for them too early.

        A claim of a server that another conductor is placing, or has placed, is that one's.
        """
        for operation in operations:
            now = cell.database.query(lambda c: operations_db.get(c, operation.uuid))  # noqa: B023
            if now is None or now.state == OperationState.SUPERSEDED:
                self._release(operation.instance_uuid)

    def _record_hosts(
        self,
        cell: Cell,
        operations: list[Operation],
        specs: dict[str, ServerSpec],
        selections: dict[str, Selection],
        entry: JournalEntry,
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
                # Without networks the host has nothing to report before the guest.
                bare = specs[operation.instance_uuid].networks is None
                servers_db.change_state(
                    connection,
                    operation.instance_uuid,
                    lifecycle.passes("create", TaskState.SPAWNING if bare else TaskState.NETWORKING),
                    host=chosen.host,
                    node=chosen.node,
                    endpoint=chosen.endpoint,
                    availability_zone=chosen.zone,
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
