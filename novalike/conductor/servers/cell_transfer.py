"""Moving servers' records to the cell that was chosen for them.

Copy, repoint, remove: whoever dies in between leaves a server that is in both cells, and the mapping says which
counts. Doing it again is safe. A copy is abandoned when the operation that counts has been taken over since.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from novalike.conductor.cells import Cell, Cells
from novalike.db.api import mappings
from novalike.db.cell import operations as operations_db
from novalike.db.cell import server_copies
from novalike.db.engine import Connection
from novalike.objects.operation import Operation

LOG = logging.getLogger(__name__)


def move(cells: Cells, source: Cell, target: Cell, operations: Sequence[Operation]) -> set[str]:
    """Move servers with all that hangs on them from one cell's database to another's.

    :param operations: what is being done to them, as the caller holds it.
    :returns: the servers that are in the target now; the others' operations are somebody else's.
    :raises Unavailable: one of the databases can't be reached.
    """
    epochs = {operation.uuid: operation.epoch for operation in operations}
    held = source.database.query(lambda c: server_copies.held(c, epochs, equal=True))
    if not held:
        return set()
    copied = source.database.query(lambda c: server_copies.read(c, held))
    copies = set(target.database.write(lambda c: server_copies.write(c, copied, epochs, held)))
    wanted = {operation.uuid: operation.epoch for operation in operations if operation.instance_uuid in copies}

    def leave(connection: Connection) -> list[str]:
        # Nobody can take the operations over before this ends; what they would take over is gone then.
        moved = server_copies.held(connection, wanted, equal=True, lock=True)
        if moved:
            cells.api.query(lambda c: mappings.move_instances(c, moved, target.id))
            server_copies.delete(connection, moved)
        return moved

    moved = source.database.write(leave) if copies else []
    cells.remember(moved, target.id)
    return set(moved)


def remove(cell: Cell, operations: Sequence[Operation]) -> None:
    """Remove abandoned copies of the servers of these operations, unless they have been brought here anew.

    :raises Unavailable: the database can't be reached.
    """
    epochs = {operation.uuid: operation.epoch for operation in operations}

    def write(connection: Connection) -> None:
        server_copies.delete(connection, server_copies.held(connection, epochs, equal=True, lock=True))

    LOG.info("removing copies of moved servers from cell %s: %s", cell.name, ", ".join(sorted(epochs)))
    cell.database.write(write)


class Foreign(NamedTuple):
    """Servers that are recorded in a cell, but not in the one that counts.

    :param abandoned: copies that whoever moved them has left behind for good.
    :param moving: somebody may be at it.
    """

    abandoned: frozenset[str]
    moving: frozenset[str]


def foreign(cells: Cells, cell: Cell, operations: Sequence[Operation]) -> Foreign:
    """Which servers of these operations, found in ``cell``, have their mapping lead to another one.

    :raises Unavailable: a database can't be reached.
    """
    if len(cells.all()) <= 2:
        return Foreign(frozenset(), frozenset())  # no server moves: it is recorded in the only cell there is
    found = cells.api.query(lambda c: mappings.cells_of_instances(c, [o.instance_uuid for o in operations]))
    abandoned: set[str] = set()
    moving: set[str] = set()
    for operation in operations:
        cell_id = found.get(operation.instance_uuid, cell.id)
        if cell_id != cell.id:
            other = cells.by_id(cell_id).database.query(lambda c: operations_db.get(c, operation.uuid))  # noqa: B023
            overtaken = other is not None and other.epoch > operation.epoch
            (abandoned if overtaken else moving).add(operation.instance_uuid)
    return Foreign(frozenset(abandoned), frozenset(moving))
