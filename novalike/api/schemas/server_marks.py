"""What requests about locks and states may contain."""

from novalike.api.microversion import Since
from novalike.api.schemas import types
from novalike.api.validation import Schema

LOCK: Since[Schema] = Since(
    {
        "2.1": types.only("lock", {}),
        "2.73": types.only(
            "lock",
            {
                "type": ["object", "null"],
                "properties": {"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}},
                "additionalProperties": False,
            },
        ),
    }
)
UNLOCK: Since[Schema] = Since({"2.1": types.only("unlock", {})})
RESET_STATE: Since[Schema] = Since(
    {"2.1": types.body("os-resetState", {"state": {"type": "string", "enum": ["active", "error"]}}, ["state"])}
)
