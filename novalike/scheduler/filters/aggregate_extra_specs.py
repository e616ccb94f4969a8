"""AggregateInstanceExtraSpecsFilter: extra specs of the flavor against the metadata of aggregates."""

from novalike.objects.host import HostState
from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.filters.metadata import merged, per_aggregates
from novalike.scheduler.filters.operators import matches

SCOPE = "aggregate_instance_extra_specs"


class AggregateInstanceExtraSpecsFilter(Filter):
    """Holds extra specs scoped ``aggregate_instance_extra_specs:``, and those without a scope."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        wanted: dict[str, str] = {}
        for key, value in request.flavor.extra_specs.items():
            scope, colon, name = key.partition(":")
            if not colon:
                wanted[key] = value
            elif scope == SCOPE:
                wanted[name] = value
        if not wanted:
            return None

        def judge(state: HostState) -> str | None:
            metadata = merged(state)
            for key, value in wanted.items():
                if not any(matches(found, value) for found in metadata.get(key, ())):
                    return f"no aggregate of the host has {key} = {value}"
            return None

        return per_aggregates(judge)
