"""How services look in answers, by microversion."""

from typing import Any

from novalike.api.request import ApiRequest, format_time_micro
from novalike.objects.host import Service, public_binary


def full(req: ApiRequest, service: Service) -> dict[str, Any]:
    """A service."""
    shown: dict[str, Any] = {
        "binary": public_binary(service.binary),
        "host": service.host,
        "id": service.uuid if req.since("2.53") else service.id,
        "zone": service.zone,
        "status": "disabled" if service.disabled else "enabled",
        "state": "up" if service.up else "down",
        "updated_at": format_time_micro(service.last_seen_at or service.updated_at or service.created_at),
        "disabled_reason": service.disabled_reason,
    }
    if req.since("2.11"):
        shown["forced_down"] = service.forced_down
    return shown


def unreachable(host: str) -> dict[str, Any]:
    """The compute service of a host whose cell doesn't answer (from 2.69)."""
    return {"binary": "nova-compute", "host": host, "status": "UNKNOWN"}
