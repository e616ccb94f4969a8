"""What an operator may do to an operation that is under way: have it begun anew, or give it up.

Both raise its epoch first, so that whoever works on it can't write any more, and stops.
"""

import datetime

import msgspec
from oslo_config import cfg

from novalike.conductor.operations.completion import end
from novalike.conductor.operations.hand_over import take_away
from novalike.db.engine import Connection
from novalike.objects.operation import JournalEntry, Operation, OperationState, Outcome

RETRIED, ABANDONED = "operator_retry", "operator_abandon"


def retry(
    connection: Connection, conf: cfg.ConfigOpts, operation: Operation, now: datetime.datetime
) -> bool:
    """Take an operation from its holder, and make it due at once.

    The reconciler hands it out again: to its host when it has one, or to a conductor. It is begun again at its first
    step, and has as much time as a new one.

    :param now: by the database's clock.
    :returns: whether it was open and still as given.
    """
    return take_away(
        connection,
        operation,
        now,
        state=OperationState.PENDING if operation.host is not None else OperationState.RUNNING,
        due_at=now,
        deadline=now + datetime.timedelta(seconds=conf.conductor.operation_timeout),
        journal=(*_closed(operation, now, "taken from its holder"), _entry(RETRIED, now, "Success", None)),
    )


def abandon(
    connection: Connection, conf: cfg.ConfigOpts, operation: Operation, now: datetime.datetime, reason: str
) -> bool:
    """End an operation as failed. What it has done so far stays, until the server is deleted.

    :param reason: the user reads it in the server's fault.
    :param now: by the database's clock.
    :returns: whether it was open and still as given.
    """
    if not take_away(connection, operation, now):
        return False
    fenced = msgspec.structs.replace(operation, epoch=operation.epoch + 1, holder=None)
    said = f"The operator gave up the action {operation.action!r}: {reason}"
    entries = (*_closed(operation, now, "given up by the operator"), _entry(ABANDONED, now, "Error", reason))
    outcome = Outcome(
        operation_id=fenced.uuid, epoch=fenced.epoch, entries=entries, error=said, details=f"{ABANDONED}: {reason}"
    )
    return end(connection, conf, fenced, outcome, now)


def _closed(operation: Operation, now: datetime.datetime, details: str) -> tuple[JournalEntry, ...]:
    """The journal, with an end to the step that its holder was at."""
    return tuple(
        entry
        if entry.finish_time is not None
        else msgspec.structs.replace(entry, finish_time=now, result="Error", details=details)
        for entry in operation.journal
    )


def _entry(event: str, now: datetime.datetime, result: str, details: str | None) -> JournalEntry:
    return JournalEntry(event=event, start_time=now, finish_time=now, result=result, details=details)
