"""SimpleCIDRAffinityFilter: hosts near an address."""

import ipaddress

from novalike.objects.scheduling import SchedulingRequest
from novalike.scheduler.candidate import Candidate
from novalike.scheduler.filters.base import Check, Filter, Placed
from novalike.scheduler.hints import hint


class SimpleCIDRAffinityFilter(Filter):
    """Hints ``build_near_host_ip`` and ``cidr`` (default /24): only hosts with an address in that network."""

    def for_request(self, request: SchedulingRequest, placed: Placed) -> Check | None:
        near = hint(request, "build_near_host_ip")
        if not near:
            return None
        text = f"{near}/{str(hint(request, 'cidr', '/24')).lstrip('/')}"
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError:
            return lambda host: f"the hint {text} is no network"

        def check(host: Candidate) -> str | None:
            address = host.state.host_ip
            if address and ipaddress.ip_address(address) in network:
                return None
            return f"the host's address is not in {network}"

        return check
