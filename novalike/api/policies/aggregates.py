"""Who may see and change host aggregates, and see availability zones."""

from novalike.api.policies import base

_NAMES = "os_compute_api:os-aggregates:"
LIST = f"{_NAMES}index"
SHOW = f"{_NAMES}show"
CREATE = f"{_NAMES}create"
UPDATE = f"{_NAMES}update"
DELETE = f"{_NAMES}delete"
ADD_HOST = f"{_NAMES}add_host"
REMOVE_HOST = f"{_NAMES}remove_host"
SET_METADATA = f"{_NAMES}set_metadata"
LIST_ZONES = "os_compute_api:os-availability-zone:list"
LIST_ZONES_DETAIL = "os_compute_api:os-availability-zone:detail"

_ONE = "/os-aggregates/{aggregate_id}"
_ACTION = f"{_ONE}/action"

RULES = [
    base.rule(LIST, base.ADMIN_API, "List host aggregates.", ("GET", "/os-aggregates")),
    base.rule(SHOW, base.ADMIN_API, "See a host aggregate.", ("GET", _ONE)),
    base.rule(CREATE, base.ADMIN_API, "Create a host aggregate.", ("POST", "/os-aggregates")),
    base.rule(UPDATE, base.ADMIN_API, "Change a host aggregate's name or zone.", ("PUT", _ONE)),
    base.rule(DELETE, base.ADMIN_API, "Delete a host aggregate.", ("DELETE", _ONE)),
    base.rule(ADD_HOST, base.ADMIN_API, "Put a host into an aggregate.", ("POST", f"{_ACTION} (add_host)")),
    base.rule(REMOVE_HOST, base.ADMIN_API, "Take a host out of an aggregate.", ("POST", f"{_ACTION} (remove_host)")),
    base.rule(SET_METADATA, base.ADMIN_API, "Change an aggregate's metadata.", ("POST", f"{_ACTION} (set_metadata)")),
    base.rule(LIST_ZONES, base.ANYONE, "List availability zones.", ("GET", "/os-availability-zone")),
    base.rule(
        LIST_ZONES_DETAIL,
        base.ADMIN_API,
        "List availability zones with their hosts and daemons.",
        ("GET", "/os-availability-zone/detail"),
    ),
]
