"""Signs of life of a compute process, for the conductor."""

import logging
import threading
from collections.abc import Callable

from oslo_config import cfg

from novalike.bus import journal as bus_journal
from novalike.bus.transport import Transport
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.host import Heartbeat

LOG = logging.getLogger(__name__)

BINARY = "novalike-compute"
SERVICE_VERSION = 1


class HeartbeatSender:
    """Says every ``[DEFAULT] report_interval`` seconds that the process lives, with all its hosts.

    :param endpoint: its bus address.
    :param hosts: returns the names of its hosts.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        hosts: Callable[[], tuple[str, ...]],
        transport: Transport,
        endpoint: str,
        incarnation: str,
    ) -> None:
        self._conf = conf
        self._hosts = hosts
        self._conductor: bus_journal.Journal = transport.client(bus_journal.Journal)
        self._endpoint = endpoint
        self._incarnation = incarnation
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Say nothing more."""
        self._stopping.set()

    def _beat(self) -> None:
        while not self._stopping.is_set():
            beat = Heartbeat(
                binary=BINARY,
                endpoint=self._endpoint,
                incarnation=self._incarnation,
                hosts=self._hosts(),
                version=SERVICE_VERSION,
            )
            try:
                self._conductor.heartbeat(admin_context(), beat=beat)
            except errors.NovalikeError as error:
                LOG.warning("no sign of life could be given: %s", error)
            self._stopping.wait(self._conf.report_interval)
