"""Who may see and change the cloud's daemons."""

from novalike.api.policies import base

LIST = "os_compute_api:os-services:list"
UPDATE = "os_compute_api:os-services:update"
DELETE = "os_compute_api:os-services:delete"

RULES = [
    base.rule(LIST, base.ADMIN_API, "List daemons.", ("GET", "/os-services")),
    base.rule(
        UPDATE,
        base.ADMIN_API,
        "Enable or disable a compute host, or say that it is down.",
        ("PUT", "/os-services/{service_id}"),
    ),
    base.rule(DELETE, base.ADMIN_API, "Forget a daemon.", ("DELETE", "/os-services/{service_id}")),
]
