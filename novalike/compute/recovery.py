"""Putting in order what an earlier process, or the world, left behind.

First the unfinished operations: each is run again from its first step, which resumes or ends it. Then what is
on the hosts: all that is left of servers that were deleted or live elsewhere is removed, power states are compared,
and what nobody knows is reported and left alone.
"""

import logging
from collections.abc import Callable, Mapping
from typing import cast

from novalike.bus import journal as bus_journal
from novalike.bus.transport import Transport
from novalike.compute.networking import Networking
from novalike.compute.worker import Worker
from novalike.objects import errors, lifecycle
from novalike.objects.context import admin_context
from novalike.objects.lifecycle import PowerState, VmState
from novalike.objects.server import Server, ServerSpec
from novalike.virt.abilities import MovesGuests
from novalike.virt.driver import Driver, GuestFailed, GuestNotFound
from novalike.virt.guest import Guest, place_on

LOG = logging.getLogger(__name__)


class Recovery:
    """Compares the hosts of this process with the records."""

    def __init__(
        self, driver: Driver, networking: Networking, transport: Transport, endpoint: str, incarnation: str
    ) -> None:
        self._driver = driver
        self._networking = networking
        # (host, server): something may be left of it, if only ports.
        self._suspects: set[tuple[str, str]] = set()
        self._conductor: bus_journal.Journal = transport.client(bus_journal.Journal)
        self._endpoint = endpoint
        self._incarnation = incarnation
        # Hosts whose unfinished operations have been taken up.
        self._resumed: frozenset[str] = frozenset()
        self._reported: set[tuple[str, str]] = set()

    def resume(self, worker: Worker) -> None:
        """Take up what another process left unfinished on the hosts that are this one's since this was called last.

        :raises Unavailable: the conductor can't be reached.
        """
        hosts = self._driver.hosts()
        if new := tuple(host for host in hosts if host not in self._resumed):
            assignments = self._conductor.recover(
                admin_context(), endpoint=self._endpoint, incarnation=self._incarnation, hosts=new
            )
            for assignment in assignments:
                operation = assignment.operation
                LOG.info("instance %s: resuming %s", operation.instance_uuid, operation.workflow)
            worker.submit(assignments)
        self._resumed = frozenset(hosts)

    def suspect(self, host: str, instance_uuid: str) -> None:
        """Something was done to a server that it was not ours any more to do: see next time what is left of it."""
        self._suspects.add((host, instance_uuid))

    def reconcile(self, works_on: Callable[[str], bool] = lambda uuid: False) -> bool:
        """Compare what is on the hosts with the records.

        Records are read last. So whatever began after the hosts were looked at shows in them, and is left alone.

        :param works_on: whether this process is doing something to a server.
        :returns: whether all is clear: nothing is here of a server that may yet turn out to have left.
        :raises Unavailable: the conductor or the hypervisor can't be reached.
        :raises GuestFailed: the hypervisor can't say what is there.
        """
        hosts = self._driver.hosts()
        guests = {(host, guest.instance_uuid): guest for host in hosts for guest in self._driver.guests(host)}
        residents = {(host, uuid) for host in hosts for uuid in self._driver.residents(host)}
        residents |= {(host, uuid) for host, uuid in self._suspects if host in hosts}
        uuids = tuple(dict.fromkeys(uuid for _host, uuid in residents))
        servers = self._conductor.list_host_servers(admin_context(), hosts=hosts, guests=uuids)
        known = {server.uuid: server for server in servers}
        holders = self._holders([known[uuid] for host, uuid in residents if uuid in known and known[uuid].host != host])
        clear = self._look_at_asides(hosts, known)
        for host, uuid in sorted(residents):
            server = known.get(uuid)
            if server is None:
                self._report_unknown(host, uuid)
                done = True
            elif _has_left(server, host, holders):
                done = self._remove(host, server)
            else:
                # What somebody else does to a server, because we were away, he does not tell us.
                done = _is_settled(server) or (server.host == host and works_on(uuid))
            if done:
                self._suspects.discard((host, uuid))
            clear &= done
        for server in servers:
            if server.host in hosts and server.task_state is None and server.vm_state != VmState.DELETED:
                guest = guests.get((server.host, server.uuid))
                if _differs(server, guest.power_state) if guest else server.power_state == PowerState.RUNNING:
                    clear &= self._corrected(server, server.host)
        return clear

    def _look_at_asides(self, hosts: tuple[str, ...], known: Mapping[str, Server]) -> bool:
        """See to what is set aside, on the hosts of this process, of servers that are on the same host. Gives whether
        nothing is left to be done.

        When nobody will go back to it, it goes, unless it is all that there is of the server.
        """
        if not isinstance(self._driver, MovesGuests):
            return True
        asides = [(host, uuid) for host in hosts for uuid in sorted(self._driver.aside(host))]
        asides = [(host, uuid) for host, uuid in asides if uuid in known and _is_idle_on(known[uuid], host)]
        if not asides:
            return True
        uuids = tuple(dict.fromkeys(uuid for _host, uuid in asides))
        try:
            keepers = self._conductor.keepers(admin_context(), instance_uuids=uuids)
        except errors.Unavailable as error:
            LOG.warning("what is set aside of %d servers can't be told now: %s", len(uuids), error)
            return False
        unwanted = [(host, uuid) for host, uuid in asides if host not in keepers.get(uuid, (host,))]
        return sum(self._put_aside_right(host, known[uuid]) for host, uuid in unwanted) == len(unwanted)

    def _put_aside_right(self, host: str, server: Server) -> bool:
        driver, guest = cast(MovesGuests, self._driver), _guest(host, server)
        try:
            # That it can't be taken back does not say that there are other disks: these may be the only ones.
            if self._has_guest(guest):
                driver.discard_aside(guest)
                LOG.info("instance %s: what host %s had set aside of it is removed", server.uuid, host)
            else:
                driver.take_back(guest)
                LOG.info("instance %s: its disks on host %s, which were set aside, are taken back", server.uuid, host)
        except errors.NovalikeError as error:
            LOG.error("instance %s: what is set aside of it could not be put right: %s", server.uuid, error)
            return False
        return True

    def _has_guest(self, guest: Guest) -> bool:
        """Whether the hypervisor knows a guest. Then its disks are not those that are set aside."""
        try:
            self._driver.find_guest(guest)
        except GuestNotFound:
            return False
        return True

    def _holders(self, elsewhere: list[Server]) -> dict[str, tuple[str, ...]]:
        """Which hosts may have something of servers that are on another host, and to which nothing is done.

        A conductor of the release before can't say; then nothing is removed, and the rest is compared all the same.
        """
        uuids = tuple(s.uuid for s in elsewhere if s.vm_state != VmState.DELETED and _is_settled(s))
        try:
            return self._conductor.holders(admin_context(), instance_uuids=uuids) if uuids else {}
        except errors.Unavailable as error:
            LOG.warning("who may have something of %d servers can't be told now: %s", len(uuids), error)
            return {}

    def power_changed(self, instance_uuid: str) -> None:
        """A guest has started or stopped by itself: say what it is now. News may be late, so it is asked once more."""
        for server in self._conductor.list_host_servers(admin_context(), hosts=(), guests=(instance_uuid,)):
            if server.host in self._driver.hosts() and server.task_state is None:
                self._correct(server, server.host)

    def _corrected(self, server: Server, host: str) -> bool:
        """As :meth:`_correct`; gives whether the guest could be seen: others don't have to wait for one that can't."""
        try:
            self._correct(server, host)
        except GuestFailed as error:
            LOG.warning("instance %s: what its guest is now can't be seen: %s", server.uuid, error)
            return False
        return True

    def _correct(self, server: Server, host: str) -> None:
        """Say what a guest is doing, after another look: an operation may have ended since the first one."""
        try:
            power_state = self._driver.find_guest(_guest(host, server)).power_state
        except GuestNotFound:
            LOG.warning("instance %s has no guest on %s any more", server.uuid, host)
            power_state = PowerState.SHUTDOWN
        if _differs(server, power_state):
            self._conductor.power_states(
                admin_context(), host=host, states={server.uuid: power_state}, seen={server.uuid: server.updated_at}
            )

    def _report_unknown(self, host: str, uuid: str) -> None:
        if (host, uuid) not in self._reported:
            LOG.warning("host %s has something of instance %s, which is not recorded anywhere: it is left alone", host,
                        uuid)  # fmt: skip
            self._reported.add((host, uuid))

    def _remove(self, host: str, server: Server) -> bool:
        """Remove all that is on a host of a server. Gives whether that worked."""
        LOG.info("instance %s is deleted, or not on host %s any more: removing what is left of it", server.uuid, host)
        guest = _guest(host, server)
        try:
            self._driver.remove_guest(guest)
            self._driver.remove_disks(guest)
            if isinstance(self._driver, MovesGuests):
                self._driver.discard_aside(guest)
            self._driver.unplug(guest)
            self._networking.clear(server, host)
        except errors.NovalikeError as error:
            LOG.error("instance %s could not be removed: %s", server.uuid, error)
            return False
        return True


def _guest(host: str, server: Server) -> Guest:
    """Return a server as the driver is handed it: of what it needs besides to be built nothing is known here."""
    return Guest(place=place_on(host, server), spec=ServerSpec(server=server), vifs=server.vifs)


def _differs(server: Server, power_state: int) -> bool:
    """Whether a server isn't what its guest is."""
    return power_state != server.power_state or (server.vm_state, power_state) in lifecycle.OBSERVED


def _has_left(server: Server, host: str, holders: Mapping[str, tuple[str, ...]]) -> bool:
    """Whether a server will never need again what it has on a host.

    While an operation is under way, that is the operation's business: a build may come back to this host.

    :param holders: hosts that may have something of servers, for those of which it was asked.
    """
    if server.vm_state == VmState.DELETED:
        return True
    return server.host != host and _is_settled(server) and host not in holders.get(server.uuid, (host,))


def _is_idle_on(server: Server, host: str) -> bool:
    """Whether a server is on a host, and nothing is being done to it."""
    return server.host == host and server.vm_state != VmState.DELETED and _is_settled(server)


def _is_settled(server: Server) -> bool:
    """Whether nothing is being done to a server."""
    return server.task_state is None and server.vm_state != VmState.BUILDING
