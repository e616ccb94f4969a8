"""Telling whoever has an operation now that there is work: a conductor's own thread, or a host's process."""

import functools

from novalike.conductor.cells import Cell
from novalike.conductor.operations.legs import ConductorLegs
from novalike.conductor.operations.messenger import Messenger
from novalike.db.cell import services as services_db
from novalike.objects.context import RequestContext
from novalike.objects.operation import Operation
from novalike.objects.operations import route as routes


class Dispatch:
    """Sets operations going that were just given to somebody. What goes wrong here is put right by the reconciler."""

    def __init__(self, legs: ConductorLegs, messenger: Messenger) -> None:
        self._legs = legs
        self._messenger = messenger

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
        if endpoint is None:
            endpoint = cell.database.query(functools.partial(services_db.endpoint_at, host=operation.host))
        if endpoint is not None:
            self._messenger.hint(ctx, endpoint, operation.host, [operation.uuid])
