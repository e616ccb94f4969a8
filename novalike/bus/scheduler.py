"""What the scheduler offers."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.scheduling import SchedulingRequest, Selections


class Scheduler(Interface):
    """Asked by the conductor, on the shared topic: any scheduler answers."""

    topic = "novalike-scheduler"
    version = "1.0"

    @call(timeout=180)
    def select(self, ctx: RequestContext, *, request: SchedulingRequest) -> Selections:
        """Choose and claim a host for every server of the request, or claim none.

        A server that has a claim from an earlier try loses it first: asking again is safe.

        :raises Unavailable: Placement can't be reached.
        """
        raise NotImplementedError

    @call(timeout=5, repeatable=True)
    def ping(self, ctx: RequestContext) -> str:
        """The endpoint that answered."""
        raise NotImplementedError

