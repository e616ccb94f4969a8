"""What the conductor offers about hypervisors."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.host import ComputeNode


class HypervisorReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def list_hypervisors(
        self,
        ctx: RequestContext,
        *,
        limit: int | None = None,
        marker: str | None = None,
        pattern: str | None = None,
        with_servers: bool = False,
    ) -> tuple[ComputeNode, ...]:
        """Hypervisors by row number, those of the first cell first.

        :param marker: uuid (or row number) of the last one of the previous page.
        :param pattern: part of the host name.
        :param with_servers: with (name, uuid) of the servers on them.
        :raises MarkerNotFound: there is no such marker.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def get_hypervisor(
        self, ctx: RequestContext, *, hypervisor_id: str, with_servers: bool = False
    ) -> ComputeNode:
        """One hypervisor, by uuid or row number.

        :raises ComputeNodeNotFound: none such.
        """
        raise NotImplementedError
