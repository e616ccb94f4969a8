"""What requests about migrations accept."""

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.validation import Schema

_any_text: Schema = {"type": "array", "items": {"type": "string"}}
_filters: dict[str, Schema] = dict.fromkeys(
    ("hidden", "host", "instance_uuid", "source_compute", "status", "migration_type"), _any_text
)


def _query(*, strict: bool, **once: Schema) -> Schema:
    """A query of filters, which may be repeated, and of other parameters, which may not."""
    schema = p.query(once, strict=strict, once=True)
    return {**schema, "properties": {**_filters, **schema["properties"]}}


_text: Schema = {"type": "string"}
_moment: Schema = {"type": "string", "format": "date-time"}
_page: dict[str, Schema] = {**p.paging, "changes-since": _moment}
_changes: dict[str, Schema] = {**_page, "changes-before": _moment}
_owners: dict[str, Schema] = {"user_id": _text, "project_id": _text}

index_query = Since(
    {
        "2.1": _query(strict=False),
        "2.59": _query(strict=True, **_page),
        "2.66": _query(strict=True, **_changes),
        "2.80": _query(strict=True, **_changes, **_owners),
    }
)
