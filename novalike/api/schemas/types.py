"""Pieces that schemas are made of."""

from typing import Any

from novalike.api.schemas.parameters import MAX_INT
from novalike.api.validation import Schema

BOOLEAN: Schema = {
    "type": ["boolean", "string"],
    "enum": [
        True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes",
        False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no",
    ],
}  # fmt: skip
NAME: Schema = {"type": "string", "format": "name", "minLength": 1, "maxLength": 255}
UUID: Schema = {"type": "string", "format": "uuid"}
POSITIVE: Schema = {
    "type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 1, "maximum": MAX_INT, "minLength": 1,
}  # fmt: skip
# Printable characters; what is not is refused as well by the format.
DESCRIPTION: Schema = {"type": ["string", "null"], "format": "printable", "minLength": 0, "maxLength": 255}
TAG: Schema = {"type": "string", "pattern": "^[^,/]*$", "minLength": 1, "maxLength": 60}
METADATA: Schema = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": "string", "maxLength": 255}},
    "additionalProperties": False,
}
FQDN: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9-._]*$", "minLength": 1, "maxLength": 255}
FLAVOR_REF: Schema = {"type": ["string", "integer"], "minLength": 1}
DISK_CONFIG: Schema = {"type": "string", "enum": ["AUTO", "MANUAL"]}
FIXED_IP: Schema = {"type": "string", "oneOf": [{"format": "ipv4"}, {"format": "ipv6"}]}
ANY_QUERY: Schema = {"type": "object", "properties": {}, "additionalProperties": True}
LIMIT: Schema = {"type": "array", "items": {"type": ["string"], "pattern": "^[0-9]*$", "minLength": 1}}
NO_QUERY: Schema = {"type": "object", "properties": {}, "additionalProperties": False}


def strings(format_name: str | None = None) -> Schema:
    """A query parameter that may be given several times."""
    return {"type": "array", "items": {"type": "string", **({"format": format_name} if format_name else {})}}


def only(key: str, value: Schema) -> Schema:
    """A body with one key."""
    return {"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": False}


def body(key: str, properties: Schema, required: list[str] | None = None, **more: Any) -> Schema:
    """A body with one key, whose value is an object of known properties."""
    inner: dict[str, Any] = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        inner["required"] = required
    return {
        "type": "object",
        "properties": {key: inner, **more},
        "required": [key],
        "additionalProperties": False,
    }
