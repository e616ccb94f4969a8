"""Finding hosts: the scheduler chooses and claims them.

Who looks for a host again looks at what earlier tries have claimed, then makes sure that the operation is still its
own, then has the scheduler keep or overwrite that claim and no other. So whoever was given up and doesn't know it yet
can neither take away nor replace the claim of his successor: Placement counts what is written for a server.
"""

import functools
import logging
from collections.abc import Sequence
from typing import Any

import msgspec

from novalike.bus.scheduler import Scheduler
from novalike.bus.transport import Transport
from novalike.clients.placement import PlacementClient
from novalike.conductor.cells import Cell, Cells
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import services as services_db
from novalike.objects.context import RequestContext
from novalike.objects.operation import Operation
from novalike.objects.scheduling import EarlierClaim, SchedulingRequest, Selections

LOG = logging.getLogger(__name__)


class HostChooser:
    """Has the scheduler choose hosts.

    :param holder: this conductor, as the holder of operations.
    """

    def __init__(self, cells: Cells, transport: Transport, placement: PlacementClient, holder: str) -> None:
        self._cells = cells
        self._placement = placement
        self._holder = holder
        self._scheduler: Scheduler = transport.client(Scheduler)

    def still_ours(
        self, cell: Cell, operations: Sequence[Operation]
    ) -> tuple[list[Operation], dict[str, EarlierClaim]]:
        """Return those operations that nobody has taken over, and what Placement has for their servers.

        In this order: what is claimed once somebody has taken over is not in here, and can't be overwritten with it.
        """
        claims = {o.instance_uuid: self._placement.get_allocations(o.instance_uuid) for o in operations}
        epochs = cell.database.query(lambda c: operations_db.epochs(c, [o.uuid for o in operations], self._holder))
        ours = [operation for operation in operations if epochs.get(operation.uuid) == operation.epoch]
        earlier = {}
        for uuid in (operation.instance_uuid for operation in ours):
            claim = claims[uuid]
            if claim.allocations:
                resources = {provider: amounts.resources for provider, amounts in claim.allocations.items()}
                earlier[uuid] = EarlierClaim(resources=resources, generation=claim.consumer_generation)
        return ours, earlier

    def choose(
        self, ctx: RequestContext, cell: Cell, operations: Sequence[Operation], request: SchedulingRequest
    ) -> Selections:
        """Return claimed hosts, none of which has been disabled. When the scheduler has used an older answer of
        Placement, it may not know that yet.

        :raises Unavailable: the scheduler or a database can't be reached.
        """
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
        unlucky = {selection.instance_uuid for selection in answer.selections if selection.host in disabled}
        ours, earlier = self.still_ours(cell, [o for o in operations if o.instance_uuid in unlucky])
        if not ours:
            return answer
        LOG.info("asking again for hosts for %d server(s) instead of such as are disabled", len(ours))
        request = msgspec.structs.replace(
            request,
            instance_uuids=tuple(operation.instance_uuid for operation in ours),
            excluded_hosts=(*request.excluded_hosts, *sorted(disabled)),
            earlier=earlier,
        )
        again = self._scheduler.select(ctx, request=request)
        kept = tuple(s for s in answer.selections if s.host not in disabled)
        return msgspec.structs.replace(again, selections=(*kept, *again.selections), on_old_candidates=True)

    def hosts_of_hints(self, hints: dict[str, Any]) -> dict[str, str]:
        """Return where the servers are that scheduler hints name, by uuid."""
        named: set[str] = set()
        for key in ("same_host", "different_host"):
            value = hints.get(key, ())
            named.update([value] if isinstance(value, str) else value)
        found: dict[str, str] = {}
        if named:
            for cell in self._cells.all():
                found.update(cell.database.query(lambda c: servers_db.hosts_of(c, sorted(named))))
        return found
