"""``/servers/{id}/migrations``: the live migrations of a server that are in progress."""

from typing import Any

from novalike.api.policies import server_migrations as policies
from novalike.api.request import ApiRequest
from novalike.api.views import server_migrations as views
from novalike.bus.migrations import MigrationReads, MigrationsOfServer
from novalike.objects import errors
from novalike.objects.migration import MigrationStatus, MigrationType


class ServerMigrations:
    """Live migrations, as long as they can be watched."""

    def __init__(self, reads: MigrationReads) -> None:
        self._reads = reads

    def index(self, req: ApiRequest, server_id: str) -> dict[str, Any]:
        """All of them: one at most, but for what was interrupted."""
        found = self._reads.list_server_migrations(req.ctx, server_id=server_id)
        target = _target(found)
        req.authorize(policies.INDEX, target)
        with_hosts = req.may(policies.INDEX_HOST, target)
        return {"migrations": [views.server_migration(req, each, with_hosts=with_hosts) for each in found.migrations]}

    def show(self, req: ApiRequest, server_id: str, migration_id: str) -> dict[str, Any]:
        """One of them, by its row number."""
        found = self._reads.get_server_migration(req.ctx, server_id=server_id, migration_id=migration_id)
        req.authorize(policies.SHOW, _target(found))
        if not found.migrations:
            raise errors.NotFound(f"In-progress live migration {migration_id} is not found for server {server_id}.")
        one = found.migrations[0]
        if one.migration_type != MigrationType.LIVE:
            raise errors.NotFound(f"Migration {migration_id} for server {server_id} is not live-migration.")
        if one.status not in MigrationStatus.LIVE_IN_PROGRESS:
            raise errors.NotFound(f"Live migration {migration_id} for server {server_id} is not in progress.")
        return {"migration": views.server_migration(req, one, with_hosts=True)}


def _target(found: MigrationsOfServer) -> dict[str, str]:
    return {"project_id": found.project_id, "user_id": found.user_id}
