"""Host aggregates and availability zones: answers and changes.

A host is in one availability zone at most, and does not change it while it has servers.
"""

import itertools
from collections.abc import Sequence

from oslo_config import cfg

from novalike.conductor.cells import Cells
from novalike.conductor.hosts import COMPUTE, is_up
from novalike.db import handled_requests
from novalike.db.api import aggregates as aggregates_db
from novalike.db.api import mappings
from novalike.db.cell import hosts as hosts_db
from novalike.db.cell import servers as servers_db
from novalike.db.engine import Connection
from novalike.objects import errors
from novalike.objects.aggregate import ZONE_KEY, Aggregate
from novalike.objects.context import RequestContext, admin_context
from novalike.objects.zone import Zone, ZoneService


class AggregateReadsHandler:
    """Serves ``bus.aggregates.AggregateReads``."""

    def __init__(self, conf: cfg.ConfigOpts, cells: Cells) -> None:
        self._conf = conf
        self._cells = cells

    def list_aggregates(self, ctx: RequestContext) -> tuple[Aggregate, ...]:
        return tuple(self._cells.api.query(aggregates_db.search))

    def get_aggregate(self, ctx: RequestContext, *, aggregate_id: int) -> Aggregate:
        return self._cells.api.query(lambda c: aggregates_db.get(c, aggregate_id))

    def list_zones(self, ctx: RequestContext, *, with_services: bool = False) -> tuple[Zone, ...]:
        zones = self._cells.api.query(aggregates_db.zones_of_hosts)
        enabled: dict[str, list[ZoneService]] = {}
        disabled: set[str] = set()
        rows = self._cells.each(lambda cell: [(cell, row) for row in cell.database.query(hosts_db.services)])
        for cell, row in itertools.chain(*rows):
            zone = self._conf.internal_service_availability_zone
            if row.binary == COMPUTE:
                zone = zones.get(row.host, self._conf.default_availability_zone)
            if row.disabled:
                disabled.add(zone)
                continue
            up = is_up(self._conf, cell.database.utcnow(), row.last_seen_at, row.forced_down)
            service = ZoneService(host=row.host, binary=row.binary, up=up, last_seen_at=row.last_seen_at)
            enabled.setdefault(zone, []).append(service)
        available = [
            Zone(name=name, available=True, services=tuple(services) if with_services else ())
            for name, services in sorted(enabled.items())
        ]
        return (*available, *(Zone(name=name, available=False) for name in sorted(disabled - enabled.keys())))

    def available(self) -> set[str]:
        """The names of the zones that have a service which is enabled."""
        return {zone.name for zone in self.list_zones(admin_context()) if zone.available}


