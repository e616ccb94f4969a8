"""Migrations of servers: all of them, and the live ones of a server that are in progress."""

from novalike.api.policies import migrations as may
from novalike.api.resources.migrations import Migrations
from novalike.api.resources.server_migrations import ServerMigrations
from novalike.api.route import Backends, Route
from novalike.api.schemas import migrations as schemas
from novalike.api.schemas import server_migrations as server_schemas
from novalike.bus.migrations import MigrationReads


def routes(backends: Backends) -> list[Route]:
    """Return the endpoints of this family."""
    reads: MigrationReads = backends.transport.client(MigrationReads)
    migrations = Migrations(backends.conf, reads)
    of_server = ServerMigrations(reads)
    root = "/servers/{server_id}/migrations"
    return [
        Route("GET", "/os-migrations", migrations.index, may.INDEX, query=schemas.index_query),
        Route("GET", root, of_server.index, None, query=server_schemas.query, first="2.23"),
        Route("GET", f"{root}/{{migration_id}}", of_server.show, None, query=server_schemas.query, first="2.23"),
    ]
