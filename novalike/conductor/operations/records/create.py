"""What a create writes of its own."""

import datetime

from novalike.conductor.operations.records.base import End, Records
from novalike.db.cell import details as details_db
from novalike.db.engine import Connection
from novalike.objects.operation import Operation, Outcome


class CreateRecords(Records):
    """Of a server that is built."""

    def done(self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime) -> End:
        details_db.forget_admin_password(connection, operation.instance_uuid)
        return End({"launched_at": now})
