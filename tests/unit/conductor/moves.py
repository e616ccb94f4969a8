"""Servers that are being moved, in the databases of tests."""

from typing import Any

import msgspec
import sqlalchemy as sa

from novalike.db.cell import tables as t
from novalike.objects.flavor import Flavor
from novalike.objects.operation import Operation, Stop
from novalike.objects.operations.resize import MoveParams, SettleMoveParams
from tests.fakes.records import migration_row
from tests.unit.conductor.databases import FLAVOR, Databases

NEW_FLAVOR = Flavor(flavor_id="2", name="m2", memory_mb=1024, vcpus=2, root_gb=4, ephemeral_gb=3)
MOVE = MoveParams(
    old_flavor=FLAVOR, new_flavor=NEW_FLAVOR, old_vm_state="active", source_host="host1", source_node="node1",
    source_zone="west", auto_disk_config=True, confirm_after=60,
)  # fmt: skip
# Leg → where it is done.
SEATS = {
    "place": None, "prepare": "host2", "depart": "host1", "arrive": "host2", "clean": "host1", "release": None,
    "leave": "host2", "return": None, "resume": "host1",
}  # fmt: skip
LEGS = {
    "resize": ("place", "prepare", "depart", "arrive"), "migrate": ("place", "prepare", "depart", "arrive"),
    "resize_confirm": ("clean", "release"), "resize_revert": ("leave", "return", "resume"),
}  # fmt: skip


def route(workflow: str) -> tuple[Stop, ...]:
    """From host1 to host2."""
    places = [(leg, SEATS[leg]) for leg in LEGS[workflow]]
    return tuple(Stop(leg=leg, host=host, node=host and host.replace("host", "node")) for leg, host in places)


def moved(
    databases: Databases, server: str, status: str = "finished", params: MoveParams = MOVE, **facts: Any
) -> Operation:
    """Record a move that is over, with its migration."""
    operation = databases.operation(
        server, "resize", state="done", params=msgspec.to_builtins(params), route=route("resize"), at=3
    )
    migrate(databases, operation, status, **facts)
    return operation


def migrate(databases: Databases, operation: Operation, status: str, cell: str = "cell1", **facts: Any) -> None:
    """Record the migration of an operation."""
    row = migration_row(
        **{"uuid": operation.uuid, "instance_uuid": operation.instance_uuid, "operation_uuid": operation.uuid,
           "status": status, **facts}
    )  # fmt: skip
    databases.execute(sa.insert(t.migrations).values(**row), cell)


def at(databases: Databases, server: str, workflow: str, leg: str, params: Any = MOVE, **facts: Any) -> Operation:
    """Record an operation that is at a leg."""
    if workflow not in ("resize", "migrate") and isinstance(params, MoveParams):
        params = SettleMoveParams(migration="m", move=params)
    index = LEGS[workflow].index(leg)
    held_by = "me" if SEATS[leg] is None else "worker"
    usual = {
        "params": msgspec.to_builtins(params), "route": route(workflow), "at": index, "host": SEATS[leg],
        "holder": held_by,
    }  # fmt: skip
    return databases.operation(server, workflow, **(usual | facts))
