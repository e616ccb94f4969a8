"""What requests about hypervisors accept."""

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p
from novalike.api.schemas.services import HOST
from novalike.api.validation import Schema

_found: dict[str, Schema] = {**p.paging, "hypervisor_hostname_pattern": HOST, "with_servers": p.boolean}
index_query = Since(
    {
        "2.1": p.any_query,
        "2.33": p.query(p.paging),
        "2.53": p.query(_found, strict=True, once=True),
    }
)
show_query = Since({"2.1": p.any_query, "2.53": p.query({"with_servers": p.boolean}, strict=True, once=True)})
