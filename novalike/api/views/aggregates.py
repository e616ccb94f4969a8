"""Host aggregates and availability zones as answers show them."""

from collections.abc import Iterable
from typing import Any

from novalike.api.microversion import Version
from novalike.api.request import ApiRequest, format_time_micro
from novalike.objects.aggregate import Aggregate
from novalike.objects.host import public_binary
from novalike.objects.zone import Zone

V2_41 = Version(2, 41)


def aggregate(req: ApiRequest, aggregate: Aggregate, *, members: bool = True) -> dict[str, Any]:
    """An aggregate.

    :param members: with hosts and metadata, which the answer to a create request lacks.
    """
    shown: dict[str, Any] = {
        "id": aggregate.id,
        "name": aggregate.name,
        "created_at": format_time_micro(aggregate.created_at),
        "updated_at": format_time_micro(aggregate.updated_at),
        "deleted_at": None,
        "deleted": False,
        "availability_zone": aggregate.zone,
    }
    if req.version >= V2_41:
        shown["uuid"] = aggregate.uuid
    if members:
        shown |= {"hosts": aggregate.hosts, "metadata": aggregate.metadata}
    return shown


def zone(zone: Zone) -> dict[str, Any]:
    """A zone as users see it: without hosts."""
    return {"zoneName": zone.name, "zoneState": {"available": zone.available}, "hosts": None}


def zones_detail(zones: Iterable[Zone]) -> dict[str, Any]:
    """Zones with their hosts and daemons."""
    shown = []
    for each in zones:
        hosts: dict[str, dict[str, Any]] = {}
        for service in each.services:
            hosts.setdefault(service.host, {})[public_binary(service.binary)] = {
                "available": service.up,
                "active": True,
                "updated_at": format_time_micro(service.last_seen_at),
            }
        shown.append({**zone(each), "hosts": hosts if each.available else None})
    return {"availabilityZoneInfo": shown}
