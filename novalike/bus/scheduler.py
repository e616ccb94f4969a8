"""What the scheduler offers."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.scheduling import SchedulingRequest, Selections


class Scheduler(Interface):
    """Asked by the conductor, on the shared topic: any scheduler answers."""

    topic = "novalike-scheduler"

    @call(timeout=30, since="1.2")
    def select(self, ctx: RequestContext, *, request: SchedulingRequest) -> Selections:
        """Choose and claim a host for every server of the request, or claim none.

        :raises AlreadyClaimed: a server has another claim than the request says. Whoever asks looks at it and asks
            again, if the server is still his to place.
        :raises Unavailable: Placement can't be reached. Some claims may have been made.
        """
        raise NotImplementedError

    @call(timeout=5, repeatable=True)
    def ping(self, ctx: RequestContext) -> str:
        """The endpoint that answered."""
        raise NotImplementedError

