"""Daemons, as administrators see and change them.

That a host takes no new servers is in the database, which the scheduler follows, and as a trait in Placement, which
saves it from being considered at all. The trait is set here at once; should Placement be away, the host's compute
process sets it with its next report (``compute.resource_reports``), for which ``report_nodes`` tells it what is
disabled.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from oslo_config import cfg

from novalike.bus.services import ServiceChanges, ServiceList
from novalike.clients.placement import PlacementClient
from novalike.conductor.cells import Cell, Cells
from novalike.conductor.hosts import COMPUTE, is_up, zone_of
from novalike.db import handled_requests
from novalike.db.api import aggregates, mappings
from novalike.db.cell import migration_records as migrations_db
from novalike.db.cell import services as services_db
from novalike.objects import errors
from novalike.objects.context import RequestContext
from novalike.objects.host import AggregateFacts, Service, public_binary

LOG = logging.getLogger(__name__)

Facts = Mapping[str, tuple[AggregateFacts, ...]]


def service_of(conf: cfg.ConfigOpts, cell: Cell, row: Any, facts: Facts) -> Service:
    """A service from its row in a cell and the aggregates of all hosts."""
    is_compute = row.binary == COMPUTE
    return Service(
        id=row.id,
        uuid=row.uuid,
        binary=row.binary,
        host=row.host,
        endpoint=row.endpoint,
        incarnation=row.incarnation,
        zone=zone_of(conf, facts.get(row.host, ())) if is_compute else conf.internal_service_availability_zone,
        up=is_up(conf, cell.database.utcnow(), row.last_seen_at, row.forced_down),
        disabled=row.disabled,
        disabled_reason=row.disabled_reason,
        forced_down=row.forced_down,
        version=row.version,
        last_seen_at=row.last_seen_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
    )


class ServiceReadsHandler:
    """Serves ``bus.services.ServiceReads``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells

    def list_services(
        self, ctx: RequestContext, *, host: str | None = None, binary: str | None = None
    ) -> ServiceList:
        facts = self._cells.api.query(aggregates.by_host)
        found: list[Service] = []
        silent: list[Cell] = []
        cells = self._cells.all()
        for cell in cells:
            try:
                rows = cell.database.query(lambda c: services_db.listed(c, host, binary))
            except errors.Unavailable as error:
                LOG.warning("the services of cell %s are not listed: %s", cell.name, error)
                silent.append(cell)
                continue
            found += [service_of(self._conf, cell, row, facts) for row in rows]
        if len(silent) == len(cells):
            raise errors.Unavailable(reason="no cell's database answers")
        return ServiceList(services=tuple(found), unreachable=self._hosts_of(silent, host, binary))

    def _hosts_of(self, cells: list[Cell], host: str | None, binary: str | None) -> tuple[str, ...]:
        if not cells or binary not in (None, COMPUTE):
            return ()
        ids = {cell.id for cell in cells}
        mapped = self._cells.api.query(mappings.hosts)
        return tuple(sorted(name for name, cell in mapped.items() if cell in ids and host in (None, name)))


