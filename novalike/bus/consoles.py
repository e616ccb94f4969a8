"""What the conductor offers about consoles: what a guest has written, and who may look at its screen.

A token is a secret that opens a console. Databases keep its digest only, and nobody logs it.
"""

import datetime

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.record import Record

# Seconds: longer than the conductor waits for the host.
_PATIENCE = 40


class ConsoleGrant(Record, frozen=True):
    """What a token opens.

    :param host, port: where the guest's console listens, as seen from the proxies.
    :param internal_access_path: what the proxy must ask that listener for, if it is shared by several guests.
    :param access_url_base: the URL of the proxy's page, without the token.
    """

    instance_uuid: str
    console_type: str
    host: str
    port: int
    expires: datetime.datetime
    internal_access_path: str | None = None
    access_url_base: str | None = None


class ConsoleReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def validate_token(self, ctx: RequestContext, *, token: str) -> ConsoleGrant:
        """What a token opens, from what was recorded.

        :raises ConsoleTokenInvalid: unknown or expired.
        """
        raise NotImplementedError


class ConsoleCommands(Interface):
    topic = "novalike-conductor"

    @call(timeout=_PATIENCE, repeatable=True)
    def console_output(self, ctx: RequestContext, *, server_id: str, length: int | None) -> str:
        """The last ``length`` lines (None: all that is kept) that a server wrote to its serial console.

        :raises InstanceNotFound: no such server.
        :raises InstanceNotReady: it is on no host, or has no guest there.
        :raises NotSupported: the hypervisor keeps no log.
        :raises Unavailable: the host does not answer.
        """
        raise NotImplementedError

    @call(timeout=_PATIENCE)
    def open_console(self, ctx: RequestContext, *, server_id: str, protocol: str, console_type: str) -> str:
        """Make a token for a server's console. Gives the URL that has it.

        :raises InstanceNotFound: no such server.
        :raises InstanceNotReady: it is on no host, or has no guest there.
        :raises InstanceInvalidState: it is being deleted or moved.
        :raises ConsoleTypeInvalid: the protocol has no such type.
        :raises ConsoleTypeUnavailable: this cloud, its hypervisor or this guest has none of that type.
        :raises Unavailable: the host does not answer.
        """
        raise NotImplementedError

    @call(timeout=_PATIENCE, repeatable=True)
    def admit(self, ctx: RequestContext, *, token: str) -> ConsoleGrant:
        """What a token opens, once the host has confirmed that the guest's console is still there.

        Without that question an old token might lead to another guest, which got the port since.

        :raises ConsoleTokenInvalid: unknown, expired, or the console has moved or gone.
        :raises Unavailable: the host does not answer.
        """
        raise NotImplementedError
