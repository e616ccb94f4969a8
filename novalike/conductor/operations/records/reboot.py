"""What a hard reboot writes of its own."""

import datetime

from novalike.conductor.operations.records.base import End, Records
from novalike.db.cell import migration_records as migrations_db
from novalike.db.engine import Connection
from novalike.objects.lifecycle import VmState
from novalike.objects.migration import MigrationStatus
from novalike.objects.operation import Operation, Outcome


class HardRebootRecords(Records):
    """Of a server that may have been in error because a move could neither be ended on its destination nor be taken
    back: once its guest runs there, the move waits to be confirmed or reverted like any other."""

    def done(self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime) -> End:
        for migration in migrations_db.not_over(connection, operation.instance_uuid):
            if migration.status == MigrationStatus.POST_MIGRATING and migration.dest_compute == operation.host:
                migrations_db.set_status(connection, migration.uuid, now, MigrationStatus.FINISHED)
                return End({}, VmState.RESIZED)
        return End({})
