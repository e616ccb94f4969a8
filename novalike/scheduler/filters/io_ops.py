"""IoOpsFilter and AggregateIoOpsFilter: a limit of servers per host that are being built, moved or copied."""

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.filters.metadata import smallest


class IoOpsFilter(Filter):
    """``[filter_scheduler] max_io_ops_per_host``."""

    follows_placement = True

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        default = self.conf.max_io_ops_per_host

        def check(host: Candidate) -> str | None:
            limit = self.limit(host, default)
            return f"{limit} operations keep the host's disks busy" if host.num_io_ops >= limit else None

        return check

    def limit(self, host: Candidate, default: int) -> int:
        """Operations at most on this host.

        :param default: what the configuration says.
        """
        return default


class AggregateIoOpsFilter(IoOpsFilter):
    """The same, but aggregates' metadata ``max_io_ops_per_host`` comes first."""

    def limit(self, host: Candidate, default: int) -> int:
        return smallest(host.state, "max_io_ops_per_host", default)
