"""Servers, as the conductor knows and changes them."""

import datetime
from typing import Any

from novalike.bus.compute import ExternalEvent
from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.operation import ServerOperations
from novalike.objects.record import Record
from novalike.objects.server import CreatedServers, Server, ServerName, ServerRequest


class ServerQuery(Record, frozen=True):
    """Which servers, in what order, how many.

    :param project_id: None is "of all projects".
    :param filters: column → value(s); names are the API's, values already converted.
    :param sort: (key, ``asc`` or ``desc``).
    """

    project_id: str | None
    filters: dict[str, Any] = {}
    deleted: bool | None = False
    changes_since: datetime.datetime | None = None
    changes_before: datetime.datetime | None = None
    statuses: tuple[str, ...] | None = None
    tags: tuple[str, ...] = ()
    tags_any: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    not_tags_any: tuple[str, ...] = ()
    sort: tuple[tuple[str, str], ...] = ()
    limit: int | None = None
    marker: str | None = None


class ServerReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def list_servers(self, ctx: RequestContext, *, query: ServerQuery) -> tuple[ServerName, ...]:
        """The short list.

        :raises MarkerNotFound: there is no such marker.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def list_servers_detail(
        self, ctx: RequestContext, *, query: ServerQuery, with_user_data: bool = False
    ) -> tuple[Server, ...]:
        """The long list.

        :raises MarkerNotFound: there is no such marker.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def get_server(self, ctx: RequestContext, *, server_id: str, deleted: bool = False) -> Server:
        """One server. A caller who is no administrator sees those of the own project only.

        :param deleted: find a deleted one as well.
        :raises InstanceNotFound: none such, or not visible.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def list_operations(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        limit: int | None = None,
        marker: str | None = None,
        changes_since: datetime.datetime | None = None,
        changes_before: datetime.datetime | None = None,
        deleted: bool = False,
    ) -> ServerOperations:
        """A server's operations (instance actions), newest first.

        :param deleted: of a deleted server as well.
        :raises InstanceNotFound: no such server, or not visible.
        :raises MarkerNotFound: there is no operation with the request id ``marker``.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def get_operation(
        self, ctx: RequestContext, *, server_id: str, request_id: str, deleted: bool = False
    ) -> ServerOperations:
        """The operation of a server with this request id, the newest if there are several; or none.

        :param deleted: of a deleted server as well.
        :raises InstanceNotFound: no such server, or not visible.
        """
        raise NotImplementedError


class ServerCommands(Interface):
    topic = "novalike-conductor"

    @call(timeout=60, repeatable=True)
    def create_servers(self, ctx: RequestContext, *, request: ServerRequest) -> CreatedServers:
        """Record servers and their ``create`` operations, in one transaction, and set them going.

        Asked again with the same request id it gives what was recorded the first time.

        :raises FlavorNotFound: no such flavor, or not for this project.
        :raises KeypairNotFound: the user has no such key pair.
        :raises OverQuota: not even ``min_count`` servers fit.
        :raises Invalid: flavor and image don't go together.
        """
        raise NotImplementedError

    @call(timeout=60, repeatable=True)
    def start_operation(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        action: str,
        workflow: str,
        params: dict[str, Any] = {},
        override_lock: bool = False,
    ) -> str:
        """Record an operation on a server with its state change, and set it going. Gives its id.

        Asked again with the same request id it gives the first one's.

        :raises InstanceNotFound: no such server.
        :raises InstanceInvalidState: not in this state.
        :raises InstanceIsLocked: locked, and the caller may not override that.
        :raises HostDown: the host that would have to do it is down.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def update_server(self, ctx: RequestContext, *, server_id: str, changes: dict[str, Any]) -> Server:
        """Change ``name``, ``hostname``, ``description``, ``access_ip_v4``, ``access_ip_v6``,
        ``auto_disk_config`` or ``pinned_availability_zone``.

        :raises InstanceNotFound: no such server.
        """
        raise NotImplementedError

    @call()
    def update_metadata(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        metadata: dict[str, str],
        replace: bool,
        remove: tuple[str, ...] = (),
        override_lock: bool = False,
    ) -> dict[str, str]:
        """Set (or replace all of, or remove some of) a server's metadata. Gives all of it.

        :raises OverQuota: more items than the quota.
        :raises MetadataKeyNotFound: a key to remove is not there.
        :raises InstanceInvalidState: the server is in a state in which its metadata can't change.
        """
        raise NotImplementedError

    @call()
    def update_tags(
        self,
        ctx: RequestContext,
        *,
        server_id: str,
        add: tuple[str, ...] = (),
        remove: tuple[str, ...] = (),
        replace: tuple[str, ...] | None = None,
    ) -> tuple[str, ...]:
        """Change a server's tags. Gives all of them.

        :raises TagNotFound: a tag to remove is not there.
        :raises Invalid: more than 50 tags.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def external_events(
        self, ctx: RequestContext, *, events: tuple[ExternalEvent, ...]
    ) -> tuple[int, ...]:
        """Hand events to the hosts of their servers. Gives a status code for each (200, 400, 404, 422)."""
        raise NotImplementedError

