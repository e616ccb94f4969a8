"""Hosts, as the scheduler needs to know them."""


from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.host import HostStates


class SchedulerReads(Interface):
    topic = "novalike-conductor-reads"

    @call(timeout=20, repeatable=True, added={"changes": "1.1"})
    def inventory(
        self, ctx: RequestContext, *, known_version: str | None = None, changes: bool = False
    ) -> HostStates | None:
        """All hosts as the scheduler needs them; None when nothing has changed since ``known_version``.

        :param changes: those hosts will do that have changed.
        """
        raise NotImplementedError

