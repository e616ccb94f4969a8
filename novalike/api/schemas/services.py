"""What requests about services accept."""

from typing import Any

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.validation import Schema

HOST: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9-._]*$", "minLength": 1, "maxLength": 255}
_text: Schema = {"type": "string", "minLength": 1, "maxLength": 255}


def _update(properties: dict[str, Any], **more: Any) -> Schema:
    return {"type": "object", "properties": properties, "additionalProperties": False, **more}


_by_host: dict[str, Any] = {"host": HOST, "binary": _text, "disabled_reason": _text}
_status: Schema = {"type": "string", "enum": ["enabled", "disabled"]}

update = Since(
    {
        "2.1": _update(_by_host, required=["host", "binary"]),
        "2.11": _update({**_by_host, "forced_down": p.boolean}, required=["host", "binary"]),
        "2.53": _update({"status": _status, "disabled_reason": _text, "forced_down": p.boolean}),
    }
)
_filters: dict[str, Schema] = {"host": {"type": "string"}, "binary": {"type": "string"}}
index_query = Since({"2.1": p.query(_filters), "2.75": p.query(_filters, strict=True)})
