"""Locks of servers, and their states as an administrator sets them."""

from novalike.api.policies import server_marks as policies
from novalike.api.request import ApiRequest
from novalike.api.resources.servers import target_of
from novalike.bus.server_marks import ServerMarks as Marks
from novalike.bus.servers import ServerReads
from novalike.bus.transport import Transport
from novalike.objects.server import Server


class ServerMarks:
    """``/servers/{id}/action``: lock, unlock, os-resetState."""

    def __init__(self, transport: Transport) -> None:
        self._reads: ServerReads = transport.client(ServerReads)
        self._marks: Marks = transport.client(Marks)

    def _server(self, req: ApiRequest, server_id: str, rule: str) -> Server:
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(rule, target_of(server))
        return server

    def lock(self, req: ApiRequest, server_id: str) -> None:
        """Let nobody but administrators act on a server."""
        self._server(req, server_id, policies.LOCK)
        asked = req.body["lock"]
        reason = asked.get("locked_reason") if asked and req.since("2.73") else None
        self._marks.lock(req.ctx, server_id=server_id, reason=reason)

    def unlock(self, req: ApiRequest, server_id: str) -> None:
        """Let the owner act on a server again. Somebody else's lock takes more rights."""
        server = self._server(req, server_id, policies.UNLOCK)
        mine = "owner" if server.project_id == req.ctx.project_id else "admin"
        if server.locked_by not in (None, mine):
            req.authorize(policies.UNLOCK_OVERRIDE, target_of(server))
        self._marks.unlock(req.ctx, server_id=server_id)

    def reset_state(self, req: ApiRequest, server_id: str) -> None:
        """Set a server's state to active or error, whatever it was."""
        self._server(req, server_id, policies.RESET_STATE)
        self._marks.reset_state(req.ctx, server_id=server_id, vm_state=req.body["os-resetState"]["state"])
