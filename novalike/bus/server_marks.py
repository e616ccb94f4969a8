"""What is marked on a server without anything being done to its guest."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext


class ServerMarks(Interface):
    topic = "novalike-conductor"

    @call(repeatable=True)
    def lock(self, ctx: RequestContext, *, server_id: str, reason: str | None = None) -> None:
        """Lock a server. The owner can't change a lock that is there; an administrator makes it his own.

        :raises InstanceNotFound: no such server, or not visible.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def unlock(self, ctx: RequestContext, *, server_id: str) -> None:
        """Take the lock away, whoever's it is.

        :raises InstanceNotFound: no such server, or not visible.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def reset_state(self, ctx: RequestContext, *, server_id: str, vm_state: str) -> None:
        """Say what a server is, and that nothing is being done to it: open operations end.

        :param vm_state: ``active`` or ``error``.
        :raises InstanceNotFound: no such server, or not visible.
        """
        raise NotImplementedError
