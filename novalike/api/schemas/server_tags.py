"""What server tag requests may contain."""

from novalike.api.microversion import Since
from novalike.api.schemas import types
from novalike.api.validation import Schema

# Of one server at most.
MAX_TAGS = 50
# A tag is added by its path alone.
NO_BODY: Since[Schema] = Since({"2.26": {"type": "null"}})
ALL: Since[Schema] = Since(
    {
        "2.26": {
            "type": "object",
            "properties": {"tags": {"type": "array", "items": types.TAG, "maxItems": MAX_TAGS}},
            "required": ["tags"],
            "additionalProperties": False,
        }
    }
)
