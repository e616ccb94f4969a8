"""Events from Neutron and Cinder."""

from novalike.api.policies import server_external_events as event_policies
from novalike.api.resources.server_external_events import ServerExternalEvents
from novalike.api.route import Backends, Route
from novalike.api.schemas import server_external_events as event_schemas
from novalike.bus.servers import ServerCommands


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    events = ServerExternalEvents(backends.transport.client(ServerCommands))
    return [
        Route(
            "POST", "/os-server-external-events", events.create, event_policies.CREATE, body=event_schemas.create
        ),
    ]
