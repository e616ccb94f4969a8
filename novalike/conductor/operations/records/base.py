"""What an action writes of its own beside its operation: when it begins, when it is handed on, and when it ends.

Each is written in the transaction in which that happens: what was meant is on record before anybody acts on it.
"""

import datetime
from collections.abc import Mapping
from typing import Any, NamedTuple

from novalike.db.engine import Connection
from novalike.objects.operation import Operation, Outcome, Stop
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Direction
from novalike.objects.server import Server

Columns = dict[str, Any]


class Beginning(NamedTuple):
    """What an operation begins with.

    :ivar params: all that it has to go by.
    :ivar sites: who sits where, as far as it is known; who of them is up, the caller finds out.
    """

    params: Columns
    sites: routes.Sites


class End(NamedTuple):
    """How an operation ends that was done.

    :ivar of_server: columns of it.
    :ivar vm_state: one of those that its row ends in; None is the usual one.
    """

    of_server: Columns
    vm_state: str | None = None


class Records:
    """Those of an action that has none of its own. ``now`` is by the database's clock everywhere."""

    def begins(self, connection: Connection, server: Server, params: Columns, *, migrations: int) -> Beginning:
        """Return what an operation on a server begins with. The server may be subjected to it, and is locked.

        :param params: what was asked for.
        :param migrations: how many of the server's are not over.
        :raises NovalikeError: it can't be done to this server.
        """
        return Beginning(params, routes.at_home(server.host, server.node))

    def begun(
        self, connection: Connection, operation: Mapping[str, Any], server: Server, now: datetime.datetime
    ) -> Columns:
        """Write that an operation has begun. Return the columns of the server that this changes.

        :param operation: its row.
        """
        return {}

    def handed_over(
        self, connection: Connection, operation: Operation, stop: Stop, direction: Direction, now: datetime.datetime
    ) -> Columns:
        """Write that an operation goes to a stop of its route. Return the columns of the server that this changes.

        :param operation: as it is from now on.
        """
        return {}

    def may_leave_claims(self, operation: Operation) -> bool:
        """Return whether others may claim something for an operation's server when it has ended, late."""
        return False

    def done(self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime) -> End:
        """Write that an operation has done what it should."""
        return End({})

    def failed(
        self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime
    ) -> Columns:
        """Write that an operation has failed. Return the columns of the server that this changes.

        :param outcome: ``keep_vm_state`` says that all was taken back.
        """
        return {}
