"""Key pairs."""

import datetime

from novalike.objects.record import Record


class Keypair(Record, frozen=True):
    """A user's public key. ``type`` is ``ssh`` or ``x509``."""

    name: str
    user_id: str
    type: str
    fingerprint: str
    public_key: str
    id: int = 0
    created_at: datetime.datetime | None = None
