"""What the API asks about resize and cold migration: checks, then an operation."""

from typing import Any

import msgspec
from oslo_config import cfg

from novalike.conductor import quota_check
from novalike.conductor.cells import Cell, Cells, follows_moves
from novalike.conductor.operations.start import OperationStarter
from novalike.conductor.servers.requested_destination import Destinations
from novalike.db.api import flavors
from novalike.db.cell import quota_lock
from novalike.db.cell import servers as servers_db
from novalike.db.engine import Connection
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.flavor import Flavor
from novalike.objects.operations.resize import SettleMoveParams
from novalike.objects.server import Server

Json = dict[str, Any]


class ServerResizeHandler:
    """Serves ``bus.server_resize.ServerResize``."""

    def __init__(
        self, conf: cfg.ConfigOpts, cells: Cells, starter: OperationStarter, destinations: Destinations
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._starter = starter
        self._destinations = destinations

    @follows_moves
    def resize(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        flavor_id: str,
        auto_disk_config: bool | None = None,
        may_use_zero_disk: bool = True,
        override_lock: bool = False,
    ) -> None:
        cell, limits = self._limits(ctx, server_id)
        project_id = None if ctx.is_admin else ctx.project_id
        flavor = self._cells.api.query(lambda c: flavors.get(c, flavor_id, project_id=project_id))

        def params(server: Server) -> Json:
            if flavor is None or (flavor.disabled and flavor.flavor_id != server.flavor.flavor_id):
                raise errors.FlavorNotFound(flavor_id=flavor_id)
            return {
                "new_flavor": msgspec.to_builtins(flavor),
                "may_use_zero_disk": may_use_zero_disk,
                "auto_disk_config": auto_disk_config,
                "confirm_after": self._conf.resize_confirm_window,
            }

        def check(connection: Connection, server: Server, params: Json) -> None:
            assert flavor is not None
            self._check_quota(connection, cell, server, limits, flavor)

        self._starter.start(ctx, server_id, "resize", "resize", params, override_lock=override_lock, check=check)

    @follows_moves
    def migrate(
        self, ctx: RequestContext, *, server_id: str, host: str | None = None, override_lock: bool = False
    ) -> None:
        def params(server: Server) -> Json:
            if host is not None and host != server.host:
                self._destinations.check_host(host)
            return {"host": host, "confirm_after": self._conf.resize_confirm_window}

        self._starter.start(ctx, server_id, "migrate", "migrate", params, override_lock=override_lock)

    @follows_moves
    def confirm_resize(self, ctx: RequestContext, *, server_id: str, override_lock: bool = False) -> None:
        self._starter.start(ctx, server_id, "confirmResize", "resize_confirm", _nothing, override_lock=override_lock)

    @follows_moves
    def revert_resize(self, ctx: RequestContext, *, server_id: str, override_lock: bool = False) -> None:
        cell, limits = self._limits(ctx, server_id)

        def check(connection: Connection, server: Server, params: Json) -> None:
            move = msgspec.convert(params, SettleMoveParams).move
            self._check_quota(connection, cell, server, limits, move.old_flavor)

        self._starter.start(
            ctx, server_id, "revertResize", "resize_revert", _nothing, override_lock=override_lock, check=check
        )

    def _limits(self, ctx: RequestContext, server_id: str) -> tuple[Cell, dict[str, int]]:
        """Return where a server is, and what its project may have.

        :raises InstanceNotFound: no such server, or not visible.
        """
        cell, project_id = self._cells.of_instance(server_id), ctx.project_id or ""
        if ctx.is_admin:
            owner = cell.database.query(lambda c: servers_db.owner(c, server_id))
            if owner is None:
                raise errors.InstanceNotFound(instance_id=server_id)
            project_id = owner[0]
        # Of others' servers nobody but an administrator starts anything.
        limits = self._cells.api.query(lambda c: quota_check.effective_limits(c, self._conf, project_id))
        return cell, limits

    def _check_quota(
        self, connection: Connection, cell: Cell, server: Server, limits: dict[str, int], flavor: Flavor
    ) -> None:
        """
        :raises OverQuota: the project may not have what a flavor needs more than the server's.
        """
        more = {"cores": flavor.vcpus - server.flavor.vcpus, "ram": flavor.memory_mb - server.flavor.memory_mb}
        more = {resource: amount for resource, amount in more.items() if amount > 0}
        if more:
            quota_lock.lock_project(connection, server.project_id)
            used = quota_check.usage(self._cells, server.project_id, within=(cell, connection))
            quota_check.fit(limits, used, more, 1, 1)


def _nothing(_server: Server) -> Json:
    """What is asked for of an action without parameters."""
    return {}
