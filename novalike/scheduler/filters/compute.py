"""ComputeFilter: only hosts whose compute service is enabled and alive."""

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed


class ComputeFilter(Filter):
    """Refuses hosts that are disabled or haven't been heard from."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        return _check


def _check(host: Candidate) -> str | None:
    state = host.state
    if state.disabled:
        return f"the service is disabled ({state.disabled_reason or 'no reason given'})"
    if not state.up:
        return "the service has not been heard from in a while"
    return None
