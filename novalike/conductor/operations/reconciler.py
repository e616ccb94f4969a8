"""Looks after operations that nobody works on.

An operation says itself when somebody must look at it again (``due_at``). Then:

* ``pending`` on a host: the hint was lost. Say it again.
* ``running``, held by a host: it has been silent for a while. Remind it; if it has lost it, it takes it again.
* on a host that is down: what its leg says (``WhenDown``): a build goes to another host, a delete is done from here,
  anything else fails. Should the host come back, the epoch has moved on: it can't write, and it removes what is no
  longer its own.
* ``running``, held by a conductor: that one's lease has run out. Take it over and start over.
* past its deadline: it is given up, whoever has it.
* a server's time has come: what its record says is begun (``waking``);
* ended, of a server that is on no host: what arrived late in Placement or Neutron is given back (``cleanup``).

Those that have waited longest come first. What can't be dealt with is put off for longer and longer, and ended
operations have a budget of their own: however many there are, the others don't wait for them.
"""

import datetime
import logging
import threading
import time

from oslo_config import cfg

from novalike.conductor.cells import Cell, Cells
from novalike.conductor.hosts import HostStatus
from novalike.conductor.leases import Leases, growing_pause
from novalike.conductor.operations.advance import advance
from novalike.conductor.operations.cleanup import Cleanup
from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.hand_over import hand_over
from novalike.conductor.operations.waking import Waker
from novalike.conductor.servers import cell_transfer
from novalike.db import handled_requests
from novalike.db.cell import operations as operations_db
from novalike.db.cell.operations import Due
from novalike.db.engine import Database
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import Operation, Outcome
from novalike.objects.operations import ACTIONS
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Direction, WhenDown

LOG = logging.getLogger(__name__)

_BATCH = 500
# Seconds for which one that can't be looked after is put off at most.
_LONGEST_PAUSE = 60.0
# For how long a command may be asked again: a process that was frozen may have it. And how often we look, in seconds.
_REMEMBERED = datetime.timedelta(days=1)
_FORGET_EVERY = 3600.0


