"""What the conductor offers about host aggregates and availability zones."""

from novalike.bus.interface import Interface, call
from novalike.objects.aggregate import Aggregate
from novalike.objects.context import RequestContext
from novalike.objects.zone import Zone


class AggregateReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def list_aggregates(self, ctx: RequestContext) -> tuple[Aggregate, ...]:
        """All, in the order in which they were made."""
        raise NotImplementedError

    @call(repeatable=True)
    def get_aggregate(self, ctx: RequestContext, *, aggregate_id: int) -> Aggregate:
        """One.

        :raises AggregateNotFound: none such.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def list_zones(self, ctx: RequestContext, *, with_services: bool = False) -> tuple[Zone, ...]:
        """All availability zones by name, the available ones first."""
        raise NotImplementedError


class AggregateCommands(Interface):
    topic = "novalike-conductor"

    @call()
    def create_aggregate(self, ctx: RequestContext, *, name: str, zone: str | None = None) -> Aggregate:
        """Record an aggregate.

        :raises AggregateNameExists: there is one of this name.
        """
        raise NotImplementedError

    @call(repeatable=True)
    def update_aggregate(
        self,
        ctx: RequestContext,
        *,
        aggregate_id: int,
        name: str | None = None,
        metadata: dict[str, str | None] | None = None,
        what: str = "update",
    ) -> Aggregate:
        """Change an aggregate's name or metadata; a value of None removes a key.

        :param what: how errors call the change.
        :raises AggregateNotFound: none such.
        :raises AggregateNameExists: another one has this name.
        :raises AggregateInvalid: the zone can't be removed, or a host of it is in another zone, or has servers.
        """
        raise NotImplementedError

    @call()
    def delete_aggregate(self, ctx: RequestContext, *, aggregate_id: int) -> None:
        """Delete an aggregate without hosts.

        :raises AggregateNotFound: none such.
        :raises AggregateInvalid: it has hosts.
        """
        raise NotImplementedError

    @call()
    def add_host(self, ctx: RequestContext, *, aggregate_id: int, host: str) -> Aggregate:
        """Put a host into an aggregate.

        :raises HostNotFound: no such compute host.
        :raises AggregateNotFound: no such aggregate.
        :raises AggregateHostExists: it is in there.
        :raises AggregateConflict: it is in another zone, or would change its zone while it has servers.
        """
        raise NotImplementedError

    @call()
    def remove_host(self, ctx: RequestContext, *, aggregate_id: int, host: str) -> Aggregate:
        """Take a host out of an aggregate.

        :raises AggregateHostNotFound: no such aggregate, or the host isn't in there.
        :raises AggregateConflict: it would change its zone while it has servers.
        """
        raise NotImplementedError
