"""AggregateMultiTenancyIsolation: aggregates that are for some projects only."""

from novalike.objects.host import HostState
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.filters.metadata import merged, per_aggregates

PREFIX = "filter_tenant_id"


class AggregateMultiTenancyIsolation(Filter):
    """A host in an aggregate with ``filter_tenant_id…`` takes servers of these projects only."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        project = request.project_id

        def judge(state: HostState) -> str | None:
            lists = [values for key, values in merged(state).items() if key.startswith(PREFIX)]
            if not lists or any(project in values for values in lists):
                return None
            return "an aggregate keeps the host for other projects"

        return per_aggregates(judge)
