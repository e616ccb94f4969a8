"""Deleting servers that no living host holds: never placed, or on a host that is down.

What is on a dead host's disk stays there; when the host comes back, it asks which of its guests have been
deleted meanwhile and removes them (``compute.recovery``).
"""

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from oslo_config import cfg

from novalike.clients.neutron import NeutronClient
from novalike.clients.port_release import release_ports
from novalike.conductor import endings
from novalike.conductor.cells import Cell
from novalike.conductor.leases import Leases
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import JournalEntry, OperationState, Outcome
from novalike.objects.record import utcnow
from novalike.objects.server import ServerSpec

LOG = logging.getLogger(__name__)


class Remover:
    """Deletes servers without their host.

    :param release: gives up a server's claim in Placement; safe to repeat.
    :param neutron: where a server's ports are given back.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, release: Callable[[str], object], neutron: NeutronClient, leases: Leases
    ) -> None:
        self._conf = conf
        self._release = release
        self._neutron = neutron
        self._leases = leases
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="remove")

    def submit(self, ctx: RequestContext, cell: Cell, operation_id: str) -> None:
        """Delete in the background the server of a ``delete`` operation that this conductor holds."""
        self._pool.submit(self._guarded, ctx, cell, operation_id)

    def stop(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Finish what has begun."""
        self._pool.shutdown(wait=True)

    def _guarded(self, ctx: RequestContext, cell: Cell, operation_id: str) -> None:
        ctx.update_store()
        with self._leases.kept(cell, [operation_id]):
            try:
                self.remove(cell, operation_id)
                return
            except errors.NovalikeError as error:
                LOG.warning("deleting was put off: %s", error)
            except Exception:
                LOG.exception("deleting was put off")
        with contextlib.suppress(errors.Unavailable):
            self._leases.put_off(cell, [operation_id])

    def remove(self, cell: Cell, operation_id: str) -> None:
        """Give back what the server has, then mark it deleted.

        :raises Unavailable: a neighbour can't be reached; the operation stays, and is taken up again.
        """
        operation = cell.database.query(lambda c: operations_db.get(c, operation_id))
        if operation is None or operation.state not in OperationState.OPEN:
            return
        started = utcnow()
        spec = cell.database.query(lambda c: servers_db.specs(c, [operation.instance_uuid]))[operation.instance_uuid]
        give_back(self._neutron, self._release, operation.instance_uuid, spec)
        entry = JournalEntry(
            event="conductor_delete", start_time=started, finish_time=utcnow(), result="Success", host=self._conf.host
        )

        outcome = Outcome(operation_id=operation.uuid, epoch=operation.epoch, entries=(*operation.journal, entry))
        now = cell.database.utcnow()
        cell.database.write(lambda c: endings.end(c, self._conf, operation, outcome, now))


def give_back(neutron: NeutronClient, release: Callable[[str], object], uuid: str, spec: ServerSpec | None) -> None:
    """Give back a server's ports and its claim; safe to repeat.

    :param release: gives up a server's claim in Placement.
    :param spec: the server's; None when there is no record of it any more.
    :raises Unavailable: a neighbour can't be reached.
    """
    networks, vifs = (spec.networks or (), spec.server.vifs) if spec else ((), ())
    release_ports(neutron, uuid, vifs, frozenset(n.port_id for n in networks if n.port_id))
    release(uuid)
