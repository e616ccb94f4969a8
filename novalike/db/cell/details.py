"""What hangs on a server beside its row, and goes before it does."""

import sqlalchemy as sa

from novalike.db.cell import tables as t

R = t.instance_requests.c


def forget_admin_password(connection: sa.Connection, instance_uuid: str) -> None:
    """Forget the password that a new server was given: nobody needs it any more."""
    change = sa.update(t.instance_requests).where(R.instance_uuid == instance_uuid)
    connection.execute(change.values(admin_password=None))


def forget_all(connection: sa.Connection, instance_uuid: str) -> None:
    """Forget a deleted server's tags, its secrets, and who may see its console."""
    connection.execute(sa.delete(t.instance_tags).where(t.instance_tags.c.instance_uuid == instance_uuid))
    connection.execute(sa.delete(t.console_auth_tokens).where(t.console_auth_tokens.c.instance_uuid == instance_uuid))
    change = sa.update(t.instance_requests).where(R.instance_uuid == instance_uuid)
    connection.execute(change.values(admin_password=None, user_data=None, guest_password=None))
