"""What compute processes take up and report of operations."""

import datetime
import functools
from collections.abc import Sequence
from typing import Any

import msgspec
from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.conductor.operations.advance import advance
from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.hand_over import take_up
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import services as services_db
from novalike.db.cell.operations import Reported
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.network import VersionedVifs, Vif, reconcile
from novalike.objects.operation import Assignment, Operation, OperationState, Outcome, Progress
from novalike.objects.operations import transitions
from novalike.objects.server import ServerSpec

_REMEMBERED = 100_000
# How often recovery looks for all that is to be recovered, if something changes under its hands.
_LOOKS = 5


class OperationReports:
    """Serves what ``bus.journal.Journal`` has about operations."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells, dispatch: Dispatch) -> None:
        self._conf = conf
        self._cells = cells
        self._dispatch = dispatch
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
                mine = take_up(connection, operation, incarnation, now, self._remind_at(now))
                if mine is not None:
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
            operation, recorded, _context = self._held(found, progress.operation_id, progress.epoch)
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
            if progress.percent is not None:
                changes["progress"] = progress.percent
            if progress.vifs is not None:
                changes["vifs"] = _to_record(progress, recorded)
            if progress.task_state is not None:
                passed = transitions.passes(operation.workflow, progress.task_state)
                servers_db.change_state(connection, operation.instance_uuid, passed, **changes)
            else:
                servers_db.update(connection, operation.instance_uuid, **changes)

        cell.database.write(write)

    @staticmethod
    def _held(found: Reported | None, operation_id: str, epoch: int) -> Reported:
        """
        :raises Fenced: the operation has ended, or is someone else's now.
        """
        if found is None or found.operation.epoch != epoch or found.operation.state not in OperationState.OPEN:
            raise errors.Fenced(operation_id=operation_id, epoch=epoch)
        return found

    def finish(self, ctx: RequestContext, *, outcome: Outcome) -> None:
        cell = self._cell_of(outcome.operation_id)
        now = cell.database.utcnow()

        def write(connection: Any) -> tuple[Operation, dict[str, Any]] | None:
            found = operations_db.get_for_report(connection, outcome.operation_id)
            if found is not None and found.operation.epoch == outcome.epoch and found.operation.state in (
                OperationState.DONE, OperationState.FAILED,
            ):  # fmt: skip
                return None  # said twice: the answer to the first time was lost
            operation, recorded, context = self._held(found, outcome.operation_id, outcome.epoch)
            vifs = None if outcome.vifs is None else _to_record(outcome, recorded)
            said = msgspec.structs.replace(outcome, vifs=vifs)
            handed_on = advance(connection, self._conf, operation, said, self._dispatch.holder, now)
            return None if handed_on is None else (handed_on, context)

        goes_on = cell.database.write(write)
        if goes_on is not None:
            handed_on, context = goes_on
            self._dispatch.set_going(RequestContext.from_wire(context), cell, handed_on)


def _to_record(report: Progress | Outcome, recorded: VersionedVifs) -> tuple[Vif, ...]:
    """The interfaces to record: those of a report."""
    reported = report.vifs or ()
    return reported if report.vifs_version == recorded.version else reconcile(reported, recorded.vifs)
