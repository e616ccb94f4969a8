"""What compute processes take up and report: the other half of every operation."""

import datetime
import functools
import logging
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from oslo_config import cfg

from novalike.conductor import endings
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.hosts import HostReports
from novalike.conductor.operations import Messenger
from novalike.conductor.servers.placing import Placer
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import services as services_db
from novalike.db.cell import tables as t
from novalike.db.cell import vifs as vifs_db
from novalike.objects import errors, lifecycle
from novalike.objects.context import RequestContext
from novalike.objects.host import Heartbeat, NodeReport
from novalike.objects.network import VersionedVifs, Vif, reconcile
from novalike.objects.operation import Assignment, Operation, OperationState, Outcome, Progress
from novalike.objects.server import Server, ServerSpec

LOG = logging.getLogger(__name__)

_REMEMBERED = 100_000
# How often recovery looks for all that is to be recovered, if something changes under its hands.
_LOOKS = 5


class JournalHandler:
    """Serves ``bus.journal.Journal``."""

    def __init__(
        self, conf: cfg.ConfigOpts, cells: Cells, reports: HostReports, placer: Placer, messenger: Messenger
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._reports = reports
        self._placer = placer
        self._messenger = messenger
        # A memory of where operations are; it may be emptied at any time.
        self._cell_of_operation: dict[str, int] = {}

    def accept(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, operation_ids: tuple[str, ...]
    ) -> tuple[Assignment, ...]:
        taken: list[Assignment] = []
        for cell in self._cells.compute_cells():
            found = cell.database.query(
                functools.partial(servers_db.to_accept, ids=operation_ids, endpoint=endpoint, holder=incarnation)
            )
            taken += self._assign(cell, found, incarnation)
            if len(taken) == len(operation_ids):
                break
        return tuple(taken)

    def recover(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, hosts: tuple[str, ...]
    ) -> tuple[Assignment, ...]:
        taken: list[Assignment] = []
        for cell in self._cells.compute_cells():
            # The process may be another one than the hosts had last.
            now = cell.database.utcnow()
            mine = functools.partial(services_db.take_over, hosts=hosts, endpoint=endpoint, incarnation=incarnation)
            cell.database.query(functools.partial(mine, now=now))
            taken += self._recover(cell, incarnation, hosts)
        return tuple(taken)

    def _recover(self, cell: Cell, incarnation: str, hosts: tuple[str, ...]) -> list[Assignment]:
        mine: list[Assignment] = []
        for _ in range(_LOOKS):
            found = cell.database.query(functools.partial(servers_db.to_recover, hosts=hosts))
            mine = self._assign(cell, found, incarnation)
            if len(mine) == len(found):
                break
            # What the dead process had asked for last was done meanwhile. Those taken already are taken again.
        return mine

    def _assign(
        self, cell: Cell, found: Sequence[tuple[Operation, ServerSpec]], incarnation: str
    ) -> list[Assignment]:
        if not found:
            return []
        now = cell.database.utcnow()

        def write(connection: Any) -> list[Assignment]:
            taken = []
            for operation, spec in found:
                # Asked twice: what the first answer led to must not be fenced by the second one.
                epoch = operation.epoch + (operation.holder != incarnation)
                # Reports are counted anew. Who had it before may have said something since it was read.
                sequence = 0 if epoch > operation.epoch else operation.sequence
                values = {
                    "state": OperationState.RUNNING, "holder": incarnation, "epoch": epoch, "updated_at": now,
                    "due_at": self._remind_at(now), "sequence": sequence,
                }  # fmt: skip
                if operations_db.update(connection, operation.uuid, operation.epoch, **values):
                    mine = msgspec.structs.replace(
                        operation, epoch=epoch, holder=incarnation, state=OperationState.RUNNING, sequence=sequence
                    )
                    taken.append(Assignment(operation=mine, spec=spec))
            return taken

        # A single one is a single statement, which needs no transaction.
        taken = cell.database.query(write) if len(found) == 1 else cell.database.write(write)
        self._remember(cell, [assignment.operation for assignment in taken])
        return taken

    def _remind_at(self, now: datetime.datetime) -> datetime.datetime:
        """When a host that has been heard now has been silent for too long."""
        return now + datetime.timedelta(seconds=self._conf.conductor.operation_remind_after)

    def _remember(self, cell: Cell, operations: Sequence[Operation]) -> None:
        if len(self._cell_of_operation) > _REMEMBERED:
            self._cell_of_operation.clear()
        self._cell_of_operation.update((operation.uuid, cell.id) for operation in operations)

    def _cell_of(self, operation_id: str) -> Cell:
        """
        :raises Fenced: no cell knows the operation.
        """
        cells = self._cells.compute_cells()
        if len(cells) == 1:
            return cells[0]
        known = self._cell_of_operation.get(operation_id)
        if known is not None:
            return self._cells.by_id(known)
        for cell in cells:
            found = cell.database.query(lambda c: operations_db.get(c, operation_id))
            if found is not None:
                self._remember(cell, [found])
                return cell
        raise errors.Fenced(operation_id=operation_id, epoch="any")

    def progress(self, ctx: RequestContext, *, progress: Progress) -> None:
        cell = self._cell_of(progress.operation_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> None:
            found = operations_db.get_for_report(connection, progress.operation_id)
            operation, recorded = self._held(found, progress.operation_id, progress.epoch)
            sequence = operation.sequence + 1 if progress.sequence is None else progress.sequence
            if sequence <= operation.sequence:
                return  # it was overtaken, or said twice
            operations_db.update(
                connection,
                operation.uuid,
                operation.epoch,
                journal=progress.entries,
                sequence=sequence,
                updated_at=now,
                due_at=self._remind_at(now),
            )
            changes: dict[str, Any] = {"updated_at": now}
            if progress.vifs is not None:
                changes["vifs"] = _to_record(progress, recorded)
            if progress.task_state is not None:
                passed = lifecycle.passes(operation.workflow, progress.task_state)
                servers_db.change_state(connection, operation.instance_uuid, passed, **changes)
            else:
                servers_db.update(connection, operation.instance_uuid, **changes)

        cell.database.write(write)

    @staticmethod
    def _held(
        found: tuple[Operation, VersionedVifs] | None, operation_id: str, epoch: int
    ) -> tuple[Operation, VersionedVifs]:
        """
        :raises Fenced: the operation has ended, or is someone else's now.
        """
        if found is None or found[0].epoch != epoch or found[0].state not in OperationState.OPEN:
            raise errors.Fenced(operation_id=operation_id, epoch=epoch)
        return found

    def finish(self, ctx: RequestContext, *, outcome: Outcome) -> None:
        cell = self._cell_of(outcome.operation_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> Operation | None:
            found = operations_db.get_for_report(connection, outcome.operation_id)
            if found is not None and found[0].epoch == outcome.epoch and found[0].state in (
                OperationState.DONE, OperationState.FAILED,
            ):  # fmt: skip
                return None  # said twice: the answer to the first time was lost
            operation, recorded = self._held(found, outcome.operation_id, outcome.epoch)
            vifs = None if outcome.vifs is None else _to_record(outcome, recorded)
            if outcome.error is not None and outcome.reschedule and endings.may_try_elsewhere(self._conf, operation):
                endings.try_elsewhere(
                    connection, self._conf, operation, self._placer.holder, now, journal=outcome.entries, vifs=vifs
                )
                return operation
            endings.end(connection, self._conf, operation, msgspec.structs.replace(outcome, vifs=vifs), now)
            return None

        again = cell.database.write(write)
        if again is not None:
            origin = cell.database.query(lambda c: operations_db.contexts(c, [again.uuid]))[again.uuid]
            self._placer.submit(RequestContext.from_wire(origin), cell, [again.uuid])

    def heartbeat(self, ctx: RequestContext, *, beat: Heartbeat) -> None:
        self._reports.heartbeat(ctx, beat=beat)

    def report_nodes(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, nodes: tuple[NodeReport, ...]
    ) -> tuple[str, ...]:
        return self._reports.report_nodes(ctx, endpoint=endpoint, incarnation=incarnation, nodes=nodes)

    def list_host_servers(
        self, ctx: RequestContext, *, hosts: tuple[str, ...], guests: tuple[str, ...] = ()
    ) -> tuple[Server, ...]:
        found: list[Server] = []
        for cell in self._cells.compute_cells():
            found += cell.database.query(lambda c: servers_db.on_hosts(c, hosts))
            if guests:
                known = {server.uuid for server in found}
                others = cell.database.query(lambda c: servers_db.among(c, guests))
                found += [server for server in others if server.uuid not in known]
        missing = set(guests) - {server.uuid for server in found}
        if missing:
            # What a host still has of servers that were deleted it must hear of, archived or not.
            for cell in self._cells.compute_cells():
                found += cell.database.query(lambda c: servers_db.archived_among(c, list(missing)))
        return tuple(found)

    def power_states(
        self,
        ctx: RequestContext,
        *,
        host: str,
        states: dict[str, int],
        seen: dict[str, datetime.datetime | None] = {},  # noqa: B006
    ) -> None:
        cell = self._reports.cell_of([host])
        i = t.instances.c

        now = cell.database.utcnow()

        def write(connection: Any) -> None:
            mine = (i.uuid.in_(states), i.host == host, i.task_state.is_(None), i.deleted == sa.false())
            columns = sa.select(i.uuid, i.vm_state, i.power_state, i.updated_at)
            for uuid, vm_state, power_state, updated_at in connection.execute(columns.where(*mine)).all():
                change = lifecycle.observed(vm_state, states[uuid])
                known = power_state == states[uuid] and "vm_state" not in change.values
                if not known and seen.get(uuid, updated_at) == updated_at:
                    servers_db.change_state(connection, uuid, change, updated_at=now)

        cell.database.write(write)

    def vifs_changed(self, ctx: RequestContext, *, instance_uuid: str, vifs: tuple[Vif, ...]) -> None:
        seen = self.refresh_vifs(ctx, instance_uuid=instance_uuid, vifs=vifs, version=-1)
        if seen is not None:
            self.refresh_vifs(ctx, instance_uuid=instance_uuid, vifs=vifs, version=seen.version)

    def refresh_vifs(
        self, ctx: RequestContext, *, instance_uuid: str, vifs: tuple[Vif, ...], version: int
    ) -> VersionedVifs | None:
        try:
            cell = self._cells.of_instance(instance_uuid)
        except errors.InstanceNotFound:
            return None
        now = cell.database.utcnow()

        def write(connection: Any) -> VersionedVifs | None:
            if vifs_db.replace(connection, instance_uuid, vifs, version, now):
                return None
            return vifs_db.get(connection, instance_uuid)

        return cell.database.query(write)


def _to_record(report: Progress | Outcome, recorded: VersionedVifs) -> tuple[Vif, ...]:
    """The interfaces to record: those of a report."""
    reported = report.vifs or ()
    return reported if report.vifs_version == recorded.version else reconcile(reported, recorded.vifs)
