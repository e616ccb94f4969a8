"""How an operation ends, and what its server is then.

Everything here happens in one transaction with the operation's own row, by someone who holds it.
"""

import datetime
import logging
from typing import Any

from oslo_config import cfg

from novalike.conductor.operations.records import records_of
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.engine import Connection
from novalike.objects import lifecycle
from novalike.objects.operation import Operation, OperationState, Outcome
from novalike.objects.operations import ACTIONS, transitions
from novalike.objects.operations import route as routes
from novalike.objects.server import Fault

LOG = logging.getLogger(__name__)


def end(
    connection: Connection, conf: cfg.ConfigOpts, operation: Operation, outcome: Outcome, now: datetime.datetime
) -> bool:
    """Record an operation's end, and what its server is now.

    :param now: by the database's clock.
    :returns: whether the operation was still the caller's.
    """
    records = records_of(operation.workflow)
    failed = outcome.error is not None
    held = operations_db.update(
        connection,
        operation.uuid,
        operation.epoch,
        state=OperationState.FAILED if failed else OperationState.DONE,
        finish_time=now,
        updated_at=now,
        due_at=_look_at(conf, operation, outcome, now),
        holder=None,
        message="Error" if failed else None,
        journal=outcome.entries,
    )
    if not held:
        return False
    changes: dict[str, Any] = {"updated_at": now}
    for field in ("power_state", "vifs", "root_device_name"):
        value = getattr(outcome, field)
        if value is not None:
            changes[field] = value
    if failed:
        route, at = routes.current(operation)
        change = transitions.fails(operation.workflow, route[at].leg, keep_vm_state=outcome.keep_vm_state)
        if outcome.left_host:
            changes.update(host=None, node=None)
            if operation.host is not None:
                hosts_db.touch(connection, operation.host)
        changes["fault"] = Fault(
            code=outcome.error_code, message=str(outcome.error)[:255], created_at=now, details=outcome.details
        )
        changes |= records.failed(connection, operation, outcome, now)
    else:
        done = records.done(connection, operation, outcome, now)
        change = transitions.succeeds(operation.workflow, done.vm_state)
        changes |= {"fault": None, "progress": 0, **done.of_server}
    if servers_db.change_state(connection, operation.instance_uuid, change, **changes):
        vm_state, power_state = str(change.values.get("vm_state")), outcome.power_state
        if power_state is not None and (vm_state, power_state) in lifecycle.OBSERVED:
            # The guest has stopped again already.
            servers_db.change_state(connection, operation.instance_uuid, lifecycle.observed(vm_state, power_state))
    else:
        LOG.error("instance %s is not in a state that %s ends from: it stays as it is", operation.instance_uuid,
                  operation.workflow)  # fmt: skip
    return True


def _look_at(
    conf: cfg.ConfigOpts, operation: Operation, outcome: Outcome, now: datetime.datetime
) -> datetime.datetime | None:
    """Return when somebody is to give back what a server still has that is on no host: at once, or when nothing can
    arrive late any more; None: nothing can be left."""
    row = ACTIONS[operation.workflow]
    if row.settles and outcome.left_host:
        return now
    if row.settles and (operation.host is None or records_of(operation.workflow).may_leave_claims(operation)):
        return now + datetime.timedelta(seconds=conf.conductor.operation_lease)
    return None
