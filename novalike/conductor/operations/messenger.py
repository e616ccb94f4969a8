"""Telling compute processes that there is work."""

import logging
from collections.abc import Iterable

from novalike.bus.compute import Compute
from novalike.bus.transport import Transport
from novalike.objects import errors
from novalike.objects.context import RequestContext

LOG = logging.getLogger(__name__)


class Messenger:
    """Tells compute processes that there is work. A hint: what was not heard is said again by the reconciler."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def hint(self, ctx: RequestContext, endpoint: str, host: str, operation_ids: Iterable[str]) -> None:
        """Say to a process that there are operations for one of its hosts."""
        client: Compute = self._transport.client(Compute, endpoint)
        try:
            client.run(ctx, host=host, operation_ids=tuple(operation_ids))
        except errors.Unavailable as error:
            LOG.warning("host %s could not be told of its operations: %s", host, error)
