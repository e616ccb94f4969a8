"""What server metadata requests may contain."""

from novalike.api.microversion import Since
from novalike.api.schemas import types
from novalike.api.validation import Schema

ALL: Since[Schema] = Since(
    {
        "2.1": {
            "type": "object",
            "properties": {"metadata": types.METADATA},
            "required": ["metadata"],
            "additionalProperties": False,
        }
    }
)
ONE: Since[Schema] = Since(
    {
        "2.1": {
            "type": "object",
            "properties": {"meta": {**types.METADATA, "minProperties": 1, "maxProperties": 1}},
            "required": ["meta"],
            "additionalProperties": False,
        }
    }
)
