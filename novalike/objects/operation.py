"""Operations: actions on a server that take time, and their journal.

An operation *is* Nova's instance action, its journal entries are the action's events.
"""

import datetime
from typing import Any

from novalike.objects.network import Vif
from novalike.objects.record import Record
from novalike.objects.server import ServerSpec


class OperationState:
    """Where an operation stands. Only the first two can still change."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "superseded"

    OPEN = (PENDING, RUNNING)


class JournalEntry(Record, frozen=True):
    """One step of an operation: Nova's instance action event.

    :param result: None while it runs, then ``Success`` or ``Error``.
    """

    event: str
    start_time: datetime.datetime
    finish_time: datetime.datetime | None = None
    result: str | None = None
    host: str | None = None
    details: str | None = None
    traceback: str | None = None


class Stop(Record, frozen=True):
    """A leg of an operation, and where it is done.

    :param host, node: None while they are not known, and of a leg that a conductor does.
    :param epoch: at which it was handed out last; 0 when it was not yet.
    :param skipped: it was left out: its host is down, or there is none.
    :param stuck: it could not be taken back.
    """

    leg: str
    host: str | None = None
    node: str | None = None
    epoch: int = 0
    skipped: bool = False
    stuck: bool = False


class Failure(Record, frozen=True):
    """What made an operation turn back.

    :param code: of the server's fault.
    :param details: for administrators only.
    """

    message: str
    code: int = 500
    details: str | None = None


class Operation(Record, frozen=True):
    """An action on a server.

    :param action: the user's word for it (``create``, ``reboot`` …), a row of Nova's list.
    :param workflow: the row of the state table that it runs (``reboot_hard`` …).
    :param epoch: rises each time the operation is handed to somebody, and fences whoever had it before. Epochs count
        per server: a later operation's are greater than those of all earlier ones.
    :param holder: the worker's bus address and incarnation, while someone works on it.
    :param sequence: of the last report at this epoch.
    :param route: the legs, in order. None is of a release that knew no legs.
    :param at: index of the stop that has the operation.
    :param direction: ``on``, or ``back`` when it has failed and is taken back.
    :param failure: why it goes back.
    :param found: leg → what it has found out for later ones.
    """

    uuid: str
    instance_uuid: str
    action: str
    workflow: str
    request_id: str
    user_id: str | None
    project_id: str | None
    start_time: datetime.datetime
    state: str = OperationState.PENDING
    epoch: int = 0
    attempts: int = 0
    host: str | None = None
    holder: str | None = None
    finish_time: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None
    message: str | None = None
    params: dict[str, Any] = {}
    journal: tuple[JournalEntry, ...] = ()
    sequence: int = 0
    route: tuple[Stop, ...] | None = None
    at: int = 0
    direction: str = "on"
    failure: Failure | None = None
    found: dict[str, Any] | None = None


class ServerOperations(Record, frozen=True):
    """Operations of a server, and whose server it is.

    In lists they are without ``params``, ``journal`` and ``route``.
    """

    project_id: str
    user_id: str
    operations: tuple[Operation, ...]


class Assignment(Record, frozen=True):
    """An operation handed to a compute host, with all that it needs to run it."""

    operation: Operation
    spec: ServerSpec


class Progress(Record, frozen=True):
    """What a worker says of its operation, between two steps.

    ``task_state`` and ``vifs`` are written with the entries in one transaction; None is "unchanged".

    :param sequence: rises with each report of an epoch: one that was overtaken is dropped. None is of a release that
        didn't count them.
    :param vifs_version: of the recorded interfaces that ``vifs`` were made from; None is not known.
    :param percent: how much of what takes long is done; None is "as before".
    """

    operation_id: str
    epoch: int
    entries: tuple[JournalEntry, ...] = ()
    task_state: str | None = None
    vifs: tuple[Vif, ...] | None = None
    sequence: int | None = None
    vifs_version: int | None = None
    percent: int | None = None


class Outcome(Record, frozen=True):
    """How an operation ended on its host.

    :param error: None is success.
    :param reschedule: the build may be tried on another host.
    :param left_host: nothing of the server is on the host any more.
    :param vifs: None is "as reported before"; see :class:`Progress` for ``vifs_version``.
    :param clean: after an error: all that the leg had done is taken back.
    :param found: what later legs have to know.
    """

    operation_id: str
    epoch: int
    entries: tuple[JournalEntry, ...] = ()
    power_state: int | None = None
    vifs: tuple[Vif, ...] | None = None
    root_device_name: str | None = None
    error: str | None = None
    error_code: int = 500
    details: str | None = None
    reschedule: bool = False
    keep_vm_state: bool = False
    left_host: bool = False
    vifs_version: int | None = None
    clean: bool = True
    found: dict[str, Any] | None = None
