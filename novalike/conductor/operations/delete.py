"""``delete``, leg ``settle``: a server that no living host holds is deleted: never placed, or on a host that is down.

What is on a dead host's disk stays there; when the host comes back, it asks which of its guests have been
deleted meanwhile and removes them (``compute.recovery``).
"""

from collections.abc import Callable, Sequence

import msgspec
from oslo_config import cfg

from novalike.clients.neutron import NeutronClient
from novalike.clients.port_release import release_ports
from novalike.conductor.cells import Cell
from novalike.conductor.operations import completion
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.objects.context import RequestContext
from novalike.objects.operation import JournalEntry, OperationState, Outcome
from novalike.objects.operations.delete import DeleteParams
from novalike.objects.record import utcnow
from novalike.objects.server import ServerSpec


class Settling:
    """Deletes servers without their host.

    :param release: gives up a server's claim in Placement; safe to repeat.
    :param neutron: where a server's ports are given back.
    """

    def __init__(self, conf: cfg.ConfigOpts, release: Callable[[str], object], neutron: NeutronClient) -> None:
        self._conf = conf
        self._release = release
        self._neutron = neutron

    def settle(self, ctx: RequestContext, cell: Cell, operation_ids: list[str]) -> None:
        """Give back what servers have, then mark them deleted.

        :raises Unavailable: a neighbour can't be reached; the operations stay, and are taken up again.
        """
        for operation_id in operation_ids:
            self._settle(cell, operation_id)

    def _settle(self, cell: Cell, operation_id: str) -> None:
        operation = cell.database.query(lambda c: operations_db.get(c, operation_id))
        if operation is None or operation.state not in OperationState.OPEN:
            return
        started = utcnow()
        spec = cell.database.query(lambda c: servers_db.specs(c, [operation.instance_uuid]))[operation.instance_uuid]
        consumers = msgspec.convert(operation.params, DeleteParams).migrations
        give_back(self._neutron, self._release, operation.instance_uuid, spec, consumers)
        entry = JournalEntry(
            event="conductor_delete", start_time=started, finish_time=utcnow(), result="Success", host=self._conf.host
        )

        outcome = Outcome(operation_id=operation.uuid, epoch=operation.epoch, entries=(*operation.journal, entry))
        now = cell.database.utcnow()
        cell.database.write(lambda c: completion.end(c, self._conf, operation, outcome, now))


def give_back(
    neutron: NeutronClient,
    release: Callable[[str], object],
    uuid: str,
    spec: ServerSpec | None,
    migrations: Sequence[str] = (),
) -> None:
    """Give back a server's ports and its claims; safe to repeat.

    :param release: gives up a consumer's claim in Placement.
    :param spec: the server's; None when there is no record of it any more.
    :param migrations: uuids of migrations that may have a claim of its.
    :raises Unavailable: a neighbour can't be reached.
    """
    networks, vifs = (spec.networks or (), spec.server.vifs) if spec else ((), ())
    release_ports(neutron, uuid, vifs, frozenset(n.port_id for n in networks if n.port_id))
    for consumer in (*migrations, uuid):
        release(consumer)
