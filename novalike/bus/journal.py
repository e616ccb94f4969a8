"""What compute hosts report to the conductor, and ask it."""

import datetime

from novalike.bus.interface import Interface, call, cast
from novalike.objects.context import RequestContext
from novalike.objects.host import Heartbeat, NodeReport
from novalike.objects.network import VersionedVifs, Vif
from novalike.objects.operation import Assignment, Outcome, Progress
from novalike.objects.server import Server


class Journal(Interface):
    """What a compute process tells the conductor. Every write carries the epoch, and fails once fenced."""

    topic = "novalike-conductor-journal"

    @call(timeout=20, repeatable=True)
    def accept(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, operation_ids: tuple[str, ...]
    ) -> tuple[Assignment, ...]:
        """Take up those operations that are still to be done by this process, or held by its dead predecessor."""
        raise NotImplementedError

    @call(timeout=20, repeatable=True)
    def recover(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, hosts: tuple[str, ...]
    ) -> tuple[Assignment, ...]:
        """All unfinished operations of these hosts, taken away from whoever held them."""
        raise NotImplementedError

    @call(timeout=30, repeatable=True)
    def progress(self, ctx: RequestContext, *, progress: Progress) -> None:
        """A step has ended, another has begun. A report that was overtaken by a later one is dropped.

        :raises Fenced: the operation is no longer the caller's.
        """
        raise NotImplementedError

    @call(timeout=20, repeatable=True)
    def finish(self, ctx: RequestContext, *, outcome: Outcome) -> None:
        """The operation has ended on its host.

        :raises Fenced: the operation is no longer the caller's.
        """
        raise NotImplementedError

    @cast
    def heartbeat(self, ctx: RequestContext, *, beat: Heartbeat) -> None:
        """A process lives."""

    @call(timeout=20, repeatable=True, since="1.2")
    def report_nodes(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, nodes: tuple[NodeReport, ...]
    ) -> tuple[str, ...]:
        """Register or refresh hosts and their nodes. Gives those of the hosts whose services are disabled."""
        raise NotImplementedError

    @call(timeout=20, repeatable=True)
    def list_host_servers(
        self, ctx: RequestContext, *, hosts: tuple[str, ...], guests: tuple[str, ...] = ()
    ) -> tuple[Server, ...]:
        """The servers that are recorded on these hosts, and ``guests``, wherever they are or deleted."""
        raise NotImplementedError

    @call(timeout=20, repeatable=True, since="1.4")
    def holders(self, ctx: RequestContext, *, instance_uuids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Return the hosts that may have something of some servers, by server. Of deleted ones none may."""
        raise NotImplementedError

    @call(timeout=20, repeatable=True, since="1.5")
    def keepers(self, ctx: RequestContext, *, instance_uuids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Return the hosts that are to keep what they have set aside of some servers, by server."""
        raise NotImplementedError

    @cast(added={"seen": "1.1"})
    def power_states(
        self, ctx: RequestContext, *, host: str, states: dict[str, int], seen: dict[str, datetime.datetime | None] = {}
    ) -> None:
        """Power states as the hypervisor sees them, by server uuid, for servers that nothing is done to.

        :param seen: ``updated_at`` of the servers' records as they were when the hypervisor was asked: news that came
            late, or were overtaken by an action, are dropped.
        """

    @cast
    def vifs_changed(
        self, ctx: RequestContext, *, instance_uuid: str, vifs: tuple[Vif, ...]
    ) -> None:
        """A server's interfaces as Neutron has them now: what a compute process of the release before says instead of
        :meth:`refresh_vifs`."""

    @call(timeout=20, repeatable=True, since="1.3")
    def refresh_vifs(
        self, ctx: RequestContext, *, instance_uuid: str, vifs: tuple[Vif, ...], version: int
    ) -> VersionedVifs | None:
        """Record a server's interfaces as Neutron has them now.

        :param version: of the recorded ones, seen before Neutron was asked.
        :returns: None when that was done or there is no such server; else, what has been recorded since.
        """
        raise NotImplementedError
