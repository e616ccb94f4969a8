"""Gives back what operations that have ended may have left in Placement and Neutron.

When a server has ended up on no host, what was asked for on its behalf may arrive late: a port, a claim. So each such
operation stays due once more after its end. However long Neutron is away, and however many servers wait for it, it
holds up nothing else: there are threads and a budget of its own, and pauses that grow with the time since the end.
"""

import datetime
import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from oslo_config import cfg

from novalike.clients.neutron import NeutronClient
from novalike.conductor.cells import Cell
from novalike.conductor.leases import growing_pause
from novalike.conductor.operations.delete import give_back
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.objects import errors
from novalike.objects.lifecycle import VmState
from novalike.objects.operation import Operation
from novalike.objects.server import Server

LOG = logging.getLogger(__name__)

_THREADS = 4
# How many may wait for a thread, or have one.
_BUDGET = 32
# Seconds that one waits at most after it could not be looked after.
_LONGEST_PAUSE = 300.0


class Cleanup:
    """Looks after ended operations, a few at a time.

    :param release: gives up a server's claim in Placement; safe to repeat.
    :param neutron: where a server's ports are given back.
    """

    def __init__(self, conf: cfg.ConfigOpts, release: Callable[[str], object], neutron: NeutronClient) -> None:
        self._conf = conf
        self._release = release
        self._neutron = neutron
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="cleanup")
        self._lock = threading.Lock()
        self._under_way: set[str] = set()

    def look_into(self, cell: Cell) -> int:
        """Take up ended operations that are due, as many as there is room for. Return how many.

        :raises Unavailable: the cell's database can't be reached.
        """
        with self._lock:
            room = _BUDGET - len(self._under_way)
        if room <= 0:
            return 0
        now = cell.database.utcnow()
        found = cell.database.query(lambda c: operations_db.ended_due(c, now, room))
        for operation in found:
            with self._lock:
                if operation.uuid in self._under_way:
                    continue
                self._under_way.add(operation.uuid)
            self._pool.submit(self._guarded, cell, operation, now)
        return len(found)

    def stop(self) -> None:
        """Begin nothing more."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def wait(self) -> None:
        """Finish what has begun."""
        self._pool.shutdown(wait=True)

    def _guarded(self, cell: Cell, operation: Operation, seen_at: datetime.datetime) -> None:
        try:
            self._look_after(cell, operation, seen_at)
        except errors.NovalikeError as error:
            LOG.warning("instance %s: what it may have left is looked at later: %s", operation.instance_uuid, error)
        except Exception:
            LOG.exception("instance %s: what it may have left is looked at later", operation.instance_uuid)
        finally:
            with self._lock:
                self._under_way.discard(operation.uuid)

    def _look_after(self, cell: Cell, operation: Operation, seen_at: datetime.datetime) -> None:
        now = cell.database.utcnow()
        age = now - (operation.finish_time or now)
        # Until then it is ours; whoever looks after that finds it due again, unless we have said that it is done.
        later = now + growing_pause(age, self._conf.conductor.operation_lease, _LONGEST_PAUSE)
        if not cell.database.write(lambda c: operations_db.claim_ended(c, operation.uuid, seen_at, later)):
            return
        uuid = operation.instance_uuid
        spec = cell.database.query(lambda c: servers_db.specs(c, [uuid])).get(uuid)
        if spec is None or spec.server.vm_state == VmState.DELETED or _is_nowhere(spec.server):
            give_back(self._neutron, self._release, uuid, spec, operation.params.get("migrations", ()))
        cell.database.write(lambda c: operations_db.looked_after(c, operation.uuid))


def _is_nowhere(server: Server) -> bool:
    """Whether a server will never be anywhere again: an offloaded one has its ports for when it comes back."""
    return server.host is None and server.task_state is None and server.vm_state != VmState.SHELVED_OFFLOADED
