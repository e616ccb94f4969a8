"""What the scheduler answers on the bus."""

from typing import Any

from oslo_config import cfg

from novalike.clients.placement import PlacementClient
from novalike.objects.context import RequestContext
from novalike.objects.scheduling import SchedulingRequest, Selections
from novalike.scheduler.filters.registry import load_filters
from novalike.scheduler.pipeline import Pipeline
from novalike.scheduler.selector import Selector
from novalike.scheduler.snapshot import EMPTY, Snapshot
from novalike.scheduler.snapshot_cache import SnapshotCache
from novalike.scheduler.weighers.registry import load_weighers


class SchedulerServer:
    """The handler of :class:`novalike.bus.scheduler.Scheduler`.

    :param reads: a client of ``SchedulerReads``.
    :param snapshot: to begin with; without one the first is fetched when it is needed.
    :raises SystemExit: an option names a filter or a weigher that doesn't exist.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        placement: PlacementClient,
        reads: Any,
        snapshot: Snapshot = EMPTY,
        endpoint: str = "",
    ) -> None:
        self._conf = conf
        self._placement = placement
        self._endpoint = endpoint
        self.snapshot_cache = SnapshotCache(reads, snapshot)
        self.reload()

    def reload(self) -> None:
        """Take up the configuration as it is now.

        :raises SystemExit: an option names a filter or a weigher that doesn't exist.
        """
        pipeline = Pipeline(self._conf, load_filters(self._conf), load_weighers(self._conf))
        self._selector = Selector(self._conf, self._placement, self.snapshot_cache, pipeline)

    def select(self, ctx: RequestContext, *, request: SchedulingRequest) -> Selections:
        """Choose and claim a host for every server of the request, or claim none.

        :raises Unavailable: Placement can't be reached.
        """
        return self._selector.select(request)

    def ping(self, ctx: RequestContext) -> str:
        """The endpoint that answered."""
        return self._endpoint
