"""How an operation ends: done, failed, or tried again on another host.

Everything here happens in one transaction with the operation's own row, by someone who holds it.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from novalike.conductor.servers.removal import mark_deleted
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import tables as t
from novalike.objects import lifecycle
from novalike.objects.lifecycle import VmState
from novalike.objects.network import Vif
from novalike.objects.operation import JournalEntry, Operation, OperationState, Outcome
from novalike.objects.record import utcnow
from novalike.objects.server import Fault


def may_try_elsewhere(conf: cfg.ConfigOpts, operation: Operation) -> bool:
    """Whether a build has tries left."""
    return operation.workflow == "create" and operation.attempts + 1 < conf.scheduler.max_attempts


def try_elsewhere(
    connection: sa.Connection,
    conf: cfg.ConfigOpts,
    operation: Operation,
    holder: str,
    *,
    journal: Sequence[JournalEntry],
    vifs: Sequence[Vif] | None,
) -> bool:
    """Give a build to a conductor again, which places it on a host that it has not been on.

    :returns: whether the operation was still the caller's.
    """
    now = utcnow()
    excluded = [*operation.params.get("excluded_hosts", ()), operation.host]
    held = operations_db.update(
        connection,
        operation.uuid,
        operation.epoch,
        state=OperationState.RUNNING,
        epoch=operation.epoch + 1,
        holder=holder,
        host=None,
        endpoint=None,
        attempts=operation.attempts + 1,
        params={**operation.params, "excluded_hosts": excluded},
        journal=tuple(journal),
        updated_at=now,
        due_at=now + datetime.timedelta(seconds=conf.conductor.operation_lease),
    )
    if held:
        servers_db.update(
            connection,
            operation.instance_uuid,
            host=None,
            node=None,
            endpoint=None,
            task_state=lifecycle.TaskState.SCHEDULING,
            vifs=tuple(vifs or ()),
            updated_at=now,
        )
    return held


def end(connection: sa.Connection, operation: Operation, outcome: Outcome) -> bool:
    """Record an operation's end, and what its server is now.

    :returns: whether the operation was still the caller's.
    """
    now = utcnow()
    failed = outcome.error is not None
    held = operations_db.update(
        connection,
        operation.uuid,
        operation.epoch,
        state=OperationState.FAILED if failed else OperationState.DONE,
        finish_time=now,
        updated_at=now,
        due_at=None,
        message="Error" if failed else None,
        journal=outcome.entries,
    )
    if not held:
        return False
    row = lifecycle.ACTIONS[operation.workflow]
    if not failed and row.ends == VmState.DELETED:
        mark_deleted(connection, operation.instance_uuid)
        return True
    changes: dict[str, Any] = {"task_state": None, "updated_at": now}
    if failed:
        if row.fails is not None and not outcome.keep_vm_state:
            changes["vm_state"] = row.fails
        if outcome.left_host:
            changes.update(host=None, node=None, endpoint=None)
        changes["fault"] = Fault(
            code=outcome.error_code, message=str(outcome.error)[:255], created_at=now, details=outcome.details
        )
    else:
        changes.update(vm_state=row.ends, fault=None, progress=0)
        if operation.action == "create":
            changes["launched_at"] = now
            # Nobody needs it any more.
            requests = t.instance_requests
            connection.execute(
                requests.update()
                .where(requests.c.instance_uuid == operation.instance_uuid)
                .values(admin_password=None)
            )
    for field in ("power_state", "vifs", "root_device_name"):
        value = getattr(outcome, field)
        if value is not None:
            changes[field] = value
    servers_db.update(connection, operation.instance_uuid, **changes)
    return True
