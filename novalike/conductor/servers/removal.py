"""Deleting servers that no living host holds: never placed, or on a host that is down.

What is on a dead host's disk stays there; when the host comes back, it asks which of its guests have been
deleted meanwhile and removes them (``compute.recovery``).
"""

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from novalike.clients.neutron import NeutronClient
from novalike.clients.port_release import release_ports
from novalike.conductor.cells import Cell
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables as t
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.lifecycle import VmState
from novalike.objects.operation import JournalEntry, OperationState
from novalike.objects.record import utcnow

LOG = logging.getLogger(__name__)


class Remover:
    """Deletes servers without their host.

    :param release: gives up a server's claim in Placement; safe to repeat.
    :param neutron: where a server's ports are given back.
    """

    def __init__(self, release: Callable[[str], object], neutron: NeutronClient, host: str) -> None:
        self._release = release
        self._neutron = neutron
        self._host = host
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="remove")

    def submit(self, ctx: RequestContext, cell: Cell, operation_id: str) -> None:
        """Delete in the background the server of a ``delete`` operation that this conductor holds."""
        self._pool.submit(self._guarded, ctx, cell, operation_id)

    def stop(self) -> None:
        """Finish what has begun."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _guarded(self, ctx: RequestContext, cell: Cell, operation_id: str) -> None:
        ctx.update_store()
        try:
            self.remove(cell, operation_id)
        except errors.NovalikeError as error:
            LOG.warning("deleting was put off: %s", error)
        except Exception:
            LOG.exception("deleting was put off")

    def remove(self, cell: Cell, operation_id: str) -> None:
        """Give back what the server has, then mark it deleted.

        :raises Unavailable: a neighbour can't be reached; the operation stays, and is taken up again.
        """
        operation = cell.database.query(lambda c: operations_db.get(c, operation_id))
        if operation is None or operation.state not in OperationState.OPEN:
            return
        started = utcnow()
        spec = cell.database.query(lambda c: servers_db.specs(c, [operation.instance_uuid]))[operation.instance_uuid]
        given = frozenset(n.port_id for n in spec.networks or () if n.port_id)
        release_ports(self._neutron, operation.instance_uuid, spec.server.vifs, given)
        self._release(operation.instance_uuid)
        entry = JournalEntry(
            event="conductor_delete", start_time=started, finish_time=utcnow(), result="Success", host=self._host
        )

        def write(connection: Any) -> None:
            now = utcnow()
            if operations_db.update(
                connection,
                operation.uuid,
                operation.epoch,
                state=OperationState.DONE,
                finish_time=now,
                updated_at=now,
                due_at=None,
                holder=None,
                journal=(*operation.journal, entry),
            ):
                mark_deleted(connection, operation.instance_uuid)

        cell.database.write(write)


def mark_deleted(connection: Any, instance_uuid: str) -> None:
    """Record that a server is gone. Its row stays, for lists of changes and its actions."""
    now = utcnow()
    servers_db.update(
        connection,
        instance_uuid,
        deleted=True,
        deleted_at=now,
        terminated_at=now,
        updated_at=now,
        vm_state=VmState.DELETED,
        task_state=None,
        power_state=0,
        vifs=(),
    )
    connection.execute(t.instance_tags.delete().where(t.instance_tags.c.instance_uuid == instance_uuid))
    connection.execute(t.console_auth_tokens.delete().where(t.console_auth_tokens.c.instance_uuid == instance_uuid))
    connection.execute(
        t.instance_requests.update()
        .where(t.instance_requests.c.instance_uuid == instance_uuid)
        .values(admin_password=None, user_data=None, guest_password=None)
    )
