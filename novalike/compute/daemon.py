"""The compute daemon: everything it is made of, put together."""

import logging
import threading
import uuid
from collections.abc import Callable
from typing import cast

from oslo_config import cfg
from stevedore import driver as stevedore_driver
from stevedore import exception as stevedore_exception

from novalike.bus.compute import Compute
from novalike.bus.transport import Server, Transport
from novalike.clients.glance import GlanceClient
from novalike.clients.neutron import NeutronClient
from novalike.clients.placement import PlacementClient
from novalike.compute.heartbeat import HeartbeatSender
from novalike.compute.image_cache import ImageCachePruner
from novalike.compute.info_cache import Healer, InfoCache
from novalike.compute.job import Tools
from novalike.compute.networking import Networking
from novalike.compute.recovery import Recovery
from novalike.compute.resource_reports import ResourceReports
from novalike.compute.server import ComputeHandler
from novalike.compute.worker import Worker
from novalike.objects import errors
from novalike.virt.driver import Driver, ImageSource

LOG = logging.getLogger(__name__)

_POOL = 64
_SOON = 5.0
_NOVA_NAMES = {"libvirt.LibvirtDriver": "libvirt", "fake.FakeDriver": "fake"}


def load_driver(conf: cfg.ConfigOpts, images: ImageSource) -> Driver:
    """The driver that ``[DEFAULT] compute_driver`` names.

    :raises SystemExit: there is none of that name, or it can't be loaded.
    """
    name = _NOVA_NAMES.get(conf.compute_driver, conf.compute_driver)
    try:
        found: stevedore_driver.DriverManager[type[Driver]] = stevedore_driver.DriverManager(
            "novalike.virt", name, invoke_on_load=True, invoke_args=(conf, images), warn_on_missing_entrypoint=False
        )
    except (stevedore_exception.NoMatches, ImportError) as error:
        raise SystemExit(f"[DEFAULT] compute_driver: {conf.compute_driver!r} can't be loaded: {error}") from error
    return cast(Driver, found.driver)


class ComputeDaemon:
    """A compute process.

    :param driver, placement, neutron, glance: made from ``conf`` unless given.
    :raises SystemExit: ``[placement]`` is incomplete or wrong.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        transport: Transport,
        *,
        driver: Driver | None = None,
        placement: PlacementClient | None = None,
        neutron: NeutronClient | None = None,
        glance: GlanceClient | None = None,
    ) -> None:
        self._conf = conf
        self._transport = transport
        self.incarnation = str(uuid.uuid4())
        self.endpoint = conf.host
        self.driver = driver or load_driver(conf, glance or GlanceClient(conf))
        self.networking = Networking(conf, neutron or NeutronClient(conf))
        placement = placement or PlacementClient(conf)
        placement.load()
        tools = Tools(conf, self.driver, self.networking, placement)
        # Guests and records are to be compared soon.
        self._doubtful = threading.Event()
        process = (transport, self.endpoint, self.incarnation)
        self.heartbeat = HeartbeatSender(conf, self.driver.hosts, *process)
        self.resource_reports = ResourceReports(conf, self.driver, placement, *process)
        self.worker = Worker(
            tools,
            transport,
            self.endpoint,
            self.incarnation,
            on_fenced=self._fenced,
            on_build=self.resource_reports.note_build,
            on_news=self._look_at,
        )
        self.recovery = Recovery(self.driver, self.networking, transport, self.endpoint, self.incarnation)
        self.image_cache = ImageCachePruner(conf, self.driver)
        info_cache = InfoCache(self.networking, transport)
        self.healer = Healer(conf, self.driver, info_cache, transport)
        self._handler = ComputeHandler(self.driver, self.networking, self.worker, info_cache, self.incarnation)
        self._server: Server | None = None
        self._has_begun = False
        self._stopping = threading.Event()
        self._periodic = threading.Thread(target=self._reconcile, name="reconcile", daemon=True)

    def start(self) -> None:
        """Put in order what was left behind, then serve. Waits for what isn't there yet."""
        if not self._insist("the hypervisor", self.driver.start):
            return  # and nobody knows for which hosts anything were to be said or done
        self._has_begun = True
        self.driver.on_power_change(self._power_changed)
        self.heartbeat.start()
        self.resource_reports.start()
        self.worker.start()
        # Recovery comes first: what is new must not overtake what is old.
        self._insist("recovery", lambda: self.recovery.resume(self.worker))
        self._server = self._transport.serve([(Compute, self._handler)], self.endpoint, _POOL)
        self._periodic.start()
        self.image_cache.start()
        self.healer.start()

    def _insist(self, what: str, act: Callable[[], None]) -> bool:
        """Do something as soon as it is possible. Return whether it was done: not if the daemon is told to stop."""
        pause = 0.5
        while not self._stopping.is_set():
            try:
                act()
                return True
            except errors.Unavailable as error:
                LOG.warning("%s: waiting: %s", what, error)
            self._stopping.wait(pause)
            pause = min(pause * 2, 5.0)
        return False

    def _fenced(self, host: str, instance_uuid: str) -> None:
        self.recovery.suspect(host, instance_uuid)
        self._doubtful.set()

    def _power_changed(self, instance_uuid: str, power_state: int) -> None:
        # What operations make of guests they report themselves, up to their end.
        if not self.worker.keeps_for_later(instance_uuid):
            self._look_at(instance_uuid)

    def _look_at(self, instance_uuid: str) -> None:
        try:
            self.recovery.power_changed(instance_uuid)
        except errors.NovalikeError as error:
            LOG.warning("instance %s: its guest has changed, and this could not be told: %s", instance_uuid, error)
            self._doubtful.set()

    def _reconcile(self) -> None:
        """Compare guests with records: at the start, now and then, and soon again while there are doubts."""
        usual = self._conf.sync_power_state_interval
        while not self._stopping.is_set():
            self._doubtful.clear()
            clear = False
            try:
                self.recovery.resume(self.worker)  # of hosts that have come meanwhile
                clear = self.recovery.reconcile(self.worker.works_on)
            except errors.NovalikeError as error:
                LOG.warning("guests could not be compared with their records: %s", error)
            except Exception:
                LOG.exception("guests could not be compared with their records")
            if clear:
                self._doubtful.wait(usual if usual > 0 else None)
            self._stopping.wait(_SOON)

    def stop(self) -> None:
        """Take nothing new up."""
        self._stopping.set()
        self._doubtful.set()
        self.image_cache.stop()
        self.healer.stop()
        if self._server is not None:
            self._server.stop()
        self.worker.stop()

    def wait(self) -> None:
        """Finish what was begun."""
        if self._server is not None:
            self._server.wait()
        if self._has_begun:
            self.worker.wait()
            self.resource_reports.stop()
            self.heartbeat.stop()
        self.driver.stop()

    def reload(self) -> None:
        """Options are read where they are used; who waits as long as one says looks again."""
        self.healer.reload()

    def health(self) -> dict[str, bool]:
        """What this daemon needs, and whether it can be reached."""
        return {"hypervisor": self.driver.is_healthy()}
