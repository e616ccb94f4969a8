"""Queries about key pairs."""

import msgspec
import sqlalchemy as sa

from novalike.db.api import tables as t
from novalike.objects import errors
from novalike.objects.keypair import Keypair
from novalike.objects.record import utcnow

K = t.key_pairs.c
_COLUMNS = [K[field] for field in Keypair.__struct_fields__]


def get(connection: sa.Connection, user_id: str, name: str) -> Keypair | None:
    """A user's key pair, or None."""
    row = connection.execute(sa.select(*_COLUMNS).where(K.user_id == user_id, K.name == name)).first()
    return None if row is None else Keypair(**row._mapping)


def of_user(connection: sa.Connection, user_id: str, limit: int | None, marker: str | None) -> tuple[Keypair, ...]:
    """A user's key pairs by name.

    :raises MarkerNotFound: the user has none called ``marker``.
    """
    query = sa.select(*_COLUMNS).where(K.user_id == user_id).order_by(K.name).limit(limit)
    if marker is not None:
        if get(connection, user_id, marker) is None:
            raise errors.MarkerNotFound(f"Marker {marker} could not be found.", marker=marker)
        query = query.where(K.name > marker)
    return tuple(Keypair(**row._mapping) for row in connection.execute(query))


def lock_and_count(connection: sa.Connection, user_id: str) -> int:
    """How many key pairs a user has; nobody else adds one before the transaction ends."""
    query = sa.select(K.id).where(K.user_id == user_id).with_for_update()
    # The second time we see what another transaction, that we had to wait for the first time, has added.
    connection.execute(query).all()
    return len(connection.execute(query).all())


def insert(connection: sa.Connection, keypair: Keypair) -> Keypair:
    """Record a key pair. Gives it as it was recorded.

    :raises KeypairExists: the user has one of this name.
    """
    values = {**msgspec.structs.asdict(keypair), "created_at": utcnow()}
    del values["id"]
    try:
        with connection.begin_nested():
            key = connection.execute(sa.insert(t.key_pairs).values(values)).inserted_primary_key
    except sa.exc.IntegrityError:
        raise errors.KeypairExists(name=keypair.name) from None
    return Keypair(id=key[0] if key else 0, **values)


def delete(connection: sa.Connection, user_id: str, name: str) -> bool:
    """Delete a key pair. Gives whether there was one."""
    return bool(connection.execute(sa.delete(t.key_pairs).where(K.user_id == user_id, K.name == name)).rowcount)
