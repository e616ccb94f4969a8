"""What compute processes tell and ask the conductor."""

import datetime
from typing import Any

from novalike.conductor.cells import Cells
from novalike.conductor.hosts import HostReports
from novalike.conductor.operations.reports import OperationReports
from novalike.db.cell import holdings as holdings_db
from novalike.db.cell import servers as servers_db
from novalike.db.cell import vifs as vifs_db
from novalike.objects import errors, lifecycle
from novalike.objects.context import RequestContext
from novalike.objects.host import Heartbeat, NodeReport
from novalike.objects.network import VersionedVifs, Vif
from novalike.objects.operation import Assignment, Outcome, Progress
from novalike.objects.server import Server


class JournalHandler:
    """Serves ``bus.journal.Journal``.

    :param operations: what it has about operations.
    :param reports: what it has about hosts.
    """

    def __init__(self, cells: Cells, operations: OperationReports, reports: HostReports) -> None:
        self._cells = cells
        self._operations = operations
        self._reports = reports

    def accept(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, operation_ids: tuple[str, ...]
    ) -> tuple[Assignment, ...]:
        return self._operations.accept(ctx, endpoint=endpoint, incarnation=incarnation, operation_ids=operation_ids)

    def recover(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, hosts: tuple[str, ...]
    ) -> tuple[Assignment, ...]:
        return self._operations.recover(ctx, endpoint=endpoint, incarnation=incarnation, hosts=hosts)

    def progress(self, ctx: RequestContext, *, progress: Progress) -> None:
        self._operations.progress(ctx, progress=progress)

    def finish(self, ctx: RequestContext, *, outcome: Outcome) -> None:
        self._operations.finish(ctx, outcome=outcome)

    def heartbeat(self, ctx: RequestContext, *, beat: Heartbeat) -> None:
        self._reports.heartbeat(ctx, beat=beat)

    def report_nodes(
        self, ctx: RequestContext, *, endpoint: str, incarnation: str, nodes: tuple[NodeReport, ...]
    ) -> tuple[str, ...]:
        return self._reports.report_nodes(ctx, endpoint=endpoint, incarnation=incarnation, nodes=nodes)

    def list_host_servers(
        self, ctx: RequestContext, *, hosts: tuple[str, ...], guests: tuple[str, ...] = ()
    ) -> tuple[Server, ...]:
        found: list[Server] = []
        for cell in self._cells.compute_cells():
            found += cell.database.query(lambda c: servers_db.on_hosts(c, hosts))
            if guests:
                known = {server.uuid for server in found}
                others = cell.database.query(lambda c: servers_db.among(c, guests))
                found += [server for server in others if server.uuid not in known]
        missing = set(guests) - {server.uuid for server in found}
        if missing:
            # What a host still has of servers that were deleted it must hear of, archived or not.
            for cell in self._cells.compute_cells():
                found += cell.database.query(lambda c: servers_db.archived_among(c, list(missing)))
        return tuple(found)

    def holders(self, ctx: RequestContext, *, instance_uuids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for cell in self._cells.compute_cells():
            _add(found, cell.database.query(lambda c: holdings_db.holders(c, instance_uuids)))
        return found

    def keepers(self, ctx: RequestContext, *, instance_uuids: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        found: dict[str, tuple[str, ...]] = {}
        for cell in self._cells.compute_cells():
            _add(found, cell.database.query(lambda c: holdings_db.keepers(c, instance_uuids)))
        return found

    def power_states(
        self,
        ctx: RequestContext,
        *,
        host: str,
        states: dict[str, int],
        seen: dict[str, datetime.datetime | None] = {},  # noqa: B006
    ) -> None:
        cell = self._reports.cell_of([host])
        now = cell.database.utcnow()

        def write(connection: Any) -> None:
            for uuid, vm_state, power_state, updated_at in servers_db.idle_among(connection, states, host):
                change = lifecycle.observed(vm_state, states[uuid])
                known = power_state == states[uuid] and "vm_state" not in change.values
                if not known and seen.get(uuid, updated_at) == updated_at:
                    servers_db.change_state(connection, uuid, change, updated_at=now)

        cell.database.write(write)

    def vifs_changed(self, ctx: RequestContext, *, instance_uuid: str, vifs: tuple[Vif, ...]) -> None:
        seen = self.refresh_vifs(ctx, instance_uuid=instance_uuid, vifs=vifs, version=-1)
        if seen is not None:
            self.refresh_vifs(ctx, instance_uuid=instance_uuid, vifs=vifs, version=seen.version)

    def refresh_vifs(
        self, ctx: RequestContext, *, instance_uuid: str, vifs: tuple[Vif, ...], version: int
    ) -> VersionedVifs | None:
        try:
            cell = self._cells.of_instance(instance_uuid)
        except errors.InstanceNotFound:
            return None
        now = cell.database.utcnow()

        def write(connection: Any) -> VersionedVifs | None:
            if vifs_db.replace(connection, instance_uuid, vifs, version, now):
                return None
            return vifs_db.get(connection, instance_uuid)

        return cell.database.query(write)


def _add(found: dict[str, tuple[str, ...]], here: dict[str, set[str]]) -> None:
    """Add hosts by server, as one cell knows them, to those of others: a server is in one cell only."""
    found.update({uuid: tuple(sorted(hosts)) for uuid, hosts in here.items() if hosts or uuid not in found})
