"""What the conductor offers about migrations of servers."""

import datetime

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.migration import Migration
from novalike.objects.record import Record


class MigrationQuery(Record, frozen=True):
    """Which migrations, in what order, how many. None is "any".

    :param project_id, user_id: of who asked for the migration.
    :param host: of its source or its destination.
    :param newest_first: in the order of their creation; otherwise by row number, those of the first cell first.
    :param marker: uuid of the last one of the previous page, newest first.
    """

    project_id: str | None = None
    user_id: str | None = None
    instance_uuid: str | None = None
    status: str | None = None
    migration_type: str | None = None
    host: str | None = None
    source_compute: str | None = None
    changes_since: datetime.datetime | None = None
    changes_before: datetime.datetime | None = None
    newest_first: bool = True
    limit: int | None = None
    marker: str | None = None


class MigrationsOfServer(Record, frozen=True):
    """Migrations, and whose server it is that they are of."""

    project_id: str
    user_id: str
    migrations: tuple[Migration, ...]


class MigrationReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def list_migrations(self, ctx: RequestContext, *, query: MigrationQuery) -> tuple[Migration, ...]:
        """Return the migrations that a query means, without hidden ones and those of deleted servers.

        :raises MarkerNotFound: there is no such marker.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def list_server_migrations(self, ctx: RequestContext, *, server_id: str) -> MigrationsOfServer:
        """Return the live migrations of a server that are in progress, by row number.

        :raises InstanceNotFound: no such server, or not visible.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def get_server_migration(self, ctx: RequestContext, *, server_id: str, migration_id: str) -> MigrationsOfServer:
        """Return the migration of a server with this row number, whatever its type and status; or none.

        :param migration_id: what is no number, no migration has.
        :raises InstanceNotFound: no such server, or not visible.
        """
        raise NotImplementedError