class Reconciler:
    """One thread that looks, every ``[conductor] reaper_interval`` seconds."""

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        cells: Cells,
        dispatch: Dispatch,
        cleanup: Cleanup,
        host_status: HostStatus,
        leases: Leases,
        waker: Waker,
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._dispatch = dispatch
        self._cleanup = cleanup
        self._host_status = host_status
        self._leases = leases
        self._waker = waker
        self._forgot_at = time.monotonic()
        self._stopping = threading.Event()
        self._draining = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reconciler", daemon=True)

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
                    self._forget_requests()
            except errors.NovalikeError as error:
                LOG.warning("operations could not be looked after: %s", error)
            except Exception:
                LOG.exception("operations could not be looked after")

    def _forget_requests(self) -> None:
        """Remove the notes on commands that can't be asked again any more, every hour.

        :raises Unavailable: the API database can't be reached.
        """
        if time.monotonic() - self._forgot_at < _FORGET_EVERY:
            return
        self._forgot_at = time.monotonic()

        def forget(database: Database) -> None:
            before = database.utcnow() - _REMEMBERED
            database.write(lambda c: handled_requests.forget(c, before))

        forget(self._cells.api)
        self._cells.each_reachable(lambda cell: forget(cell.database))

    def look(self) -> int:
        """Deal with all that is due. Gives how many operations that were.

        :raises Unavailable: the API database can't be reached.
        """
        self._cells.each_reachable(self._waker.look_into)
        open_ones = sum(self._cells.each_reachable(self._look_into))
        return open_ones + sum(self._cells.each_reachable(self._cleanup.look_into))

    def _look_into(self, cell: Cell) -> int:
        now = cell.database.utcnow()
        found = cell.database.query(lambda c: operations_db.due(c, now, _BATCH))
        if not found:
            return 0
        foreign = cell_transfer.foreign(self._cells, cell, [due.operation for due in found])
        if foreign.abandoned:
            abandoned = [due.operation for due in found if due.operation.instance_uuid in foreign.abandoned]
            cell_transfer.remove(cell, abandoned)
        elsewhere = foreign.abandoned | foreign.moving
        found = [due for due in found if due.operation.instance_uuid not in elsewhere]
        self._host_status.of({due.operation.host for due in found if due.operation.host})  # at once, not each by itself
        for due in found:
            try:
                self._look_after(cell, due, now)
            except errors.Unavailable:
                raise
            except Exception:  # the others don't have to wait for this one
                LOG.exception("operation %s could not be looked after", due.operation.uuid)
                self._put_off(cell, due.operation, now)
        return len(found)

    def _put_off(self, cell: Cell, operation: Operation, now: datetime.datetime) -> None:
        pause = growing_pause(now - operation.start_time, self._conf.conductor.reaper_interval, _LONGEST_PAUSE)
        cell.database.write(lambda c: operations_db.postpone(c, operation.uuid, operation.epoch, now + pause))

    def _look_after(self, cell: Cell, due: Due, now: datetime.datetime) -> None:
        operation, ctx = due.operation, RequestContext.from_wire(due.context)
        if due.deadline is not None and due.deadline <= now:
            self._give_up(cell, ctx, operation)
        elif operation.host is None:
            self._take_over(cell, ctx, operation)
        elif due.endpoint is None or self._is_down(operation.host):
            self._give_up_on(cell, ctx, operation)
        else:
            self._remind(cell, ctx, operation, due.endpoint)

    def _is_down(self, host: str) -> bool:
        return self._host_status.of({host}).get(host) == "DOWN"

    def _give_up_on(self, cell: Cell, ctx: RequestContext, operation: Operation) -> None:
        """The host is down: go on without it."""
        LOG.warning("host %s is down: %s of %s goes on without it", operation.host, operation.workflow,
                    operation.instance_uuid)  # fmt: skip
        route, at = routes.current(operation)
        leg = ACTIONS[operation.workflow].leg(route[at].leg)
        # The host takes back what it has done of this leg when it comes again.
        without = routes.replace(route, at, skipped=True)
        when_down = leg.when_down if operation.direction == Direction.ON else leg.back_when_down
        if when_down is WhenDown.SKIP:
            outcome = self._outcome(operation)
        else:
            outcome = self._outcome(
                operation,
                errors.HostDown(host=operation.host),
                reschedule=when_down is WhenDown.ELSEWHERE,
                # If it is the first to do anything, nothing has happened to the server yet.
                keep_vm_state=not any(stop.epoch for stop in route[:at]),
            )
        now = cell.database.utcnow()
        handed_on = cell.database.write(
            lambda c: advance(c, self._conf, operation, outcome, self._dispatch.holder, now, route=without)
        )
        if handed_on is not None:
            self._dispatch.set_going(ctx, cell, handed_on)

    def _give_up(self, cell: Cell, ctx: RequestContext, operation: Operation) -> None:
        """Its time is up: it is taken back, or ends. Whoever still works on it is fenced."""
        LOG.error("operation %s (%s of %s) is given up: it did not end in time", operation.uuid, operation.workflow,
                  operation.instance_uuid)  # fmt: skip
        # What it has done so far may be anything.
        outcome = self._outcome(operation, errors.OperationTimedOut(action=operation.action), clean=False)
        now = cell.database.utcnow()
        handed_on = cell.database.write(
            lambda c: advance(c, self._conf, operation, outcome, self._dispatch.holder, now)
        )
        if handed_on is not None:
            self._dispatch.set_going(ctx, cell, handed_on)

    @staticmethod
    def _outcome(operation: Operation, error: errors.NovalikeError | None = None, **facts: bool) -> Outcome:
        """How an operation went on of which nobody has reported."""
        return Outcome(
            operation_id=operation.uuid,
            epoch=operation.epoch,
            entries=operation.journal,
            error=None if error is None else error.message,
            **facts,  # type: ignore[arg-type]
        )

    def _remind(self, cell: Cell, ctx: RequestContext, operation: Operation, endpoint: str) -> None:
        later = cell.database.utcnow() + datetime.timedelta(seconds=self._conf.conductor.operation_resend_after)
        held = cell.database.write(
            lambda c: operations_db.update(c, operation.uuid, operation.epoch, due_at=later)
        )
        if held:
            LOG.info("reminding %s of operation %s (%s)", operation.host, operation.uuid, operation.workflow)
            self._dispatch.set_going(ctx, cell, operation, endpoint)

    def _take_over(self, cell: Cell, ctx: RequestContext, operation: Operation) -> None:
        """Go on with what another conductor has left."""
        route, at = routes.current(operation)
        now = cell.database.utcnow()
        mine = cell.database.write(
            lambda c: hand_over(
                c,
                self._conf,
                operation,
                at,
                now,
                route=route,
                journal=operation.journal,
                holder=self._dispatch.holder,
                direction=Direction(operation.direction),
            )
        )
        if mine is not None:
            LOG.info("operation %s (%s): %s is taken over", mine.uuid, mine.workflow, route[at].leg)
            self._dispatch.set_going(ctx, cell, mine)
