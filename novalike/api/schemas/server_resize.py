"""What requests about resizes and cold migrations may contain."""

from novalike.api.microversion import Since
from novalike.api.schemas import types
from novalike.api.validation import Schema

RESIZE: Since[Schema] = Since(
    {
        "2.1": types.body(
            "resize", {"flavorRef": types.FLAVOR_REF, "OS-DCF:diskConfig": types.DISK_CONFIG}, ["flavorRef"]
        )
    }
)
CONFIRM_RESIZE: Since[Schema] = Since({"2.1": types.only("confirmResize", {})})
REVERT_RESIZE: Since[Schema] = Since({"2.1": types.only("revertResize", {})})
# Before 2.56 nobody looks at what is in it.
MIGRATE: Since[Schema] = Since(
    {
        "2.56": types.only(
            "migrate",
            {
                "type": ["object", "null"],
                "properties": {"host": {**types.FQDN, "type": ["string", "null"]}},
                "additionalProperties": False,
            },
        )
    }
)
