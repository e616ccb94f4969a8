"""The legs of operations that a conductor does itself: in the background, on threads of each leg's own."""

import contextlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, Protocol

from novalike.conductor.cells import Cell
from novalike.conductor.leases import Leases
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operations.action import Direction

LOG = logging.getLogger(__name__)


class Work(Protocol):
    """What does a leg."""

    def __call__(self, ctx: RequestContext, cell: Cell, operation_ids: list[str], /) -> None:
        """Do the leg of some operations of one request, which this conductor holds.

        Who does it again after a crash looks at what is there already. Who has been superseded meanwhile can't write.

        :raises Unavailable: it can't be done now. The operations stay, and are taken up again.
        """


class _Leg(NamedTuple):
    work: Work
    threads: ThreadPoolExecutor


class ConductorLegs:
    """Does legs, and sees to it that none is lost.

    :param leases: what this conductor holds.
    """

    def __init__(self, leases: Leases) -> None:
        self._leases = leases
        self._legs: dict[tuple[str, str, str], _Leg] = {}

    @property
    def holder(self) -> str:
        """Whose operations are done here: this conductor's name as their holder."""
        return self._leases.holder

    def add(
        self, workflow: str, leg: str, work: Work, *, threads: int, direction: Direction = Direction.ON
    ) -> None:
        """Say who does a leg of an action, or takes it back, and how many at a time: legs don't wait for each other."""
        self._legs[workflow, leg, direction] = _Leg(work, ThreadPoolExecutor(threads, thread_name_prefix=leg))

    def submit(
        self,
        ctx: RequestContext,
        cell: Cell,
        workflow: str,
        leg: str,
        direction: str,
        operation_ids: Sequence[str],
    ) -> None:
        """Do a leg of some operations of one request, which this conductor holds, in the background."""
        does = self._legs[workflow, leg, direction]
        does.threads.submit(self._guarded, does.work, ctx, cell, leg, list(operation_ids))

    def stop(self) -> None:
        """Begin nothing more."""
        for does in self._legs.values():
            does.threads.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Finish what has begun."""
        for does in self._legs.values():
            does.threads.shutdown(wait=True)

    def _guarded(self, work: Work, ctx: RequestContext, cell: Cell, leg: str, operation_ids: list[str]) -> None:
        ctx.update_store()
        with self._leases.kept(cell, operation_ids):
            try:
                work(ctx, cell, operation_ids)
                return
            except errors.NovalikeError as error:
                LOG.warning("%s of %d operation(s) was put off: %s", leg, len(operation_ids), error)
            except Exception:
                LOG.exception("%s of %d operation(s) was put off", leg, len(operation_ids))
        # Nothing is lost: whichever conductor looks first starts over; at the latest when the lease has run out.
        with contextlib.suppress(errors.Unavailable):
            self._leases.put_off(cell, operation_ids)
