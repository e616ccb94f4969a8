"""What moving a server writes of its own: its migration, and its host and flavor as they change."""

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from novalike.conductor.operations.records.base import Beginning, Columns, End, Records
from novalike.conductor.servers import flavor_fit
from novalike.db.cell import migration_records as migrations_db
from novalike.db.cell import operations as operations_db
from novalike.db.cell import servers as servers_db
from novalike.db.engine import Connection
from novalike.objects import errors
from novalike.objects.flavor import Flavor
from novalike.objects.lifecycle import PowerState, VmState
from novalike.objects.migration import MigrationStatus, MigrationType
from novalike.objects.operation import Operation, Outcome, Stop
from novalike.objects.operations import route as routes
from novalike.objects.operations.action import Direction, Seat
from novalike.objects.operations.resize import MoveParams, PlacedMove, SettleMoveParams
from novalike.objects.server import Server

_TYPES = {"resize": MigrationType.RESIZE, "migrate": MigrationType.COLD}
# Leg → how far the migration is when it begins.
_STATUS = {
    "place": MigrationStatus.PRE_MIGRATING,
    "prepare": MigrationStatus.PRE_MIGRATING,
    "depart": MigrationStatus.MIGRATING,
    "arrive": MigrationStatus.POST_MIGRATING,
}


class MoveRecords(Records):
    """Of a resize or a cold migration. The migration has the operation's uuid."""

    def begins(self, connection: Connection, server: Server, params: Columns, *, migrations: int) -> Beginning:
        """As :meth:`Records.begins`.

        :param params: ``confirm_after``; ``new_flavor``, if it is to change; ``host``, if one was named.
        """
        wanted = params.get("new_flavor")
        new = server.flavor if wanted is None else msgspec.convert(wanted, Flavor)
        if wanted is not None:
            image = servers_db.specs(connection, [server.uuid])[server.uuid].image
            flavor_fit.check_resize(server, new, image, may_use_zero_disk=params.get("may_use_zero_disk", True))
        if params.get("host") is not None and params["host"] == server.host:
            raise errors.CannotMigrateToSameHost()
        move = MoveParams(
            old_flavor=server.flavor,
            new_flavor=new,
            old_vm_state=server.vm_state,
            source_host=server.host or "",
            source_node=server.node or "",
            source_zone=server.availability_zone,
            auto_disk_config=params.get("auto_disk_config"),
            confirm_after=params["confirm_after"],
            host=params.get("host"),
        )
        return Beginning(msgspec.to_builtins(move), routes.at_home(server.host, server.node))

    def begun(
        self, connection: Connection, operation: Mapping[str, Any], server: Server, now: datetime.datetime
    ) -> Columns:
        move = msgspec.convert(operation["params"], MoveParams)
        migrations_db.insert(
            connection,
            uuid=operation["uuid"],
            instance_uuid=server.uuid,
            operation_uuid=operation["uuid"],
            project_id=operation["project_id"] or "",
            user_id=operation["user_id"] or "",
            status=MigrationStatus.PRE_MIGRATING,
            migration_type=_TYPES[operation["workflow"]],
            source_compute=server.host,
            source_node=server.node,
            old_flavor=server.flavor,
            new_flavor=move.new_flavor,
            old_vm_state=server.vm_state,
            created_at=now,
            updated_at=now,
        )
        # An earlier move, after which an administrator has said that the server is active, is not to be confirmed.
        return {"auto_disk_config": bool(move.auto_disk_config), "wake_at": None, "wake_action": None}

    def handed_over(
        self, connection: Connection, operation: Operation, stop: Stop, direction: Direction, now: datetime.datetime
    ) -> Columns:
        move = msgspec.convert(operation.params, MoveParams)
        if direction is Direction.BACK:
            return _at_source(move) if stop.leg == "depart" else {}
        destination = {} if stop.leg in ("depart", "arrive") else {"dest_compute": stop.host, "dest_node": stop.node}
        migrations_db.set_status(connection, operation.uuid, now, _STATUS[stop.leg], **destination)
        if stop.leg != "arrive":
            return {}
        zone = msgspec.convert((operation.found or {})["place"], PlacedMove).zone
        there = {"host": stop.host, "node": stop.node, "availability_zone": zone}
        return {**there, **servers_db.flavor_columns(move.new_flavor)}

    def done(self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime) -> End:
        migrations_db.set_status(connection, operation.uuid, now, MigrationStatus.FINISHED)
        return End({"launched_at": now, **_wake(msgspec.convert(operation.params, MoveParams), now)})

    def failed(
        self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime
    ) -> Columns:
        if _leg_of(operation) != "arrive":
            migrations_db.set_status(connection, operation.uuid, now, MigrationStatus.ERROR)
        # Otherwise both hosts go on holding what they have, and its status says where it has stopped: what is on the
        # destination could not be taken back. A hard reboot there may end it.
        return {"progress": 0}


