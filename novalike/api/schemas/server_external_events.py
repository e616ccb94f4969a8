"""What requests with external events accept."""

from novalike.api.microversion import Since
from novalike.api.validation import Schema

STATUSES = ["failed", "completed", "in-progress"]
_names = ["network-changed", "network-vif-plugged", "network-vif-unplugged", "network-vif-deleted"]


def _create(*more_names: str) -> Schema:
    event: Schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string", "enum": [*_names, *more_names]},
            "server_uuid": {"type": "string", "format": "uuid"},
            "status": {"type": "string", "enum": STATUSES},
            "tag": {"type": "string", "maxLength": 255},
        },
        "required": ["name", "server_uuid"],
        "additionalProperties": False,
    }
    return {
        "type": "object",
        "properties": {"events": {"type": "array", "minItems": 1, "items": event}},
        "required": ["events"],
        "additionalProperties": False,
    }


create = Since(
    {
        "2.1": _create(),
        "2.51": _create("volume-extended"),
        "2.76": _create("volume-extended", "power-update"),
        "2.82": _create("volume-extended", "power-update", "accelerator-request-bound"),
        "2.93": _create("volume-extended", "power-update", "accelerator-request-bound", "volume-reimaged"),
    }
)
