"""How an operation comes about, and who is told."""

import datetime
import logging
import uuid
from collections.abc import Iterable
from typing import Any

from oslo_config import cfg

from novalike.bus.compute import Compute
from novalike.bus.transport import Transport
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.operation import OperationState

LOG = logging.getLogger(__name__)


def new_operation(
    ctx: RequestContext,
    instance_uuid: str,
    action: str,
    workflow: str,
    now: datetime.datetime,
    conf: cfg.ConfigOpts,
    *,
    host: str | None = None,
    holder: str | None = None,
    params: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the row of a new operation: waiting for its host, or, with ``holder``, already in a conductor's hands.

    :param now: by the database's clock.
    """
    patience = conf.conductor.operation_lease if holder else conf.conductor.operation_resend_after
    return {
        "uuid": str(uuid.uuid4()),
        "instance_uuid": instance_uuid,
        "action": action,
        "workflow": workflow,
        "request_id": ctx.request_id,
        "user_id": ctx.user_id,
        "project_id": ctx.project_id,
        "state": OperationState.RUNNING if holder else OperationState.PENDING,
        "epoch": 1,
        "attempts": 0,
        "host": host,
        "holder": holder,
        "start_time": now,
        "updated_at": now,
        "due_at": now + datetime.timedelta(seconds=patience),
        "deadline": now + datetime.timedelta(seconds=conf.conductor.operation_timeout),
        "params": params or {},
        "journal": (),
        "context": ctx.to_wire(),
    }


class Messenger:
    """Tells compute processes that there is work. A hint: what was not heard is said again by the reaper."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def hint(self, ctx: RequestContext, endpoint: str, host: str, operation_ids: Iterable[str]) -> None:
        """Say to a process that there are operations for one of its hosts."""
        client: Compute = self._transport.client(Compute, endpoint)
        try:
            client.run(ctx, host=host, operation_ids=tuple(operation_ids))
        except errors.Unavailable as error:
            LOG.warning("host %s could not be told of its operations: %s", host, error)
