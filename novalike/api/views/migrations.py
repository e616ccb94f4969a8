"""How migrations look in the list of all, by microversion."""

from typing import Any

from novalike.api.request import ApiRequest, format_time_micro
from novalike.objects.migration import Migration, MigrationStatus, MigrationType

# Where a migration is from and where it goes.
_PLACES = ("source_compute", "source_node", "dest_compute", "dest_node", "dest_host")


def migration(req: ApiRequest, one: Migration, *, with_hosts: bool) -> dict[str, Any]:
    """An entry of the list.

    :param with_hosts: whether the caller may see them; otherwise all are None.
    """
    shown: dict[str, Any] = {
        "id": one.id,
        "instance_uuid": one.instance_uuid,
        "status": one.status,
        "old_instance_type_id": one.old_flavor.id,
        "new_instance_type_id": one.new_flavor.id,
        "created_at": format_time_micro(one.created_at),
        "updated_at": format_time_micro(one.updated_at),
        **places(one, shown=with_hosts),
    }
    if req.since("2.23"):
        shown["migration_type"] = one.migration_type
        if one.migration_type == MigrationType.LIVE and one.status in MigrationStatus.LIVE_IN_PROGRESS:
            shown["links"] = req.links("servers", one.instance_uuid, "migrations", str(one.id))
    if req.since("2.59"):
        shown["uuid"] = one.uuid
    if req.since("2.80"):
        shown.update(user_id=one.user_id, project_id=one.project_id)
    return shown


def places(one: Migration, *, shown: bool) -> dict[str, str | None]:
    """Return a migration's hosts and nodes; all None unless they are shown."""
    return {name: getattr(one, name) if shown else None for name in _PLACES}
