"""What requests about host aggregates and availability zones accept."""

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.validation import Schema

_zone: Schema = {
    "oneOf": [{"type": "string", "format": "az_name", "minLength": 1, "maxLength": 255}, {"type": "null"}]
}
_name_to_strip: Schema = {**p.name, "format": "name_with_leading_trailing_spaces"}
_host: Schema = {"type": "string", "pattern": "^[a-zA-Z0-9-._]*$", "minLength": 1, "maxLength": 255}
_metadata: Schema = {
    "type": "object",
    "patternProperties": {"^[a-zA-Z0-9-_:. ]{1,255}$": {"type": ["string", "null"], "maxLength": 255}},
    "additionalProperties": False,
}

create = Since({"2.1": p.body("aggregate", {"name": p.name, "availability_zone": _zone}, ["name"])})
update = Since(
    {
        "2.1": {
            "type": "object",
            "properties": {
                "aggregate": {
                    "type": "object",
                    "properties": {"name": _name_to_strip, "availability_zone": _zone},
                    "additionalProperties": False,
                    "anyOf": [{"required": ["name"]}, {"required": ["availability_zone"]}],
                }
            },
            "required": ["aggregate"],
            "additionalProperties": False,
        }
    }
)
add_host = Since({"2.1": p.body("add_host", {"host": _host}, ["host"])})
remove_host = Since({"2.1": p.body("remove_host", {"host": _host}, ["host"])})
set_metadata = Since({"2.1": p.body("set_metadata", {"metadata": _metadata}, ["metadata"])})
query = Since({"2.1": p.any_query, "2.102": p.no_query})
