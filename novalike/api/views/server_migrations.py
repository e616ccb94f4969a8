"""How a server's live migrations look, by microversion."""

from typing import Any

from novalike.api.request import ApiRequest, format_time_micro
from novalike.api.views.migrations import places
from novalike.objects.migration import Migration


def server_migration(req: ApiRequest, one: Migration, *, with_hosts: bool) -> dict[str, Any]:
    """A live migration, with how far it is. Sizes in bytes, None before the guest is on its way.

    :param with_hosts: whether the caller may see them; otherwise all are None.
    """
    shown: dict[str, Any] = {
        "id": one.id,
        "server_uuid": one.instance_uuid,
        "status": one.status,
        "memory_total_bytes": one.memory_total,
        "memory_processed_bytes": one.memory_processed,
        "memory_remaining_bytes": one.memory_remaining,
        "disk_total_bytes": one.disk_total,
        "disk_processed_bytes": one.disk_processed,
        "disk_remaining_bytes": one.disk_remaining,
        "created_at": format_time_micro(one.created_at),
        "updated_at": format_time_micro(one.updated_at),
        **places(one, shown=with_hosts),
    }
    if req.since("2.59"):
        shown["uuid"] = one.uuid
    if req.since("2.80"):
        shown.update(user_id=one.user_id, project_id=one.project_id)
    return shown
