"""What the compute daemon answers on the bus."""

import logging

from novalike.bus.compute import NETWORK_CHANGED, ConsoleAccess, ExternalEvent
from novalike.compute.info_cache import InfoCache
from novalike.compute.networking import Networking
from novalike.compute.worker import Worker
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.network import VersionedVifs
from novalike.virt.abilities import HasVnc, KeepsConsoleLog
from novalike.virt.driver import Driver, GuestNotFound
from novalike.virt.guest import GuestRef

LOG = logging.getLogger(__name__)

_VNC = ("novnc",)


class ComputeHandler:
    """Serves ``bus.compute.Compute``."""

    def __init__(
        self, driver: Driver, networking: Networking, worker: Worker, info_cache: InfoCache, incarnation: str
    ) -> None:
        self._driver = driver
        self._networking = networking
        self._worker = worker
        self._info_cache = info_cache
        self._incarnation = incarnation

    def run(self, ctx: RequestContext, *, host: str, operation_ids: tuple[str, ...]) -> None:
        self._worker.hint(ctx, operation_ids)

    def external_events(
        self, ctx: RequestContext, *, host: str, events: tuple[ExternalEvent, ...]
    ) -> None:
        for event in events:
            self._networking.events.notify(event)
        changed = {event.instance_uuid: event.vifs for event in events if event.name == NETWORK_CHANGED}
        for uuid, known in changed.items():
            # A conductor of the release before doesn't say what is recorded: that is seen when it is to be written.
            self._info_cache.refresh(ctx, uuid, known or VersionedVifs())

    def console_output(
        self, ctx: RequestContext, *, host: str, instance_uuid: str, instance_name: str, length: int | None
    ) -> str:
        if not isinstance(self._driver, KeepsConsoleLog):
            raise errors.NotSupported(reason="this hypervisor keeps no console log")
        try:
            raw = self._driver.console_output(GuestRef(host=host, uuid=instance_uuid, name=instance_name))
        except GuestNotFound:
            raise errors.InstanceNotReady(instance_id=instance_uuid) from None
        text = raw.decode("utf-8", "replace")
        return text if length is None else _tail(text, length)

    def console_access(
        self, ctx: RequestContext, *, host: str, instance_uuid: str, instance_name: str, console_type: str
    ) -> ConsoleAccess:
        if console_type not in _VNC or not isinstance(self._driver, HasVnc):
            raise errors.ConsoleTypeUnavailable(console_type=console_type)
        try:
            location = self._driver.vnc_console(GuestRef(host=host, uuid=instance_uuid, name=instance_name))
        except GuestNotFound:
            raise errors.InstanceNotReady(instance_id=instance_uuid) from None
        return ConsoleAccess(
            host=location.host,
            port=location.port,
            access_url_base=self._driver.conf.vnc.novncproxy_base_url,
        )

    def ping(self, ctx: RequestContext) -> str:
        return self._incarnation


def _tail(text: str, lines: int) -> str:
    """The last lines of a text. As clients have always seen it, what comes after the last newline counts as one,
    even when there is nothing.
    """
    return "\n".join(text.split("\n")[-lines:]) if lines > 0 else ""
