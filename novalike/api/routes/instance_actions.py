"""What was done to servers."""

from novalike.api.resources.instance_actions import InstanceActions
from novalike.api.route import Backends, Route
from novalike.api.schemas import instance_actions as action_schemas
from novalike.bus.servers import ServerReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    taken = InstanceActions(backends.conf, backends.transport.client(ServerReads))
    path = "/servers/{server_id}/os-instance-actions"
    return [
        Route("GET", path, taken.index, None, query=action_schemas.index_query),
        Route("GET", f"{path}/{{request_id}}", taken.show, None, query=action_schemas.show_query),
    ]
