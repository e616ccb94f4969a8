"""Moving servers to other flavors, or to other hosts while they are off."""

from collections.abc import Iterator
from contextlib import contextmanager

from novalike.api.policies import server_resize as policies
from novalike.api.policies import servers as server_policies
from novalike.api.request import ApiRequest
from novalike.api.resources.disk_config import read_disk_config
from novalike.api.resources.servers import target_of
from novalike.bus.server_resize import ServerResize as Moves
from novalike.bus.servers import ServerReads
from novalike.bus.transport import Transport
from novalike.objects import errors
from novalike.objects.server import Server


class ServerResize:
    """``/servers/{id}/action``: resize, confirmResize, revertResize, migrate."""

    def __init__(self, transport: Transport) -> None:
        self._reads: ServerReads = transport.client(ServerReads)
        self._moves: Moves = transport.client(Moves)

    def _server(self, req: ApiRequest, server_id: str, rule: str) -> Server:
        server = self._reads.get_server(req.ctx, server_id=server_id)
        req.authorize(rule, target_of(server))
        return server

    def resize(self, req: ApiRequest, server_id: str) -> None:
        """Move a server to another flavor. It is to be confirmed or reverted afterwards."""
        server = self._server(req, server_id, policies.RESIZE)
        wanted = req.body["resize"]
        image_says = server.system_metadata.get("image_auto_disk_config")
        with _without_the_host():
            try:
                self._moves.resize(
                    req.ctx,
                    server_id=server_id,
                    flavor_id=str(wanted["flavorRef"]),
                    auto_disk_config=read_disk_config(wanted, server.image_ref, image_says),
                    may_use_zero_disk=req.may(server_policies.ZERO_DISK),
                    override_lock=req.overrides_locks,
                )
            except errors.FlavorNotFound as error:
                raise errors.Invalid(error.message) from None

    def confirm_resize(self, req: ApiRequest, server_id: str) -> None:
        """Keep a server where it has been moved to, as it is there."""
        self._server(req, server_id, policies.CONFIRM_RESIZE)
        with _without_the_host():
            self._moves.confirm_resize(req.ctx, server_id=server_id, override_lock=req.overrides_locks)

    def revert_resize(self, req: ApiRequest, server_id: str) -> None:
        """Bring a server back to where it was, as it was there."""
        self._server(req, server_id, policies.REVERT_RESIZE)
        with _without_the_host():
            self._moves.revert_resize(req.ctx, server_id=server_id, override_lock=req.overrides_locks)

    def migrate(self, req: ApiRequest, server_id: str) -> None:
        """Move a server to another host. To say to which one takes more rights."""
        asked = req.body["migrate"] if req.since("2.56") else None
        host = asked.get("host") if asked else None
        self._server(req, server_id, policies.MIGRATE if host is None else policies.MIGRATE_HOST)
        with _without_the_host():
            self._moves.migrate(req.ctx, server_id=server_id, host=host, override_lock=req.overrides_locks)


@contextmanager
def _without_the_host() -> Iterator[None]:
    """Which host is down is not for users to know.

    :raises Conflict: one is.
    """
    try:
        yield
    except errors.HostDown:
        raise errors.Conflict("Service is unavailable at this time.") from None
