"""Hypervisors."""

from novalike.api.policies import hypervisors as may
from novalike.api.resources.hypervisors import Hypervisors
from novalike.api.route import Backends, Route
from novalike.api.schemas import hypervisors as schemas
from novalike.bus.hypervisors import HypervisorReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    hypervisors = Hypervisors(backends.conf, backends.transport.client(HypervisorReads))
    root, one = "/os-hypervisors", "/os-hypervisors/{hypervisor_id}"
    return [
        Route("GET", root, hypervisors.index, may.LIST, query=schemas.index_query),
        Route("GET", f"{root}/detail", hypervisors.detail, may.LIST_DETAIL, query=schemas.index_query),
        Route("GET", f"{root}/statistics", hypervisors.statistics, may.STATISTICS, last="2.87"),
        Route("GET", one, hypervisors.show, may.SHOW, query=schemas.show_query),
        Route("GET", f"{one}/uptime", hypervisors.uptime, may.UPTIME, last="2.87"),
        Route("GET", f"{one}/search", hypervisors.search, may.SEARCH, last="2.52"),
        Route("GET", f"{one}/servers", hypervisors.servers, may.SERVERS, last="2.52"),
    ]
