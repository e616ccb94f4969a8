"""Flavors."""

import datetime

from novalike.objects.record import Record


class Flavor(Record, frozen=True):
    """A size of server.

    :param id: the database's row number (orders lists; never shown).
    :param flavor_id: what users call it by.
    :param memory_mb: MiB.
    :param swap: MiB.
    :param root_gb: GiB; 0 is "as large as the image".
    """

    flavor_id: str
    name: str
    memory_mb: int
    vcpus: int
    root_gb: int
    ephemeral_gb: int = 0
    swap: int = 0
    rxtx_factor: float = 1.0
    is_public: bool = True
    disabled: bool = False
    description: str | None = None
    extra_specs: dict[str, str] = {}
    id: int = 0
    created_at: datetime.datetime | None = None
    updated_at: datetime.datetime | None = None


class FlavorAccess(Record, frozen=True):
    """That a project may use a private flavor."""

    flavor_id: str
    project_id: str
