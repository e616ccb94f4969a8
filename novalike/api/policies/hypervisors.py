"""Rules about hypervisors."""

from novalike.api.policies.base import ADMIN_API, rule

ROOT = "os_compute_api:os-hypervisors:%s"
LIST, LIST_DETAIL, STATISTICS, SHOW, UPTIME, SEARCH, SERVERS = (
    ROOT % name for name in ("list", "list-detail", "statistics", "show", "uptime", "search", "servers")
)
_ONE = "/os-hypervisors/{hypervisor_id}"

RULES = [
    rule(LIST, ADMIN_API, "List hypervisors.", ("GET", "/os-hypervisors")),
    rule(LIST_DETAIL, ADMIN_API, "List hypervisors with details.", ("GET", "/os-hypervisors/detail")),
    rule(STATISTICS, ADMIN_API, "Sum up all hypervisors.", ("GET", "/os-hypervisors/statistics")),
    rule(SHOW, ADMIN_API, "Show a hypervisor.", ("GET", _ONE)),
    rule(UPTIME, ADMIN_API, "Show how long a hypervisor has been up.", ("GET", f"{_ONE}/uptime")),
    rule(SEARCH, ADMIN_API, "Search hypervisors.", ("GET", f"{_ONE}/search")),
    rule(SERVERS, ADMIN_API, "List the servers on hypervisors.", ("GET", f"{_ONE}/servers")),
]
