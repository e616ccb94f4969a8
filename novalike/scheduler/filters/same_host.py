"""SameHostFilter and DifferentHostFilter: near to, or away from, the servers that a hint names."""

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.hints import hinted_servers


class SameHostFilter(Filter):
    """Hint ``same_host``: only hosts on which one of these servers is."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        servers = hinted_servers(request, "same_host")
        if not servers:
            return None
        hosts = {request.instance_hosts.get(uuid) for uuid in servers}

        def check(host: Candidate) -> str | None:
            return None if host.state.host in hosts else "none of the hint's same_host servers is there"

        return check


class DifferentHostFilter(Filter):
    """Hint ``different_host``: no host on which one of these servers is."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        servers = hinted_servers(request, "different_host")
        hosts = {request.instance_hosts[uuid] for uuid in servers if uuid in request.instance_hosts}
        if not hosts:
            return None

        def check(host: Candidate) -> str | None:
            return "one of the hint's different_host servers is there" if host.state.host in hosts else None

        return check
