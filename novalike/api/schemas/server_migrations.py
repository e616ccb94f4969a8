"""What requests about the migrations of a server accept."""

from novalike.api.microversion import Since
from novalike.api.schemas import parameters as p

query = Since({"2.1": p.any_query, "2.102": p.no_query})
