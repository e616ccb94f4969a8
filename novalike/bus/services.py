"""What the conductor offers about daemons."""

from novalike.bus.interface import Interface, call
from novalike.objects.context import RequestContext
from novalike.objects.host import Service
from novalike.objects.record import Record


class ServiceList(Record, frozen=True):
    """Services, and what is missing of them.

    :param unreachable: compute hosts of cells whose databases don't answer.
    """

    services: tuple[Service, ...]
    unreachable: tuple[str, ...] = ()


class ServiceChanges(Record, frozen=True):
    """What to change of a compute service; None is "leave it". ``disabled_reason`` goes with ``disabled``."""

    disabled: bool | None = None
    disabled_reason: str | None = None
    forced_down: bool | None = None


class ServiceReads(Interface):
    topic = "novalike-conductor-reads"

    @call(repeatable=True)
    def list_services(
        self, ctx: RequestContext, *, host: str | None = None, binary: str | None = None
    ) -> ServiceList:
        """The services of a host, of a kind, or all.

        :raises Unavailable: no database answers.
        """
        raise NotImplementedError


class ServiceCommands(Interface):
    topic = "novalike-conductor"

    @call(timeout=60, repeatable=True)
    def update_service(self, ctx: RequestContext, *, service_id: str, changes: ServiceChanges) -> Service:
        """Change a compute service, by its uuid.

        :raises ServiceNotFound: there is none.
        :raises Invalid: it is no compute service, or nothing is to be changed, or a service can't be enabled for a
            reason.
        """
        raise NotImplementedError

    @call(timeout=60, repeatable=True)
    def update_compute_service(self, ctx: RequestContext, *, host: str, changes: ServiceChanges) -> Service:
        """Change the compute service of a host.

        :raises HostNotMapped: no cell knows the host.
        :raises HostBinaryNotFound: the host has no compute service.
        """
        raise NotImplementedError

    @call(timeout=60, repeatable=True)
    def delete_service(self, ctx: RequestContext, *, service_id: str) -> None:
        """Forget a service; of a compute service everything: nodes, resource providers, aggregates, mapping.

        :param service_id: uuid, or row number.
        :raises ServiceNotFound: there is none.
        :raises Invalid: several cells have one with this row number.
        :raises Conflict: servers are on its host, or have claims there.
        :raises Unavailable: Placement can't be reached; nothing was forgotten that can't be forgotten again.
        """
        raise NotImplementedError
