"""Host aggregates."""

import datetime

from novalike.objects.record import Record

# The metadata key whose value is the availability zone of an aggregate's hosts.
ZONE_KEY = "availability_zone"


class Aggregate(Record, frozen=True):
    """Hosts that have something in common: a zone, or what filters are told by ``metadata``."""

    id: int
    uuid: str
    name: str
    hosts: tuple[str, ...] = ()
    metadata: dict[str, str] = {}
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None

    @property
    def zone(self) -> str | None:
        """The availability zone of its hosts, if it gives them one."""
        return self.metadata.get(ZONE_KEY)