class ServiceCommandsHandler:
    """Serves ``bus.services.ServiceCommands``.

    :param forget: told of each host that is no more.
    """

    def __init__(
        self, conf: cfg.ConfigOpts, cells: Cells, placement: PlacementClient, forget: Callable[[str], None]
    ) -> None:
        self._conf = conf
        self._cells = cells
        self._placement = placement
        self._forget = forget

    def update_service(self, ctx: RequestContext, *, service_id: str, changes: ServiceChanges) -> Service:
        cell, row = self._find(service_id)
        if row.binary != COMPUTE:
            raise errors.Invalid(
                f"Updating a {public_binary(row.binary)} service is not supported. Only nova-compute services can be "
                "updated."
            )
        if changes.disabled is False and changes.disabled_reason:
            raise errors.Invalid("Specifying 'disabled_reason' with status 'enabled' is invalid.")
        if changes.disabled is None and changes.forced_down is None:
            raise errors.Invalid(
                "No updates were requested. Fields 'status' or 'forced_down' should be specified."
            )
        return self._update(ctx, cell, row, changes)

    def update_compute_service(self, ctx: RequestContext, *, host: str, changes: ServiceChanges) -> Service:
        cell_id = self._cells.api.query(lambda c: mappings.hosts(c, [host])).get(host)
        if cell_id is None:
            raise errors.HostNotMapped(host=host)
        cell = self._cells.by_id(cell_id)
        rows = cell.database.query(lambda c: services_db.listed(c, host, COMPUTE))
        if not rows:
            raise errors.HostBinaryNotFound(host=host, binary=public_binary(COMPUTE))
        return self._update(ctx, cell, rows[0], changes)

    def _find(self, service_id: str) -> tuple[Cell, Any]:
        """
        :raises ServiceNotFound: there is none.
        :raises Invalid: there are several.
        """
        found = []
        for cell in self._cells.all():
            row = cell.database.query(lambda c: services_db.get(c, service_id))
            if row is not None:
                found.append((cell, row))
        if not found:
            raise errors.ServiceNotFound(service_id=service_id)
        if len(found) > 1:
            raise errors.Invalid(f"Service id {service_id} refers to multiple services.")
        return found[0]

    def _update(self, ctx: RequestContext, cell: Cell, row: Any, changes: ServiceChanges) -> Service:
        values: dict[str, Any] = {}
        if changes.disabled is not None:
            values.update(disabled=changes.disabled, disabled_reason=changes.disabled_reason)
        if changes.forced_down is not None:
            values["forced_down"] = changes.forced_down
        now = cell.database.utcnow()

        def write(connection: Any) -> bool:
            is_new = handled_requests.is_new(connection, ctx.request_id, f"update_service {row.uuid}", now)
            if is_new:
                services_db.update(connection, row.uuid, **values)
            return is_new

        is_new = cell.database.write(write)
        LOG.info("service %s of %s: %s%s", row.binary, row.host, values, "" if is_new else " (asked again)")
        changed, nodes = cell.database.query(
            lambda c: (services_db.get(c, row.uuid), services_db.nodes_of(c, row.id))
        )
        if changed is None:
            raise errors.ServiceNotFound(service_id=row.uuid)
        if changes.disabled is not None:
            # Asked again, somebody else may have changed it since.
            self._tell_placement(nodes, changed.disabled)
        return service_of(self._conf, cell, changed, self._cells.api.query(aggregates.by_host))

    def _tell_placement(self, nodes: list[str], disabled: bool) -> None:
        for node in nodes:
            try:
                self._placement.set_disabled(node, disabled)
            except errors.NovalikeError as error:
                LOG.warning("Placement could not be told about node %s; its host will: %s", node, error)

    def delete_service(self, ctx: RequestContext, *, service_id: str) -> None:
        try:
            cell, row = self._find(service_id)
        except errors.ServiceNotFound:
            raise errors.ServiceNotFound(f"Service {service_id} not found.", service_id=service_id) from None
        if row.binary == COMPUTE:
            self._forget_host(cell, row)
        else:
            cell.database.write(lambda c: services_db.delete(c, row.id))
        LOG.info("service %s of %s has been deleted", row.binary, row.host)

    def _forget_host(self, cell: Cell, row: Any) -> None:
        """Each step can be done again, and the service goes last: a delete that was cut short is repeated.

        Once its providers are gone nobody can claim anything there, and they don't go while someone has.
        """
        cell.database.query(lambda c: self._refuse_while_used(c, row.host))
        for node in cell.database.query(lambda c: services_db.nodes_of(c, row.id)):
            self._placement.delete_provider(node)
        self._cells.api.write(lambda c: aggregates.remove_host(c, row.host))

        def write(connection: Any) -> None:
            self._refuse_while_used(connection, row.host)
            services_db.delete(connection, row.id)

        cell.database.write(write)
        self._cells.api.write(lambda c: mappings.unmap_host(c, row.host))
        self._forget(row.host)

    @staticmethod
    def _refuse_while_used(connection: Any, host: str) -> None:
        """
        :raises Conflict: there are servers, or servers are moved there or from there.
        """
        if services_db.count_servers(connection, host):
            raise errors.Conflict(
                "Unable to delete compute service that is hosting instances. Migrate or delete the instances first."
            )
        if migrations_db.count_not_over(connection, host):
            raise errors.Conflict(
                "Unable to delete compute service that has in-progress migrations. Complete the migrations or delete "
                "the instances first."
            )
