"""Key pairs as answers show them."""

from collections.abc import Sequence
from typing import Any

from novalike.api.microversion import Version
from novalike.api.request import ApiRequest, format_time_micro
from novalike.objects.keypair import Keypair

V2_2 = Version(2, 2)


def brief(req: ApiRequest, keypair: Keypair) -> dict[str, Any]:
    """A key pair of a list."""
    shown = {"name": keypair.name, "public_key": keypair.public_key, "fingerprint": keypair.fingerprint}
    if req.version >= V2_2:
        shown["type"] = keypair.type
    return shown


def created(req: ApiRequest, keypair: Keypair, private_key: str | None) -> dict[str, Any]:
    """A new key pair; with its private half, when we made it."""
    shown = {**brief(req, keypair), "user_id": keypair.user_id}
    if private_key is not None:
        shown["private_key"] = private_key
    return {"keypair": shown}


def full(req: ApiRequest, keypair: Keypair) -> dict[str, Any]:
    """A key pair with all that it has. Deleted ones are gone, but there were fields for them once."""
    return {
        "keypair": {
            **brief(req, keypair),
            "user_id": keypair.user_id,
            "id": keypair.id,
            "created_at": format_time_micro(keypair.created_at),
            "updated_at": None,
            "deleted": False,
            "deleted_at": None,
        }
    }


def page(req: ApiRequest, keypairs: Sequence[Keypair], limit: int | None) -> dict[str, Any]:
    """A list; from 2.35 a page, with a link to the next one when it is full."""
    body: dict[str, Any] = {"keypairs": [{"keypair": brief(req, keypair)} for keypair in keypairs]}
    if keypairs and len(keypairs) == limit:
        body["keypairs_links"] = req.next_link(keypairs[-1].name, "os-keypairs")
    return body
