"""Key pairs: answers and changes."""

import base64
import hashlib

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from oslo_config import cfg

from novalike.conductor import quota_check
from novalike.conductor.cells import Cells
from novalike.db.api import keypairs as keypairs_db
from novalike.db.engine import Connection
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.keypair import Keypair


class KeypairReadsHandler:
    """Serves ``bus.keypairs.KeypairReads``."""

    def __init__(self, cells: Cells) -> None:
        self._api = cells.api

    def list_keypairs(
        self, ctx: RequestContext, *, user_id: str, limit: int | None = None, marker: str | None = None
    ) -> tuple[Keypair, ...]:
        return self._api.query(lambda c: keypairs_db.of_user(c, user_id, limit, marker))

    def get_keypair(self, ctx: RequestContext, *, user_id: str, name: str) -> Keypair:
        keypair = self._api.query(lambda c: keypairs_db.get(c, user_id, name))
        if keypair is None:
            raise errors.KeypairNotFound(name=name, user_id=user_id)
        return keypair


class KeypairCommandsHandler:
    """Serves ``bus.keypairs.KeypairCommands``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._api = cells.api

    def create_keypair(self, ctx: RequestContext, *, user_id: str, name: str, type: str, public_key: str) -> Keypair:
        def write(connection: Connection) -> Keypair:
            limit = quota_check.effective_limits(connection, self._conf, ctx.project_id or "", user_id)["key_pairs"]
            if 0 <= limit <= keypairs_db.lock_and_count(connection, user_id):
                raise errors.KeypairLimitExceeded()
            keypair = Keypair(
                name=name,
                user_id=user_id,
                type=type,
                fingerprint=fingerprint(type, public_key),
                public_key=public_key,
            )
            return keypairs_db.insert(connection, keypair)

        return self._api.write(write)

    def delete_keypair(self, ctx: RequestContext, *, user_id: str, name: str) -> None:
        if not self._api.write(lambda c: keypairs_db.delete(c, user_id, name)):
            raise errors.KeypairNotFound(name=name, user_id=user_id)


def fingerprint(type: str, public_key: str) -> str:
    """What a public key is recognised by: MD5 of an SSH key, SHA-1 of a certificate, as ``ab:cd:…``.

    :raises KeypairInvalid: that is no public key of this type.
    """
    return _certificate_digest(public_key) if type == "x509" else _ssh_digest(public_key)


def _ssh_digest(public_key: str) -> str:
    try:
        serialization.load_ssh_public_key(public_key.encode())
        data = base64.b64decode(public_key.split(" ")[1])
    except (ValueError, IndexError, UnsupportedAlgorithm) as error:
        raise errors.KeypairInvalid(reason="failed to generate fingerprint") from error
    return hashlib.md5(data, usedforsecurity=False).digest().hex(":")


def _certificate_digest(pem: str) -> str:
    try:
        certificate = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise errors.KeypairInvalid(
            reason=f"failed to generate X509 fingerprint. Error message: {error}"
        ) from error
    return certificate.fingerprint(hashes.SHA1()).hex(":")  # noqa: S303 what users know it by
