"""What requests about quotas and limits accept."""

from typing import Any

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.validation import Schema
from novalike.objects.quota import RESOURCES

# What Neutron took over, and what user data took over: gone from the API in two steps.
NETWORK = frozenset({"fixed_ips", "floating_ips", "security_group_rules", "security_groups"})
INJECTION = frozenset({"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"})

_limit: Schema = {"type": ["integer", "string"], "pattern": "^-?[0-9]+$", "minimum": -1, "maximum": p.MAX_INT}


def _update(key: str, without: frozenset[str], **more: Schema) -> Schema:
    properties: dict[str, Any] = {name: _limit for name in RESOURCES if name not in without}
    inner: Schema = {"type": "object", "properties": {**properties, **more}, "additionalProperties": False}
    return {"type": "object", "properties": {key: inner}, "required": [key], "additionalProperties": False}


update = Since(
    {
        "2.1": _update("quota_set", frozenset(), force=p.boolean),
        "2.36": _update("quota_set", NETWORK, force=p.boolean),
        "2.57": _update("quota_set", NETWORK | INJECTION, force=p.boolean),
    }
)
update_class = Since(
    {
        "2.1": _update("quota_class_set", frozenset()),
        "2.50": _update("quota_class_set", NETWORK),
        "2.57": _update("quota_class_set", NETWORK | INJECTION),
    }
)

_user: dict[str, Schema] = {"user_id": {"type": "string"}}
user_query = Since({"2.1": p.query(_user), "2.75": p.query(_user, strict=True)})
class_query = Since({"2.1": p.any_query, "2.102": p.no_query})

_project: dict[str, Schema] = {"tenant_id": {"type": "string"}}
limits_query = Since({"2.1": p.query(_project), "2.75": p.query(_project, strict=True)})
