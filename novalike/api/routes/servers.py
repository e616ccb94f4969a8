"""Servers, their addresses, metadata and tags, and what is done to them."""

from novalike.api.policies import servers as may
from novalike.api.resources.server_create.create import ServerCreate
from novalike.api.resources.server_marks import ServerMarks
from novalike.api.resources.server_metadata import ServerMetadata
from novalike.api.resources.server_resize import ServerResize
from novalike.api.resources.server_tags import ServerTags
from novalike.api.resources.servers import ServerActions, ServerAddresses, Servers
from novalike.api.route import Action, Backends, Route, actions
from novalike.api.schemas import server_marks as mark_schemas
from novalike.api.schemas import server_metadata as metadata_schemas
from novalike.api.schemas import server_resize as resize_schemas
from novalike.api.schemas import server_tags as tag_schemas
from novalike.api.schemas import servers as schemas


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    servers = Servers(backends.conf, backends.transport)
    create = ServerCreate(backends.conf, backends.transport, backends.glance, backends.neutron)
    power = ServerActions(backends.transport)
    marks = ServerMarks(backends.transport)
    moves = ServerResize(backends.transport)
    addresses = ServerAddresses(backends.transport)
    metadata = ServerMetadata(backends.transport)
    tags = ServerTags(backends.transport)
    one = "/servers/{server_id}"
    return [
        Route("GET", "/servers", servers.index, may.INDEX, query=schemas.LIST),
        Route("POST", "/servers", create.create, may.CREATE, 202, body=schemas.CREATE),
        Route("GET", "/servers/detail", servers.detail, may.DETAIL, query=schemas.LIST),
        Route("GET", one, servers.show, None, query=schemas.SHOW),
        Route("PUT", one, servers.update, None, body=schemas.UPDATE),
        Route("DELETE", one, servers.delete, None, 204),
        *actions(
            f"{one}/action",
            [
                Action("os-start", power.start, None, body=schemas.START),
                Action("os-stop", power.stop, None, body=schemas.STOP),
                Action("reboot", power.reboot, None, body=schemas.REBOOT),
                Action("resize", moves.resize, None, body=resize_schemas.RESIZE),
                Action("confirmResize", moves.confirm_resize, None, 204, body=resize_schemas.CONFIRM_RESIZE),
                Action("revertResize", moves.revert_resize, None, body=resize_schemas.REVERT_RESIZE),
                Action("migrate", moves.migrate, None, body=resize_schemas.MIGRATE),
                Action("lock", marks.lock, None, body=mark_schemas.LOCK),
                Action("unlock", marks.unlock, None, body=mark_schemas.UNLOCK),
                Action("os-resetState", marks.reset_state, None, body=mark_schemas.RESET_STATE),
            ],
        ),
        Route("GET", f"{one}/ips", addresses.index, None, query=schemas.SHOW),
        Route("GET", f"{one}/ips/{{label}}", addresses.show, None, query=schemas.SHOW),
        Route("GET", f"{one}/metadata", metadata.index, None, query=schemas.SHOW),
        Route("POST", f"{one}/metadata", metadata.create, None, body=metadata_schemas.ALL),
        Route("PUT", f"{one}/metadata", metadata.update_all, None, body=metadata_schemas.ALL),
        Route("GET", f"{one}/metadata/{{key}}", metadata.show, None, query=schemas.SHOW),
        Route("PUT", f"{one}/metadata/{{key}}", metadata.update, None, body=metadata_schemas.ONE),
        Route("DELETE", f"{one}/metadata/{{key}}", metadata.delete, None, 204),
        Route("GET", f"{one}/tags", tags.index, None, first="2.26"),
        Route("PUT", f"{one}/tags", tags.update_all, None, body=tag_schemas.ALL, first="2.26"),
        Route("DELETE", f"{one}/tags", tags.delete_all, None, 204, first="2.26"),
        Route("GET", f"{one}/tags/{{tag}}", tags.show, None, 204, first="2.26"),
        Route("PUT", f"{one}/tags/{{tag}}", tags.update, None, 201, body=tag_schemas.NO_BODY, first="2.26"),
        Route("DELETE", f"{one}/tags/{{tag}}", tags.delete, None, 204, first="2.26"),
    ]
