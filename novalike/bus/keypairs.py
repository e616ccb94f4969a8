"""What the conductor offers about key pairs."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.keypair import Keypair


class KeypairReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def list_keypairs(
        self, ctx: RequestContext, *, user_id: str, limit: int | None = None, marker: str | None = None
    ) -> tuple[Keypair, ...]:
        """A user's key pairs by name, after the one called ``marker``.

        :raises MarkerNotFound: the user has none such.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def get_keypair(self, ctx: RequestContext, *, user_id: str, name: str) -> Keypair:
        """A user's key pair.

        :raises KeypairNotFound: the user has none such.
        """
        raise NotImplementedError


class KeypairCommands(Interface):
    topic = "novalike-conductor"

    @call()
    def create_keypair(self, ctx: RequestContext, *, user_id: str, name: str, type: str, public_key: str) -> Keypair:
        """Record a user's public key.

        :param type: ``ssh`` (``public_key`` is a line of authorized_keys) or ``x509`` (a certificate as PEM).
        :raises KeypairLimitExceeded: the user has as many as the quota allows.
        :raises KeypairInvalid: that is no public key.
        :raises KeypairExists: the user has one of this name.
        """
        raise NotImplementedError

    @call()
    def delete_keypair(self, ctx: RequestContext, *, user_id: str, name: str) -> None:
        """Delete a user's key pair. Servers keep the key they were made with.

        :raises KeypairNotFound: the user has none such.
        """
        raise NotImplementedError
