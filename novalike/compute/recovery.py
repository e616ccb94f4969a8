"""Putting in order what an earlier process, or the world, left behind.

First the unfinished operations: each is run again from its first step, which resumes or ends it. Then the
guests: those of deleted servers are removed, power states are compared, and guests that nobody knows are
reported and left alone.
"""

import logging

from novalike.bus import conductor as interfaces
from novalike.bus.transport import Transport
from novalike.compute.worker import Worker
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.lifecycle import PowerState, VmState
from novalike.objects.server import Server, ServerSpec
from novalike.virt.driver import Driver

LOG = logging.getLogger(__name__)


class Recovery:
    """Compares the hosts of this process with the records."""

    def __init__(self, driver: Driver, transport: Transport, endpoint: str, incarnation: str) -> None:
        self._driver = driver
        self._conductor: interfaces.Journal = transport.client(interfaces.Journal)
        self._endpoint = endpoint
        self._incarnation = incarnation
        self._reported: set[str] = set()

    def resume(self, worker: Worker) -> None:
        """Take up what an earlier process left unfinished.

        :raises Unavailable: the conductor can't be reached.
        """
        assignments = self._conductor.recover(
            admin_context(), endpoint=self._endpoint, incarnation=self._incarnation, hosts=self._driver.hosts()
        )
        for assignment in assignments:
            operation = assignment.operation
            LOG.info("instance %s: resuming %s", operation.instance_uuid, operation.workflow)
        worker.submit(assignments)

    def reconcile(self) -> None:
        """Compare guests with records.

        :raises Unavailable: the conductor or the hypervisor can't be reached.
        """
        hosts = self._driver.hosts()
        guests = {guest.instance_uuid: (host, guest) for host in hosts for guest in self._driver.guests(host)}
        ctx = admin_context()
        servers = self._conductor.list_host_servers(ctx, hosts=hosts, guests=tuple(guests))
        known = {server.uuid: server for server in servers}
        for uuid, (host, guest) in guests.items():
            server = known.get(uuid)
            if server is None:
                self._report_unknown(host, uuid)
            elif server.vm_state == VmState.DELETED or _lives_elsewhere(server, host):
                self._remove(host, server)
            elif server.task_state is None and server.power_state != guest.power_state and server.host == host:
                self._conductor.power_states(ctx, host=host, states={uuid: guest.power_state})
        for server in servers:
            missing = server.uuid not in guests and server.vm_state != VmState.DELETED and server.task_state is None
            if missing and server.host and server.power_state == PowerState.RUNNING:
                LOG.warning("instance %s has no guest on %s any more", server.uuid, server.host)
                self._conductor.power_states(ctx, host=server.host, states={server.uuid: PowerState.SHUTDOWN})

    def power_changed(self, instance_uuid: str) -> None:
        """A guest has started or stopped by itself, or because of an operation: say what it is now.

        News may be late, so the hypervisor is asked once more. While an operation is under way the conductor
        does not listen.
        """
        for host in self._driver.hosts():
            for guest in self._driver.guests(host):
                if guest.instance_uuid == instance_uuid:
                    self._conductor.power_states(
                        admin_context(), host=host, states={instance_uuid: guest.power_state}
                    )
                    return

    def _report_unknown(self, host: str, uuid: str) -> None:
        if uuid not in self._reported:
            LOG.warning("host %s has a guest %s that is not recorded anywhere: it is left alone", host, uuid)
            self._reported.add(uuid)

    def _remove(self, host: str, server: Server) -> None:
        LOG.info("instance %s was deleted or built elsewhere while %s was away: removing its guest", server.uuid, host)
        spec = ServerSpec(server=server)
        try:
            self._driver.destroy(host, spec)
            self._driver.unplug(host, spec, server.vifs)
        except errors.NovalikeError as error:
            LOG.error("instance %s could not be removed: %s", server.uuid, error)


def _lives_elsewhere(server: Server, host: str) -> bool:
    """Whether a server has been given to another host, and is settled there."""
    return server.host not in (None, host) and server.task_state is None and server.vm_state != VmState.BUILDING
