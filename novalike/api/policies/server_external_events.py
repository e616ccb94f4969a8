"""Who may tell of events outside of the cloud's compute service."""

from novalike.api.policies import base

CREATE = "os_compute_api:os-server-external-events:create"

RULES = [
    base.rule(
        CREATE,
        base.SERVICE_OR_ADMIN,
        "Say that something has happened to servers' ports, volumes …",
        ("POST", "/os-server-external-events"),
    ),
]
