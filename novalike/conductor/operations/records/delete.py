"""What a delete writes of its own."""

import datetime

import msgspec

from novalike.conductor.operations.records.base import Beginning, Columns, End, Records
from novalike.db.cell import details as details_db
from novalike.db.cell import migration_records as migrations_db
from novalike.db.engine import Connection
from novalike.objects.lifecycle import VmState
from novalike.objects.migration import MigrationStatus
from novalike.objects.operation import Operation, Outcome
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Seat
from novalike.objects.operations.delete import DeleteParams
from novalike.objects.server import Server


class DeleteRecords(Records):
    """Of a server that goes: hosts that it was moved between go into its route, their migrations end."""

    def begins(self, connection: Connection, server: Server, params: Columns, *, migrations: int) -> Beginning:
        open_ones = migrations_db.not_over(connection, server.uuid) if migrations else []
        hosts: dict[str, str | None] = {}
        for migration in open_ones:
            for host, node in (
                (migration.source_compute, migration.source_node), (migration.dest_compute, migration.dest_node),
            ):  # fmt: skip
                if host is not None and host != server.host:
                    hosts[host] = node
        wanted = DeleteParams(migrations=tuple(migration.uuid for migration in open_ones))
        others = tuple(routes.Site(host, node) for host, node in hosts.items())
        return Beginning(msgspec.to_builtins(wanted), {**routes.at_home(server.host, server.node), Seat.OTHERS: others})

    def may_leave_claims(self, operation: Operation) -> bool:
        return bool(operation.params.get("migrations"))

    def done(self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime) -> End:
        uuid = operation.instance_uuid
        details_db.forget_all(connection, uuid)
        for move in operation.params.get("migrations", ()):
            # A move that waited to be confirmed is not to be gone back to any more.
            migrations_db.set_status(
                connection, move, now, MigrationStatus.CONFIRMED, only_in=(MigrationStatus.FINISHED,)
            )
            migrations_db.set_status(connection, move, now, MigrationStatus.ERROR, only_in=MigrationStatus.OPEN)
        of_server: Columns = {
            "deleted": True, "deleted_at": now, "terminated_at": now, "power_state": 0, "vifs": (),
        }  # fmt: skip
        return End(of_server, VmState.DELETED)
