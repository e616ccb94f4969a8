"""Daemons."""

from novalike.api.policies import services as may
from novalike.api.resources.services import Services
from novalike.api.route import Backends, Route
from novalike.api.schemas import services as schemas
from novalike.bus.services import ServiceCommands, ServiceReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    services = Services(backends.transport.client(ServiceReads), backends.transport.client(ServiceCommands))
    one = "/os-services/{service_id}"
    return [
        Route("GET", "/os-services", services.index, may.LIST, query=schemas.index_query),
        Route("PUT", one, services.update_by_action, may.UPDATE, body=schemas.update, last="2.52"),
        Route("PUT", one, services.update, None, body=schemas.update, first="2.53"),
        Route("DELETE", one, services.delete, may.DELETE, 204),
    ]
