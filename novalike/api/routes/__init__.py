"""The table of all endpoints, a file for each family.

A line is method, path, what it does, who may (``None``: the handler asks once it knows whose thing it is), and what it
accepts. Paths are without version and project, which ``middleware.context`` cuts off.
"""

from novalike.api.resources.versions import Versions
from novalike.api.route import Backends, Route
from novalike.api.routes import (
    aggregates,
    consoles,
    flavors,
    hypervisors,
    instance_actions,
    keypairs,
    migrations,
    quotas,
    server_external_events,
    servers,
    services,
)

_FAMILIES = (
    servers,
    instance_actions,
    migrations,
    server_external_events,
    services,
    hypervisors,
    consoles,
    flavors,
    keypairs,
    quotas,
    aggregates,
)


def table(backends: Backends) -> list[Route]:
    """Return every endpoint."""
    return [
        Route("GET", "/v2.1", Versions().show, None),
        *(route for family in _FAMILIES for route in family.routes(backends)),
    ]
