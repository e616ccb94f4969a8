"""Pieces that many schemas are made of.

Errors are told in the order of a schema's keywords, so ``type`` comes first and ``format`` before lengths.
"""

from novalike.api.validation import Schema

MAX_INT = 2**31 - 1

name: Schema = {"type": "string", "format": "name", "minLength": 1, "maxLength": 255}

boolean: Schema = {
    "type": ["boolean", "string"],
    "enum": [
        True, "True", "TRUE", "true", "1", "ON", "On", "on", "YES", "Yes", "yes",
        False, "False", "FALSE", "false", "0", "OFF", "Off", "off", "NO", "No", "no",
    ],
}  # fmt: skip

non_negative_integer: Schema = {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": 0, "minLength": 1}

any_query: Schema = {"type": "object", "properties": {}, "additionalProperties": True}
no_query: Schema = {"type": "object", "properties": {}, "additionalProperties": False}


def integer(minimum: int) -> Schema:
    """An integer that a column can hold, or a string of its digits."""
    return {"type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": minimum, "maximum": MAX_INT}


def body(key: str, properties: Schema, required: list[str]) -> Schema:
    """An object of these properties below one key, as most bodies are."""
    inner = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"type": "object", "properties": {key: inner}, "required": [key], "additionalProperties": False}


def query(parameters: Schema, *, strict: bool = False, once: bool = False) -> Schema:
    """A query of these parameters.

    :param strict: refuse others; otherwise they are dropped.
    :param once: none may be repeated.
    """
    limit = {"maxItems": 1} if once else {}
    return {
        "type": "object",
        "properties": {key: {"type": "array", "items": schema, **limit} for key, schema in parameters.items()},
        "additionalProperties": not strict,
    }


paging: dict[str, Schema] = {"limit": non_negative_integer, "marker": {"type": "string"}}


def metadata(*types: str) -> Schema:
    """An object of short keys and values."""
    return {
        "type": "object",
        "patternProperties": {
            "^[a-zA-Z0-9-_:. ]{1,255}$": {"type": list(types) if len(types) > 1 else types[0], "maxLength": 255}
        },
        "additionalProperties": False,
    }
