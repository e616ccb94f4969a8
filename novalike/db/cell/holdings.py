"""Who may have what of a server."""

from collections.abc import Sequence

import sqlalchemy as sa

from novalike.db.cell import operations as operations_db
from novalike.db.cell import tables as t
from novalike.objects.migration import MigrationStatus

I, O, M = t.instances.c, t.operations.c, t.migrations.c  # noqa: E741


def keepers(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, set[str]]:
    """Return the hosts that are to keep what they have set aside of some servers, by server: the sources of migrations
    that were neither confirmed nor reverted."""
    found: dict[str, set[str]] = {uuid: set() for uuid in uuids}
    query = sa.select(M.instance_uuid, M.source_compute).where(
        M.instance_uuid.in_(uuids), M.status.in_(MigrationStatus.OPEN), M.source_compute.is_not(None)
    )
    for uuid, source in connection.execute(query):
        found[uuid].add(source)
    return found


def holders(connection: sa.Connection, uuids: Sequence[str]) -> dict[str, set[str]]:
    """Return the hosts that may have something of some servers, by server: a guest, disks, interfaces, a claim.

    * the one that it is on;
    * those of an operation that has not ended: where it has been, and where it is to go;
    * source and destination of a migration that was neither confirmed nor reverted.
    """
    found: dict[str, set[str | None]] = {uuid: set() for uuid in uuids}
    homes = sa.select(I.uuid, I.host).where(I.uuid.in_(uuids), I.deleted == sa.false())
    for uuid, host in connection.execute(homes):
        found[uuid].add(host)
    under_way = sa.select(O.instance_uuid, O.host, O.route).where(O.instance_uuid.in_(uuids), operations_db.OPEN)
    for uuid, host, route in connection.execute(under_way):
        found[uuid].update([host, *(stop.host for stop in route or ())])
    moves = sa.select(M.instance_uuid, M.source_compute, M.dest_compute)
    for uuid, source, destination in connection.execute(
        moves.where(M.instance_uuid.in_(uuids), M.status.in_(MigrationStatus.OPEN))
    ):
        found[uuid].update([source, destination])
    return {uuid: {host for host in hosts if host is not None} for uuid, hosts in found.items()}
