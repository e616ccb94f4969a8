"""Telling whoever has an operation now that there is work: a conductor's own thread, or a host's process."""

import functools
import time

from novalike.conductor.cells import Cell
from novalike.conductor.operations.legs import ConductorLegs
from novalike.conductor.operations.messenger import Messenger
from novalike.db.cell import services as services_db
from novalike.objects.context import RequestContext
from novalike.objects.operation import Operation
from novalike.objects.operations import route as routes

# Seconds for which a host's process is remembered: hosts hardly ever change theirs, and a hint that has gone to the
# wrong one is said again by the reconciler, which asks.
_FRESH = 30.0


class Dispatch:
    """Sets operations going that were just given to somebody. What goes wrong here is put right by the reconciler."""

    def __init__(self, legs: ConductorLegs, messenger: Messenger) -> None:
        self._legs = legs
        self._messenger = messenger
        # Host → the bus address of its process, and when that was read.
        self._endpoints: dict[str, tuple[str, float]] = {}

    @property
    def holder(self) -> str:
        """Whose the legs of conductors are: this conductor's name as their holder."""
        return self._legs.holder

    def set_going(
        self, ctx: RequestContext, cell: Cell, operation: Operation, endpoint: str | None = None
    ) -> None:
        """Tell who has an operation.

        :param endpoint: the bus address of its host's process, if it is known.
        :raises Unavailable: the database can't be reached.
        """
        if operation.host is None:
            route, at = routes.current(operation)
            self._legs.submit(ctx, cell, operation.workflow, route[at].leg, operation.direction, [operation.uuid])
            return
        endpoint = endpoint or self._endpoint_at(cell, operation.host)
        if endpoint is not None:
            self._endpoints[operation.host] = (endpoint, time.monotonic())
            self._messenger.hint(ctx, endpoint, operation.host, [operation.uuid])

    def _endpoint_at(self, cell: Cell, host: str) -> str | None:
        known = self._endpoints.get(host)
        if known is not None and time.monotonic() - known[1] < _FRESH:
            return known[0]
        return cell.database.query(functools.partial(services_db.endpoint_at, host=host))
