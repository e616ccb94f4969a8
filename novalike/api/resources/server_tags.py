"""Tags of servers."""

from typing import Any

from novalike.api import validation
from novalike.api.policies import servers as policies
from novalike.api.request import Answer, ApiRequest
from novalike.api.resources.servers import target_of
from novalike.api.schemas import types
from novalike.api.schemas.server_tags import MAX_TAGS
from novalike.bus.servers import ServerCommands, ServerReads
from novalike.bus.transport import Transport
from novalike.objects import errors
from novalike.objects.server import Server

# What an answer without a body has always been called here.
_NO_CONTENT = {"Content-Type": "text/html; charset=UTF-8"}


class ServerTags:
    """``/servers/{id}/tags``."""

    def __init__(self, transport: Transport) -> None:
        self._reads: ServerReads = transport.client(ServerReads)
        self._commands: ServerCommands = transport.client(ServerCommands)

    def _server(self, req: ApiRequest, server_id: str, what: str) -> Server:
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(policies.TAGS % what, target_of(server))
        return server

    def index(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """All tags."""
        return {"tags": list(self._server(req, server_id, "index").tags)}

    def show(self, req: ApiRequest, server_id: str, tag: str) -> None:
        """Whether there is such a tag."""
        server = self._server(req, server_id, "show")
        if tag not in server.tags:
            raise errors.TagNotFound(instance_id=server_id, tag=tag)

    def update(self, req: ApiRequest, server_id: str, tag: str) -> Answer:
        """Add a tag."""
        server = self._server(req, server_id, "update")
        try:
            validation.check(tag, types.TAG)
        except errors.Invalid as error:
            raise errors.Invalid(f"Tag '{tag}' is invalid. It must be a non empty string without characters '/' "
                                 f"and ','. Validation error message: {error.message}") from None  # fmt: skip
        if len(server.tags) >= MAX_TAGS:
            raise errors.Invalid(f"The number of tags exceeded the per-server limit {MAX_TAGS}")
        if tag in server.tags:
            return Answer(status=204, headers=_NO_CONTENT)
        self._commands.update_tags(req.ctx, server_id=server_id, add=(tag,))
        return Answer(status=201, headers={**_NO_CONTENT, "Location": req.link("servers", server_id, "tags", tag)})

    def update_all(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """Replace all tags."""
        self._server(req, server_id, "update_all")
        wanted = tuple(dict.fromkeys(req.body["tags"]))
        return {"tags": list(self._commands.update_tags(req.ctx, server_id=server_id, replace=wanted))}

    def delete(self, req: ApiRequest, server_id: str, tag: str) -> None:
        """Remove a tag."""
        self._server(req, server_id, "delete")
        self._commands.update_tags(req.ctx, server_id=server_id, remove=(tag,))

    def delete_all(self, req: ApiRequest, server_id: str) -> None:
        """Remove all tags."""
        self._server(req, server_id, "delete_all")
        self._commands.update_tags(req.ctx, server_id=server_id, replace=())
