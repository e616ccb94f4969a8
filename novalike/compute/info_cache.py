"""What is recorded of servers' interfaces, kept as Neutron has them.

An operation reports the interfaces that it has made. What changes by itself (addresses, floating addresses, security
groups, whether a port works) is read again: when Neutron says that a port has changed, and, if so configured, now and
then. Such a refresh is written only if nobody has written the server's interfaces since it began; else it is done
again.
"""

import logging
import threading
from collections import deque

from oslo_config import cfg

from novalike.bus import journal as bus_journal
from novalike.bus.transport import Transport
from novalike.compute.networking import Networking
from novalike.objects import errors
from novalike.objects.context import RequestContext, admin_context
from novalike.objects.lifecycle import VmState
from novalike.objects.network import VersionedVifs
from novalike.objects.server import Server
from novalike.virt.driver import Driver

LOG = logging.getLogger(__name__)

# Who loses so often to operations and other refreshes leaves it to them.
_TRIES = 5


class InfoCache:
    """The records of interfaces, as far as they may be refreshed from here."""

    def __init__(self, networking: Networking, transport: Transport) -> None:
        self._networking = networking
        self._conductor: bus_journal.Journal = transport.client(bus_journal.Journal)

    def refresh(self, ctx: RequestContext, uuid: str, known: VersionedVifs) -> bool:
        """Have a server's interfaces recorded as Neutron has them now. Gives whether they are.

        :param known: as they were recorded when that was last seen.
        :raises Unavailable: Neutron or the conductor doesn't answer.
        """
        for _ in range(_TRIES):
            found = self._networking.refresh(ctx, uuid, known.vifs)
            if found == known.vifs:
                return True
            newer = self._conductor.refresh_vifs(ctx, instance_uuid=uuid, vifs=found, version=known.version)
            if newer is None:
                return True
            known = newer
        LOG.warning("instance %s: its interfaces are not refreshed: they change all the time", uuid)
        return False


class Healer:
    """Refreshes one server of each host every ``heal_instance_info_cache_interval`` seconds, one after the other.

    When all servers of all hosts have had their turn, the conductor is asked which there are now.
    """

    def __init__(self, conf: cfg.ConfigOpts, driver: Driver, info_cache: InfoCache, transport: Transport) -> None:
        self._conf = conf
        self._driver = driver
        self._info_cache = info_cache
        self._conductor: bus_journal.Journal = transport.client(bus_journal.Journal)
        self._waiting: dict[str, deque[Server]] = {}
        self._stopping = threading.Event()
        self._changed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heal", daemon=True)

    def start(self) -> None:
        """Begin, if that is configured."""
        self._thread.start()

    def stop(self) -> None:
        """Refresh nothing more."""
        self._stopping.set()
        self._changed.set()

    def reload(self) -> None:
        """The interval may have changed."""
        self._changed.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            interval = self._conf.heal_instance_info_cache_interval
            self._changed.clear()
            if interval <= 0:
                self._changed.wait()
                continue
            try:
                self.heal(interval)
            except errors.NovalikeError as error:
                LOG.warning("interfaces could not be refreshed: %s", error)
                self._stopping.wait(interval)
            except Exception:
                LOG.exception("interfaces could not be refreshed")
                self._stopping.wait(interval)

    def heal(self, interval: float) -> None:
        """Refresh a server of each host, evenly over ``interval`` seconds.

        :raises Unavailable: the conductor can't be reached.
        """
        hosts = self._driver.hosts()
        if not hosts:
            self._stopping.wait(interval)
            return
        if not any(self._waiting.get(host) for host in hosts):
            self._waiting = self._servers(hosts)
        for host in hosts:
            if self._stopping.wait(interval / len(hosts)):
                return
            if waiting := self._waiting.get(host):
                self._heal(waiting.popleft())

    def _servers(self, hosts: tuple[str, ...]) -> dict[str, deque[Server]]:
        """By host, those that nothing is done to, in the order in which they were made."""
        found: dict[str, deque[Server]] = {}
        servers = self._conductor.list_host_servers(admin_context(), hosts=hosts)
        for server in sorted(servers, key=lambda server: server.id):
            if server.host is not None and server.task_state is None and server.vm_state != VmState.BUILDING:
                found.setdefault(server.host, deque()).append(server)
        return found

    def _heal(self, server: Server) -> None:
        known = VersionedVifs(vifs=server.vifs, version=server.vifs_version)
        try:
            self._info_cache.refresh(admin_context(), server.uuid, known)
        except errors.NovalikeError as error:
            LOG.warning("instance %s: its interfaces could not be refreshed: %s", server.uuid, error)
        except Exception:
            LOG.exception("instance %s: its interfaces could not be refreshed", server.uuid)
