"""Key pairs."""

from novalike.api.resources.keypairs import Keypairs
from novalike.api.route import Backends, Route
from novalike.api.schemas import keypairs as schemas
from novalike.bus.keypairs import KeypairCommands, KeypairReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    bus = backends.transport
    keypairs = Keypairs(backends.conf, bus.client(KeypairReads), bus.client(KeypairCommands))
    return [
        Route("GET", "/os-keypairs", keypairs.index, None, query=schemas.index_query),
        Route("POST", "/os-keypairs", keypairs.create, None, body=schemas.create),
        Route("GET", "/os-keypairs/{name}", keypairs.show, None, query=schemas.show_query),
        Route("DELETE", "/os-keypairs/{name}", keypairs.delete, None, query=schemas.show_query),
    ]
