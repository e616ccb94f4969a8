"""The scheduler daemon: everything it is made of, put together."""

import logging
import threading

from oslo_config import cfg

from novalike.bus.host_states import SchedulerReads
from novalike.bus.journal import Journal
from novalike.bus.scheduler import Scheduler
from novalike.bus.transport import Server, Transport
from novalike.clients.placement import PlacementClient
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.host import Heartbeat, shared_incarnation
from novalike.scheduler.server import SchedulerServer

LOG = logging.getLogger(__name__)

BINARY = "novalike-scheduler"
SERVICE_VERSION = 1
LONGEST_PAUSE = 30.0


class SchedulerDaemon:
    """A scheduler process. It needs a conductor and Placement, but waits for either as long as it must.

    :param placement: made from ``conf`` unless given.
    :raises SystemExit: an option names a filter or a weigher that doesn't exist, or [placement] is incomplete.
    """

    def __init__(self, conf: cfg.ConfigOpts, transport: Transport, placement: PlacementClient | None = None) -> None:
        self._conf = conf
        self._transport = transport
        # Nobody asks for a particular scheduler; names of processes would leave queues behind at every start.
        self._endpoint = conf.host
        self._placement = placement or PlacementClient(conf)
        self._placement.load()
        self._handler = SchedulerServer(
            conf, self._placement, transport.client(SchedulerReads), endpoint=self._endpoint
        )
        self._journal: Journal = transport.client(Journal)
        self._server: Server | None = None
        self._stopping = threading.Event()
        self._conductor_answers = False
        self._threads = [
            threading.Thread(target=self._keep_current, name="snapshot", daemon=True),
            threading.Thread(target=self._beat, name="heartbeat", daemon=True),
        ]

    def start(self) -> None:
        """Serve. Doesn't wait for anybody: requests that come too early wait for their snapshot."""
        self._server = self._transport.serve(
            [(Scheduler, self._handler)], self._endpoint, self._conf.scheduler.pool_size
        )
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more requests."""
        self._stopping.set()
        if self._server is not None:
            self._server.stop()

    def wait(self) -> None:
        """Finish the requests that were begun."""
        if self._server is not None:
            self._server.wait()

    def reload(self) -> None:
        """Take up filters, weighers and the hosts anew. With a wrong option everything stays as it was."""
        try:
            self._handler.reload()
        except SystemExit as error:
            LOG.error("The configuration was not taken up: %s", error)
        self._handler.snapshot_cache.forget()

    def health(self) -> dict[str, bool]:
        """What this daemon needs, and whether it can be reached."""
        try:
            self._placement.ping()
            placement = True
        except errors.NovalikeError:
            placement = False
        return {"conductor": self._conductor_answers, "placement": placement}

    def _keep_current(self) -> None:
        """Look for a newer snapshot every ``[scheduler] sync_interval``, less often while nobody answers."""
        pause = self._conf.scheduler.sync_interval
        while not self._stopping.is_set():
            try:
                self._handler.snapshot_cache.refresh()
                if not self._conductor_answers:
                    LOG.info("The conductor answers")
                self._conductor_answers = True
                pause = self._conf.scheduler.sync_interval
            except errors.NovalikeError as error:
                LOG.warning("No news of the hosts: %s", error)
                self._conductor_answers = False
                pause = min(pause * 2, LONGEST_PAUSE)
            except Exception:
                LOG.exception("No news of the hosts")
                self._conductor_answers = False
            self._stopping.wait(pause)

    def _beat(self) -> None:
        """Tell the conductor that this process lives."""
        while not self._stopping.is_set():
            beat = Heartbeat(
                binary=BINARY,
                endpoint=self._conf.host,
                incarnation=shared_incarnation(BINARY, SERVICE_VERSION),
                hosts=(self._conf.host,),
                version=SERVICE_VERSION,
            )
            try:
                self._journal.heartbeat(admin_context(), beat=beat)
            except Exception as error:
                LOG.warning("No sign of life could be given: %s", error)
            self._stopping.wait(self._conf.report_interval)
