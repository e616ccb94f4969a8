"""IsolatedHostsFilter: some images only on some hosts."""

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed


class IsolatedHostsFilter(Filter):
    """``isolated_images`` run on ``isolated_hosts`` only; by default nothing else runs there."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        hosts = frozenset(self.conf.isolated_hosts)
        isolated = request.image is not None and request.image.id in self.conf.isolated_images
        restricted = self.conf.restrict_isolated_hosts_to_isolated_images
        if not isolated and not (restricted and hosts):
            return None

        def check(host: Candidate) -> str | None:
            on_isolated = host.state.host in hosts
            if isolated and not on_isolated:
                return "the image may run on isolated hosts only"
            if restricted and on_isolated and not isolated:
                return "the host is for isolated images only"
            return None

        return check
