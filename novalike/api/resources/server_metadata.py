"""Metadata of servers."""

from typing import Any

from novalike.api.policies import servers as policies
from novalike.api.request import ApiRequest
from novalike.api.resources.servers import target_of
from novalike.bus.servers import ServerCommands, ServerReads
from novalike.bus.transport import Transport
from novalike.objects import errors
from novalike.objects.server import Server


class ServerMetadata:
    """``/servers/{id}/metadata``."""

    def __init__(self, transport: Transport) -> None:
        self._reads: ServerReads = transport.client(ServerReads)
        self._commands: ServerCommands = transport.client(ServerCommands)

    def _server(self, req: ApiRequest, server_id: str, what: str) -> Server:
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(policies.METADATA % what, target_of(server))
        return server

    def _write(
        self,
        req: ApiRequest,
        server: Server,
        metadata: dict[str, str],
        *,
        replace: bool = False,
        remove: tuple[str, ...] = (),
    ) -> dict[str, str]:
        return self._commands.update_metadata(
            req.ctx,
            server_id=server.uuid,
            metadata=metadata,
            replace=replace,
            remove=remove,
            override_lock=req.overrides_locks,
        )

    def index(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """All items."""
        return {"metadata": self._server(req, server_id, "index").metadata}

    def create(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """Add or change items."""
        server = self._server(req, server_id, "create")
        return {"metadata": self._write(req, server, req.body["metadata"])}

    def update_all(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """Replace all items."""
        server = self._server(req, server_id, "update_all")
        return {"metadata": self._write(req, server, req.body["metadata"], replace=True)}

    def show(self, req: ApiRequest, server_id: str, key: str) -> dict[str, Any]:
        """One item."""
        metadata = self._server(req, server_id, "show").metadata
        if key not in metadata:
            raise errors.MetadataKeyNotFound()
        return {"meta": {key: metadata[key]}}

    def update(self, req: ApiRequest, server_id: str, key: str) -> dict[str, Any]:
        """Set one item."""
        meta = req.body["meta"]
        if key not in meta:
            raise errors.Invalid("Request body and URI mismatch")
        server = self._server(req, server_id, "update")
        self._write(req, server, meta)
        return {"meta": meta}

    def delete(self, req: ApiRequest, server_id: str, key: str) -> None:
        """Remove one item."""
        server = self._server(req, server_id, "delete")
        self._write(req, server, {}, remove=(key,))
