"""What flavor requests accept."""

from typing import Any

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.validation import Schema

SORT_KEYS = [
    "created_at", "description", "disabled", "ephemeral_gb", "flavorid", "id", "is_public", "memory_mb", "name",
    "root_gb", "rxtx_factor", "swap", "updated_at", "vcpu_weight", "vcpus",
]  # fmt: skip

# 2.55 brought the description; 2.102 took rxtx_factor away.
_rxtx_factor: Schema = {
    "type": ["number", "string"],
    "pattern": r"^[0-9]+(\.[0-9]+)?$",
    "exclusiveMinimum": 0,
    "maximum": 3.40282e38,
}
_description: Schema = {"type": ["string", "null"], "minLength": 0, "maxLength": 65535, "format": "printable"}


def _create(*, description: bool, rxtx_factor: bool) -> Schema:
    properties: dict[str, Any] = {
        "name": p.name,
        "id": {
            "type": ["string", "number", "null"],
            "minLength": 1,
            "maxLength": 255,
            "pattern": "^(?! )[a-zA-Z0-9. _-]+(?<! )$",
        },
        "ram": p.integer(1),
        "vcpus": p.integer(1),
        "disk": p.integer(0),
        "OS-FLV-EXT-DATA:ephemeral": p.integer(0),
        "swap": p.integer(0),
    }
    if rxtx_factor:
        properties["rxtx_factor"] = _rxtx_factor
    properties["os-flavor-access:is_public"] = p.boolean
    if description:
        properties["description"] = _description
    return p.body("flavor", properties, ["name", "ram", "vcpus", "disk"])


create = Since(
    {
        "2.1": _create(description=False, rxtx_factor=True),
        "2.55": _create(description=True, rxtx_factor=True),
        "2.102": _create(description=True, rxtx_factor=False),
    }
)
update = Since({"2.55": p.body("flavor", {"description": _description}, ["description"])})


def _index(sort_keys: list[str], *, strict: bool, **more: Schema) -> Schema:
    text: Schema = {"type": "string"}
    return p.query(
        {
            **p.paging,
            "is_public": text,
            "minRam": text,
            "minDisk": text,
            "sort_key": {"type": "string", "enum": sort_keys},
            "sort_dir": {"type": "string", "enum": ["asc", "desc"]},
            **more,
        },
        strict=strict,
    )


index_query = Since(
    {
        "2.1": _index(SORT_KEYS, strict=False),
        "2.75": _index(SORT_KEYS, strict=True),
        "2.102": _index([k for k in SORT_KEYS if k != "rxtx_factor"], strict=True, name={"type": "string"}),
    }
)
show_query = Since({"2.1": p.any_query, "2.102": p.no_query})

_project: Schema = {"type": "string", "minLength": 1, "maxLength": 255}
add_access = Since({"2.1": p.body("addTenantAccess", {"tenant": _project}, ["tenant"])})
remove_access = Since({"2.1": p.body("removeTenantAccess", {"tenant": _project}, ["tenant"])})

_specs = p.metadata("string", "number")
create_extra_specs = Since(
    {
        "2.1": {
            "type": "object",
            "properties": {"extra_specs": _specs},
            "required": ["extra_specs"],
            "additionalProperties": False,
        }
    }
)
update_extra_spec = Since({"2.1": {**_specs, "minProperties": 1, "maxProperties": 1}})