class AggregateCommandsHandler:
    """Serves ``bus.aggregates.AggregateCommands``."""

    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def create_aggregate(self, ctx: RequestContext, *, name: str, zone: str | None = None) -> Aggregate:
        return self._cells.api.write(
            lambda c: aggregates_db.get(c, aggregates_db.insert(c, name, zone)),
        )

    def update_aggregate(
        self,
        ctx: RequestContext,
        *,
        aggregate_id: int,
        name: str | None = None,
        metadata: dict[str, str | None] | None = None,
        what: str = "update",
    ) -> Aggregate:
        changes = metadata or {}
        now = self._cells.api.utcnow()

        def write(connection: Connection) -> Aggregate:
            aggregates_db.lock(connection)
            aggregate = aggregates_db.get(connection, aggregate_id)
            if not handled_requests.is_new(connection, ctx.request_id, f"update_aggregate {aggregate_id}", now):
                return aggregate
            if name is not None:
                aggregates_db.rename(connection, aggregate_id, name)
            if ZONE_KEY in changes:
                trouble = self._trouble_with_zone(connection, aggregate, name or aggregate.name, changes[ZONE_KEY])
                if trouble:
                    raise errors.AggregateInvalid(what=what, aggregate_id=aggregate_id, reason=trouble)
            aggregates_db.change_metadata(connection, aggregate_id, changes)
            aggregates_db.touch(connection, aggregate_id)
            return aggregates_db.get(connection, aggregate_id)

        return self._cells.api.write(write)

    def _trouble_with_zone(
        self, connection: Connection, aggregate: Aggregate, name: str, zone: str | None
    ) -> str | None:
        """Why an aggregate can't be given a zone."""
        if not zone:
            return f"Aggregate {name} does not support empty named availability zone"
        trouble = _other_zones(connection, aggregate, aggregate.hosts, zone)
        if trouble is None and zone != aggregate.zone and self._count_servers(aggregate.hosts):
            trouble = "One or more hosts contain instances in this zone"
        return trouble

    def _count_servers(self, hosts: Sequence[str]) -> int:
        if not hosts:
            return 0
        per_cell = self._cells.each(
            lambda cell: cell.database.query(lambda c: servers_db.count_on_hosts(c, hosts)), self._cells.compute_cells()
        )
        return sum(per_cell)

    def delete_aggregate(self, ctx: RequestContext, *, aggregate_id: int) -> None:
        def write(connection: Connection) -> None:
            aggregates_db.lock(connection)
            if aggregates_db.get(connection, aggregate_id).hosts:
                raise errors.AggregateInvalid(
                    what="remove host from", aggregate_id=aggregate_id, reason="Host aggregate is not empty"
                )
            aggregates_db.delete(connection, aggregate_id)

        self._cells.api.write(write)

    def add_host(self, ctx: RequestContext, *, aggregate_id: int, host: str) -> Aggregate:
        servers = self._count_servers([host])

        def write(connection: Connection) -> Aggregate:
            if host not in mappings.hosts(connection, [host]):
                raise errors.HostNotFound(host=host)
            aggregates_db.lock(connection)
            aggregate = aggregates_db.get(connection, aggregate_id)
            if aggregate.zone is not None:
                old = aggregates_db.zones_of_hosts(connection).get(host)
                trouble = _other_zones(connection, aggregate, [host], aggregate.zone)
                if trouble is None and servers and old != aggregate.zone:
                    trouble = _zone_would_change("added to", old, aggregate.zone, servers)
                if trouble:
                    raise errors.AggregateConflict(what="add host to", aggregate_id=aggregate_id, reason=trouble)
            if not aggregates_db.add_member(connection, aggregate_id, host):
                raise errors.AggregateHostExists(aggregate_id=aggregate_id, host=host)
            return aggregates_db.get(connection, aggregate_id)

        return self._cells.api.write(write)

    def remove_host(self, ctx: RequestContext, *, aggregate_id: int, host: str) -> Aggregate:
        servers = self._count_servers([host])

        def write(connection: Connection) -> Aggregate:
            aggregates_db.lock(connection)
            found = aggregates_db.search(connection, aggregate_id)
            if not found or not aggregates_db.remove_member(connection, aggregate_id, host):
                raise errors.AggregateHostNotFound(host=host, aggregate_id=aggregate_id)
            if found[0].zone is not None and servers:
                new = aggregates_db.zones_of_hosts(connection).get(host)
                if new != found[0].zone:
                    raise errors.AggregateConflict(
                        what="remove host from",
                        aggregate_id=aggregate_id,
                        reason=_zone_would_change("removed from", found[0].zone, new, servers),
                    )
            return aggregates_db.get(connection, aggregate_id)

        return self._cells.api.write(write)


def _other_zones(connection: Connection, aggregate: Aggregate, hosts: Sequence[str], zone: str) -> str | None:
    """That some hosts are in another zone already, by another aggregate."""
    others = [
        other.zone
        for other in aggregates_db.search(connection)
        if other.id != aggregate.id and other.zone not in (None, zone) and not set(hosts).isdisjoint(other.hosts)
    ]
    return f"One or more hosts already in availability zone(s) {others}" if others else None


def _zone_would_change(how: str, old: str | None, new: str | None, servers: int) -> str:
    return (
        f"The host cannot be {how} the aggregate as the availability zone of the host would change from '{old}' to "
        f"'{new}' but the host already has {servers} instance(s). Move them away from this host first"
    )
