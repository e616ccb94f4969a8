"""How an operation ends, and what its server is then.

Everything here happens in one transaction with the operation's own row, by someone who holds it.
"""

import datetime
import logging
from typing import Any

from oslo_config import cfg

from novalike.db.cell import details as details_db
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.engine import Connection
from novalike.objects import lifecycle
from novalike.objects.lifecycle import VmState
from novalike.objects.operation import Operation, OperationState, Outcome
from novalike.objects.operations import ACTIONS, transitions
from novalike.objects.server import Fault

LOG = logging.getLogger(__name__)


def end(
    connection: Connection, conf: cfg.ConfigOpts, operation: Operation, outcome: Outcome, now: datetime.datetime
) -> bool:
    """Record an operation's end, and what its server is now.

    :param now: by the database's clock.
    :returns: whether the operation was still the caller's.
    """
    row = ACTIONS[operation.workflow]
    failed = outcome.error is not None
    # What a server still has that is on no host is given back: at once, or when nothing can arrive late any more.
    look_at = now if outcome.left_host else now + datetime.timedelta(seconds=conf.conductor.operation_lease)
    settles = row.settles and (outcome.left_host or operation.host is None)
    held = operations_db.update(
        connection,
        operation.uuid,
        operation.epoch,
        state=OperationState.FAILED if failed else OperationState.DONE,
        finish_time=now,
        updated_at=now,
        due_at=look_at if settles else None,
        holder=None,
        message="Error" if failed else None,
        journal=outcome.entries,
    )
    if not held:
        return False
    if not failed and row.ends == (VmState.DELETED,):
        mark_deleted(connection, operation.instance_uuid, now)
        return True
    changes: dict[str, Any] = {"updated_at": now}
    if failed:
        change = transitions.fails(operation.workflow, keep_vm_state=outcome.keep_vm_state)
        if outcome.left_host:
            changes.update(host=None, node=None)
            if operation.host is not None:
                hosts_db.touch(connection, operation.host)
        changes["fault"] = Fault(
            code=outcome.error_code, message=str(outcome.error)[:255], created_at=now, details=outcome.details
        )
    else:
        change = transitions.succeeds(operation.workflow)
        changes.update(fault=None, progress=0)
        if operation.action == "create":
            changes["launched_at"] = now
            details_db.forget_admin_password(connection, operation.instance_uuid)
    for field in ("power_state", "vifs", "root_device_name"):
        value = getattr(outcome, field)
        if value is not None:
            changes[field] = value
    if servers_db.change_state(connection, operation.instance_uuid, change, **changes):
        vm_state, power_state = str(change.values.get("vm_state")), outcome.power_state
        if power_state is not None and (vm_state, power_state) in lifecycle.OBSERVED:
            # The guest has stopped again already.
            servers_db.change_state(connection, operation.instance_uuid, lifecycle.observed(vm_state, power_state))
    else:
        LOG.error("instance %s is not in a state that %s ends from: it stays as it is", operation.instance_uuid,
                  operation.workflow)  # fmt: skip
    return True


def mark_deleted(connection: Any, instance_uuid: str, now: datetime.datetime) -> None:
    """Record that a server is gone. Its row stays, for lists of changes and its actions, until it is archived."""
    servers_db.change_state(
        connection,
        instance_uuid,
        transitions.succeeds("delete"),
        deleted=True,
        deleted_at=now,
        terminated_at=now,
        updated_at=now,
        power_state=0,
        vifs=(),
    )
    details_db.forget_all(connection, instance_uuid)
