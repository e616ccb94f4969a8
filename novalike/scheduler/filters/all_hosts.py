"""AllHostsFilter: takes every host."""

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.filters.base import Check, Filter, Placed


class AllHostsFilter(Filter):
    """Refuses nothing."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        return None
