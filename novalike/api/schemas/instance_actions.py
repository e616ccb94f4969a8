"""What requests about instance actions accept."""

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.validation import Schema

_moment: Schema = {"type": "string", "format": "date-time"}
_page: dict[str, Schema] = {**p.paging, "changes-since": _moment}

index_query = Since(
    {
        "2.1": p.any_query,
        "2.58": p.query(_page, strict=True, once=True),
        "2.66": p.query({**_page, "changes-before": _moment}, strict=True, once=True),
    }
)
show_query = Since({"2.1": p.any_query, "2.102": p.no_query})
