"""Host aggregates and availability zones."""

from novalike.api.policies import aggregates as may
from novalike.api.resources.aggregates import Aggregates
from novalike.api.resources.availability_zones import AvailabilityZones
from novalike.api.route import Action, Backends, Route, actions
from novalike.api.schemas import aggregates as schemas
from novalike.bus.aggregates import AggregateCommands, AggregateReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    reads = backends.transport.client(AggregateReads)
    aggregates = Aggregates(reads, backends.transport.client(AggregateCommands))
    zones = AvailabilityZones(backends.conf, reads)
    one = "/os-aggregates/{aggregate_id}"
    return [
        Route("GET", "/os-availability-zone", zones.index, may.LIST_ZONES, query=schemas.query),
        Route("GET", "/os-availability-zone/detail", zones.detail, may.LIST_ZONES_DETAIL, query=schemas.query),
        Route("GET", "/os-aggregates", aggregates.index, may.LIST, query=schemas.query),
        Route("POST", "/os-aggregates", aggregates.create, may.CREATE, body=schemas.create),
        Route("GET", one, aggregates.show, may.SHOW, query=schemas.query),
        Route("PUT", one, aggregates.update, may.UPDATE, body=schemas.update),
        Route("DELETE", one, aggregates.delete, may.DELETE),
        *actions(
            f"{one}/action",
            [
                Action("add_host", aggregates.add_host, may.ADD_HOST, 200, body=schemas.add_host),
                Action("remove_host", aggregates.remove_host, may.REMOVE_HOST, 200, body=schemas.remove_host),
                Action("set_metadata", aggregates.set_metadata, may.SET_METADATA, 200, body=schemas.set_metadata),
            ],
        ),
    ]
