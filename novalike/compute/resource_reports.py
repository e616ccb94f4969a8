"""Reports what the hosts have: to the conductor, and to Placement as inventory and traits."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterable

from msgspec.structs import replace
from oslo_config import cfg

from novalike.bus import journal as bus_journal
from novalike.bus.transport import Transport
from novalike.clients.placement import REFRESH_SECONDS, PlacementClient
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.host import NodeReport
from novalike.virt.driver import Driver

LOG = logging.getLogger(__name__)

# Seconds between the first tries, while who is to be told isn't there.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 5.0
# A process may stand for thousands of nodes: no message, and no transaction of the conductor's, is about more of them.
_AT_A_TIME = 100


class ResourceReports:
    """The reports of one process.

    :param endpoint: its bus address.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        driver: Driver,
        placement: PlacementClient,
        transport: Transport,
        endpoint: str,
        incarnation: str,
    ) -> None:
        self._conf = conf
        self._driver = driver
        self._placement = placement
        self._conductor: bus_journal.Journal = transport.client(bus_journal.Journal)
        self._endpoint = endpoint
        self._incarnation = incarnation
        # Node → whether Placement knows it as disabled, and since when.
        self._told_disabled: dict[str, tuple[bool | None, float]] = {}
        # Host → builds that have failed there since the last one that was done.
        self._failed_builds: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._news = threading.Event()
        # All that is to be known of the hosts has been said once.
        self.reported = threading.Event()
        self._thread = threading.Thread(target=self._report, name="resource reports", daemon=True)

    def start(self) -> None:
        """Begin to report. Nobody waits for that: with Placement or Keystone away, hosts serve what they have."""
        self._thread.start()

    def stop(self) -> None:
        """Stop reporting."""
        self._stopping.set()
        self._news.set()

    def note_build(self, host: str, done: bool) -> None:
        """A host has built a server, or has failed to. The scheduler hears of it at once, and prefers others then."""
        with self._lock:
            before = self._failed_builds[host]
            self._failed_builds[host] = 0 if done else before + 1
        if not done or before:
            self._news.set()

    def report(self) -> None:
        """Report now: hosts must be in Placement before the scheduler hears of them.

        :raises Unavailable: the hypervisor, Placement or the conductor can't be reached.
        """
        nodes = [replace(node, failed_builds=self._failed_builds[node.host]) for node in self._driver.node_reports()]
        for start in range(0, len(nodes), _AT_A_TIME):
            some = tuple(nodes[start : start + _AT_A_TIME])
            for node in some:
                self._placement.ensure_provider(node)
            disabled = self._conductor.report_nodes(
                admin_context(), endpoint=self._endpoint, incarnation=self._incarnation, nodes=some
            )
            self._confirm_disabled(some, frozenset(disabled))
        self.reported.set()

    def _confirm_disabled(self, nodes: Iterable[NodeReport], disabled: frozenset[str]) -> None:
        """Tell Placement which hosts take no new servers: when that has changed, and now and then.

        The conductor has told it already, unless Placement was away.
        """
        now = time.monotonic()
        for node in nodes:
            wanted = node.host in disabled
            told, told_at = self._told_disabled.get(node.uuid, (None, 0.0))
            if wanted != told or now - told_at > REFRESH_SECONDS:
                self._placement.set_disabled(node.uuid, wanted)
                self._told_disabled[node.uuid] = (wanted, now)

    def _report(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            try:
                self.report()
            except errors.NovalikeError as error:
                LOG.warning("resources could not be reported: %s", error)
            except Exception:
                LOG.exception("resources could not be reported")
            if self.reported.is_set():
                pause = self._conf.update_resources_interval
            else:
                pause = min(pause * 2, _LONGEST_PAUSE)
            self._news.wait(pause)
            self._news.clear()
