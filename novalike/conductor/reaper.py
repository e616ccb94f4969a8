"""Looks after operations that nobody works on.

An operation says itself when somebody must look at it again (``due_at``). Then:

* ``pending`` on a host: the hint was lost. Say it again.
* ``running``, held by a host: it has been silent for a while. Remind it; if it has lost it, it takes it again.
* on a host that is down: a build goes to another host, a delete is done from here, anything else fails. Should the
  host come back, the epoch has moved on: it can't write, and it removes what is no longer its own.
* ``running``, held by a conductor: that one's lease has run out. Take it over and start over.
* past its deadline: it is given up, whoever has it.
* ended, of a server that is on no host: what arrived late in Placement or Neutron is given back.
"""

import datetime
import logging
import threading
from typing import Any

from oslo_config import cfg

from novalike.conductor import endings
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.hosts import HostStatus
from novalike.conductor.leases import Leases
from novalike.conductor.operations import Messenger
from novalike.conductor.servers import moving
from novalike.conductor.servers.placing import Placer
from novalike.conductor.servers.removal import Remover
from novalike.db.cell import operations as operations_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import Operation, OperationState, Outcome
from novalike.objects.record import utcnow

LOG = logging.getLogger(__name__)

_BATCH = 500


class Reaper:
    """One thread that looks, every ``[conductor] reaper_interval`` seconds."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        cells: Cells,
        messenger: Messenger,
        placer: Placer,
        remover: Remover,
        host_status: HostStatus,
        leases: Leases,
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._messenger = messenger
        self._placer = placer
        self._remover = remover
        self._host_status = host_status
        self._leases = leases
        self._stopping = threading.Event()
        self._draining = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reaper", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def drain(self) -> None:
        """Take nothing over any more; renew the leases of what is under way."""
        self._draining.set()

    def stop(self) -> None:
        """Stop looking."""
        self._stopping.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(self._conf.conductor.reaper_interval):
            try:
                self._leases.renew()
                if not self._draining.is_set():
                    self.look()
            except errors.NovalikeError as error:
                LOG.warning("operations could not be looked after: %s", error)
            except Exception:
                LOG.exception("operations could not be looked after")

    def look(self) -> int:
        """Deal with all that is due. Gives how many operations that were.

        :raises Unavailable: the API database can't be reached.
        """
        return sum(self._cells.each_reachable(self._look_into))

    def _look_into(self, cell: Cell) -> int:
        now = utcnow()
        due = cell.database.query(lambda c: operations_db.due(c, now, _BATCH))
        if not due:
            return 0
        foreign = moving.foreign(self._cells, cell, due)
        if foreign.abandoned:
            moving.remove(cell, [operation for operation in due if operation.instance_uuid in foreign.abandoned])
        elsewhere = foreign.abandoned | foreign.moving
        due = [operation for operation in due if operation.instance_uuid not in elsewhere]
        ids = [operation.uuid for operation in due]
        contexts = cell.database.query(lambda c: operations_db.contexts(c, ids))
        endpoints = cell.database.query(lambda c: operations_db.endpoints(c, ids))
        overdue = cell.database.query(lambda c: operations_db.overdue(c, ids, now))
        self._host_status.of({operation.host for operation in due if operation.host})  # all at once, not each by itself
        for operation in due:
            try:
                ctx, endpoint = RequestContext.from_wire(contexts[operation.uuid]), endpoints[operation.uuid]
                self._look_after(cell, ctx, operation, endpoint, is_overdue=operation.uuid in overdue)
            except errors.Unavailable:
                raise
            except Exception:  # the others don't have to wait for this one
                LOG.exception("operation %s could not be looked after", operation.uuid)
        return len(due)

    def _look_after(
        self, cell: Cell, ctx: RequestContext, operation: Operation, endpoint: str, *, is_overdue: bool
    ) -> None:
        if operation.state not in OperationState.OPEN:
            self._remover.look_after(cell, operation)
        elif is_overdue:
            self._give_up(cell, operation)
        elif operation.host is None:
            self._take_over(cell, ctx, operation)
        elif self._is_down(operation.host):
            self._give_up_on(cell, ctx, operation)
        else:
            self._remind(cell, ctx, operation, endpoint)

    def _is_down(self, host: str) -> bool:
        return self._host_status.of({host}).get(host) == "DOWN"

    def _give_up_on(self, cell: Cell, ctx: RequestContext, operation: Operation) -> None:
        """The host is down: go on without it."""
        LOG.warning("host %s is down: %s of %s goes on without it", operation.host, operation.workflow,
                    operation.instance_uuid)  # fmt: skip
        if operation.workflow == "delete":
            self._take_over(cell, ctx, operation)
        elif endings.may_try_elsewhere(self._conf, operation):
            holder = self._placer.holder
            held = cell.database.write(
                lambda c: endings.try_elsewhere(
                    c, self._conf, operation, holder, journal=operation.journal, vifs=()
                )
            )
            if held:
                self._placer.submit(ctx, cell, [operation.uuid])
        else:
            self._fail(cell, operation, errors.HostDown(host=operation.host), keep=operation.workflow != "create")

    def _give_up(self, cell: Cell, operation: Operation) -> None:
        """Its time is up. Whoever still works on it is fenced."""
        LOG.error("operation %s (%s of %s) is given up: it did not end in time", operation.uuid, operation.workflow,
                  operation.instance_uuid)  # fmt: skip
        self._fail(cell, operation, errors.OperationTimedOut(action=operation.action))

    def _fail(self, cell: Cell, operation: Operation, error: errors.NovalikeError, *, keep: bool = False) -> None:
        outcome = Outcome(
            operation_id=operation.uuid,
            epoch=operation.epoch,
            entries=operation.journal,
            error=error.message,
            keep_vm_state=keep,
        )
        cell.database.write(lambda c: endings.end(c, self._conf, operation, outcome))

    def _remind(self, cell: Cell, ctx: RequestContext, operation: Operation, endpoint: str) -> None:
        later = utcnow() + datetime.timedelta(seconds=self._conf.conductor.operation_resend_after)
        held = cell.database.write(
            lambda c: operations_db.update(c, operation.uuid, operation.epoch, due_at=later)
        )
        if held:
            LOG.info("reminding %s of operation %s (%s)", operation.host, operation.uuid, operation.workflow)
            self._messenger.hint(ctx, endpoint, str(operation.host), [operation.uuid])

    def _take_over(self, cell: Cell, ctx: RequestContext, operation: Operation) -> None:
        now = utcnow()
        values: dict[str, Any] = {
            "state": OperationState.RUNNING,
            "holder": self._placer.holder,
            "host": None,
            "endpoint": None,
            "epoch": operation.epoch + 1,
            "updated_at": now,
            "due_at": now + datetime.timedelta(seconds=self._conf.conductor.operation_lease),
        }
        if not cell.database.write(lambda c: operations_db.update(c, operation.uuid, operation.epoch, **values)):
            return
        LOG.info("taking over operation %s (%s)", operation.uuid, operation.workflow)
        if operation.workflow == "create":
            self._placer.submit(ctx, cell, [operation.uuid])
        else:
            self._remover.submit(ctx, cell, operation.uuid)
