"""NumInstancesFilter and AggregateNumInstancesFilter: a limit of servers per host."""

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.filters.metadata import smallest


class NumInstancesFilter(Filter):
    """``[filter_scheduler] max_instances_per_host``."""

    follows_placement = True

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        default = self.conf.max_instances_per_host

        def check(host: Candidate) -> str | None:
            limit = self.limit(host, default)
            return f"{limit} servers are on the host" if host.num_instances >= limit else None

        return check

    def limit(self, host: Candidate, default: int) -> int:
        """Servers at most on this host.

        :param default: what the configuration says.
        """
        return default


class AggregateNumInstancesFilter(NumInstancesFilter):
    """The same, but aggregates' metadata ``max_instances_per_host`` comes first."""

    def limit(self, host: Candidate, default: int) -> int:
        return smallest(host.state, "max_instances_per_host", default)
