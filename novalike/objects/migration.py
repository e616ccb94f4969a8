"""Migrations: servers on their way from one host to another, or from one flavor to another."""

import datetime
from typing import Final

from novalike.objects.flavor import Flavor
from novalike.objects.record import Row


class MigrationType:
    """What moves a server."""

    RESIZE: Final = "resize"
    COLD: Final = "migration"
    LIVE: Final = "live-migration"
    EVACUATION: Final = "evacuation"

    ALL = (RESIZE, COLD, LIVE, EVACUATION)


class MigrationStatus:
    """How far a migration is. Of a resize or a cold migration, in this order."""

    # A host was found, and claimed.
    PRE_MIGRATING: Final = "pre-migrating"
    # The source stops the guest, its disks are copied.
    MIGRATING: Final = "migrating"
    # They are there; the destination makes the guest.
    POST_MIGRATING: Final = "post-migrating"
    # It waits to be confirmed or reverted: the source has what it had.
    FINISHED: Final = "finished"
    CONFIRMING: Final = "confirming"
    CONFIRMED: Final = "confirmed"
    REVERTING: Final = "reverting"
    REVERTED: Final = "reverted"
    ERROR: Final = "error"

    # Of a live migration, before the guest is on its way, and then.
    QUEUED: Final = "queued"
    PREPARING: Final = "preparing"
    RUNNING: Final = "running"

    # Hosts may have something of its server besides what the server's own has.
    OPEN = (
        PRE_MIGRATING, MIGRATING, POST_MIGRATING, FINISHED, CONFIRMING, REVERTING, QUEUED, PREPARING, RUNNING,
    )  # fmt: skip

    # Of a live migration that can be watched.
    LIVE_IN_PROGRESS = (QUEUED, PREPARING, RUNNING, POST_MIGRATING)


class Migration(Row, frozen=True):
    """A migration, as ``os-migrations`` shows it. Sizes in bytes, of live migrations only.

    :param id: row number in its cell.
    :param operation_uuid: the operation that carries it out.
    :param old_vm_state: of the server when it began: what it is again when it has been confirmed or reverted.
    """

    id: int
    uuid: str
    instance_uuid: str
    operation_uuid: str | None
    project_id: str
    user_id: str
    status: str
    migration_type: str
    source_compute: str | None
    source_node: str | None
    dest_compute: str | None
    dest_node: str | None
    dest_host: str | None
    old_flavor: Flavor
    new_flavor: Flavor
    old_vm_state: str | None
    created_at: datetime.datetime
    updated_at: datetime.datetime | None
    hidden: bool = False
    memory_total: int | None = None
    memory_processed: int | None = None
    memory_remaining: int | None = None
    disk_total: int | None = None
    disk_processed: int | None = None
    disk_remaining: int | None = None
