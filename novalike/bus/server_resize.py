"""Moving servers to other flavors, or to other hosts while they are off."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext


class ServerResize(Interface):
    """Each call records an operation and sets it going. Asked again with the same request id it does nothing more.

    All of them raise, besides what they say themselves:

    :raises InstanceNotFound: no such server, or not visible.
    :raises InstanceInvalidState: not in this state.
    :raises InstanceIsLocked: locked, and the caller may not override that.
    :raises HostDown: the host that would have to do it is down.
    """

    topic = "novalike-conductor"

    @call(timeout=60, repeatable=True)
    def resize(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        flavor_id: str,
        auto_disk_config: bool | None = None,
        may_use_zero_disk: bool = True,
        override_lock: bool = False,
    ) -> None:
        """Move a server to another flavor; the scheduler finds a host.

        :param flavor_id: what users call it by.
        :param auto_disk_config: what the server has from now on; None, and a migration, take it away as False does.
        :param may_use_zero_disk: the caller may have an image's server with a flavor without a disk.
        :raises FlavorNotFound: no such flavor, not for this project, or disabled.
        :raises CannotResizeToSameFlavor: it has it already.
        :raises CannotResizeDisk: its disks would have to shrink.
        :raises OverQuota: the project may not have that much more.
        :raises Invalid: the flavor is too small for the server's image.
        """
        raise NotImplementedError

    @call(timeout=60, repeatable=True)
    def migrate(
        self, ctx: RequestContext, *, server_id: str, host: str | None = None, override_lock: bool = False
    ) -> None:
        """Move a server to another host.

        :param host: where to; None is wherever the scheduler finds room.
        :raises UnknownHost: there is no host of this name.
        :raises CannotMigrateToSameHost: the server is on it.
        """
        raise NotImplementedError

    @call(timeout=60, repeatable=True)
    def confirm_resize(self, ctx: RequestContext, *, server_id: str, override_lock: bool = False) -> None:
        """Give up what the source of a resize or a cold migration has kept.

        :raises InstanceHasNotBeenResized: there is nothing to confirm.
        """
        raise NotImplementedError

    @call(timeout=60, repeatable=True)
    def revert_resize(self, ctx: RequestContext, *, server_id: str, override_lock: bool = False) -> None:
        """Go back to the host and the flavor that a server had before a resize or a cold migration.

        :raises InstanceHasNotBeenResized: there is nothing to revert.
        :raises OverQuota: the project may not have what the old flavor needs more than the new one.
        """
        raise NotImplementedError