class _SettleMove(Records):
    """Of what gives up, or goes back to, what the source has set aside.

    When it fails, what the opposite needs may be gone already: then only the same can be begun again.
    """

    begins_as: str

    def begins(self, connection: Connection, server: Server, params: Columns, *, migrations: int) -> Beginning:
        open_ones = migrations_db.not_over(connection, server.uuid)
        allowed = (MigrationStatus.FINISHED, self.begins_as)
        migration = next((m for m in reversed(open_ones) if m.status in allowed), None)
        moved_by = None if migration is None else operations_db.get(connection, migration.uuid)
        if migration is None or moved_by is None:
            raise errors.InstanceHasNotBeenResized()
        settled = SettleMoveParams(migration=migration.uuid, move=msgspec.convert(moved_by.params, MoveParams))
        return Beginning(
            msgspec.to_builtins(settled),
            {
                Seat.SOURCE: (routes.Site(migration.source_compute, migration.source_node),),
                Seat.DESTINATION: (routes.Site(server.host, server.node),),
            },
        )

    def begun(
        self, connection: Connection, operation: Mapping[str, Any], server: Server, now: datetime.datetime
    ) -> Columns:
        migrations_db.set_status(connection, operation["params"]["migration"], now, self.begins_as)
        return {"wake_at": None, "wake_action": None}


class ConfirmRecords(_SettleMove):
    """Of a resize or a cold migration that is confirmed."""

    begins_as = MigrationStatus.CONFIRMING

    def done(self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime) -> End:
        migrations_db.set_status(connection, _settled(operation).migration, now, MigrationStatus.CONFIRMED)
        server = servers_db.get(connection, operation.instance_uuid)
        is_off = server is not None and server.power_state == PowerState.SHUTDOWN
        return End({}, VmState.STOPPED if is_off else VmState.ACTIVE)

    def failed(
        self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime
    ) -> Columns:
        return _wake(_settled(operation).move, now)


class RevertRecords(_SettleMove):
    """Of a resize or a cold migration that is reverted."""

    begins_as = MigrationStatus.REVERTING

    def handed_over(
        self, connection: Connection, operation: Operation, stop: Stop, direction: Direction, now: datetime.datetime
    ) -> Columns:
        return _at_source(_settled(operation).move) if stop.leg == "resume" else {}

    def failed(
        self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime
    ) -> Columns:
        if _leg_of(operation) != "leave":
            migrations_db.set_status(connection, _settled(operation).migration, now, MigrationStatus.ERROR)
        return {}

    def done(self, connection: Connection, operation: Operation, outcome: Outcome, now: datetime.datetime) -> End:
        settled = _settled(operation)
        migrations_db.set_status(connection, settled.migration, now, MigrationStatus.REVERTED)
        return End({"launched_at": now}, settled.move.old_vm_state)


def _leg_of(operation: Operation) -> str:
    route, at = routes.current(operation)
    return route[at].leg


def _settled(operation: Operation) -> SettleMoveParams:
    return msgspec.convert(operation.params, SettleMoveParams)


def _wake(move: MoveParams, now: datetime.datetime) -> Columns:
    """When a move that waits to be confirmed is confirmed by itself, if ever."""
    if not move.confirm_after:
        return {}
    return {"wake_at": now + datetime.timedelta(seconds=move.confirm_after), "wake_action": "confirm_resize"}


def _at_source(move: MoveParams) -> Columns:
    return {
        "host": move.source_host, "node": move.source_node, "availability_zone": move.source_zone,
        **servers_db.flavor_columns(move.old_flavor),
    }  # fmt: skip
