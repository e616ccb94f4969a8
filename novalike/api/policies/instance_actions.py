"""Who may see what was done to a server."""

from novalike.api.policies import base

LIST = "os_compute_api:os-instance-actions:list"
SHOW = "os_compute_api:os-instance-actions:show"
EVENTS = "os_compute_api:os-instance-actions:events"
EVENT_DETAILS = "os_compute_api:os-instance-actions:events:details"

_ALL = "/servers/{server_id}/os-instance-actions"
_ONE = _ALL + "/{request_id}"

RULES = [
    base.rule(LIST, base.READER_OR_ADMIN, "List what was done to a server.", ("GET", _ALL)),
    base.rule(SHOW, base.READER_OR_ADMIN, "Show one thing that was done to a server.", ("GET", _ONE)),
    base.rule(
        EVENTS,
        base.ADMIN_API,
        "See the events of what was done to a server; from microversion 2.51, where everybody sees those, only their "
        "tracebacks; from 2.62 their hosts, too.",
        ("GET", _ONE),
    ),
    base.rule(
        EVENT_DETAILS,
        base.ADMIN_API,
        "See the details of failed events (microversion 2.84). They may say something about the cloud's inside.",
        ("GET", _ONE),
    ),
]
