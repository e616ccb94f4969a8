"""What key pair requests accept."""

from typing import Any

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.validation import Schema


def _create(name_characters: str, required: list[str], **more: Schema) -> Schema:
    name: Schema = {
        "allOf": [
            p.name,
            {"type": "string", "pattern": f"^[{name_characters}]+$", "minLength": 1, "maxLength": 255},
        ]
    }
    properties: dict[str, Any] = {"name": name, "public_key": {"type": "string"}, **more}
    return p.body("keypair", properties, required)


_NAME = r"_\- a-zA-Z0-9"
_NAME_AND_MORE = r"_\-\@\. a-zA-Z0-9"
_text: Schema = {"type": "string"}
_type: Schema = {"type": "string", "enum": ["ssh", "x509"]}

# 2.92: keys are no longer generated, and names may have @ and dots.
create = Since(
    {
        "2.1": _create(_NAME, ["name"]),
        "2.2": _create(_NAME, ["name"], type=_type),
        "2.10": _create(_NAME, ["name"], type=_type, user_id=_text),
        "2.92": _create(_NAME_AND_MORE, ["name", "public_key"], type=_type, user_id=_text),
    }
)

_owner: dict[str, Schema] = {"user_id": _text}
index_query = Since(
    {
        "2.1": p.any_query,
        "2.10": p.query(_owner),
        "2.35": p.query({**_owner, **p.paging}),
        "2.75": p.query({**_owner, **p.paging}, strict=True),
    }
)
show_query = Since({"2.1": p.any_query, "2.10": p.query(_owner), "2.75": p.query(_owner, strict=True)})
