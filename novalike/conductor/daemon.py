"""The conductor daemon: everything it is made of, put together."""

import logging
import threading
import uuid

from oslo_config import cfg

from novalike.bus.aggregates import AggregateCommands, AggregateReads
from novalike.bus.consoles import ConsoleCommands, ConsoleReads
from novalike.bus.flavors import FlavorCommands, FlavorReads
from novalike.bus.host_states import SchedulerReads
from novalike.bus.hypervisors import HypervisorReads
from novalike.bus.journal import Journal
from novalike.bus.keypairs import KeypairCommands, KeypairReads
from novalike.bus.metadata import MetadataCommands, MetadataReads
from novalike.bus.migrations import MigrationReads
from novalike.bus.quotas import QuotaCommands, QuotaReads
from novalike.bus.server_marks import ServerMarks
from novalike.bus.server_resize import ServerResize
from novalike.bus.servers import ServerCommands, ServerReads
from novalike.bus.services import ServiceCommands, ServiceReads
from novalike.bus.transport import Server, Transport
from novalike.clients.neutron import NeutronClient
from novalike.clients.placement import PlacementClient
from novalike.conductor.aggregates import AggregateCommandsHandler, AggregateReadsHandler
from novalike.conductor.cells import Cells
from novalike.conductor.consoles import ConsoleCommandsHandler, ConsoleReadsHandler
from novalike.conductor.flavors import FlavorCommandsHandler, FlavorReadsHandler
from novalike.conductor.host_states import HostStatesHandler
from novalike.conductor.hosts import HostReports, HostStatus
from novalike.conductor.hypervisors import HypervisorReadsHandler
from novalike.conductor.journal import JournalHandler
from novalike.conductor.keypairs import KeypairCommandsHandler, KeypairReadsHandler
from novalike.conductor.leases import Leases
from novalike.conductor.migrations import MigrationReadsHandler
from novalike.conductor.operations.claims import MovedClaims
from novalike.conductor.operations.cleanup import Cleanup
from novalike.conductor.operations.create import Placing
from novalike.conductor.operations.delete import Settling
from novalike.conductor.operations.dispatch import Dispatch
from novalike.conductor.operations.host_choice import HostChooser
from novalike.conductor.operations.legs import ConductorLegs
from novalike.conductor.operations.messenger import Messenger
from novalike.conductor.operations.reconciler import Reconciler
from novalike.conductor.operations.reports import OperationReports
from novalike.conductor.operations.resize import Moving
from novalike.conductor.operations.start import OperationStarter
from novalike.conductor.operations.waking import Waker
from novalike.conductor.quotas import QuotaCommandsHandler, QuotaReadsHandler
from novalike.conductor.servers.commands import ServerCommandsHandler
from novalike.conductor.servers.guest_metadata import MetadataCommandsHandler, MetadataReadsHandler
from novalike.conductor.servers.marks import ServerMarksHandler
from novalike.conductor.servers.reads import ServerReadsHandler
from novalike.conductor.servers.requested_destination import Destinations
from novalike.conductor.servers.resize import ServerResizeHandler
from novalike.conductor.services import ServiceCommandsHandler, ServiceReadsHandler
from novalike.objects import errors
from novalike.objects.context import admin_context
from novalike.objects.host import Heartbeat, shared_incarnation

LOG = logging.getLogger(__name__)

BINARY = "novalike-conductor"
SERVICE_VERSION = 1
# Threads that delete servers without their host.
_SETTLING = 8


class ConductorDaemon:
    """A conductor process.

    :param placement, neutron: how claims and ports are given up; made from ``conf`` unless given.
    :param cells: the databases; made from ``conf`` unless given.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        transport: Transport,
        placement: PlacementClient | None = None,
        neutron: NeutronClient | None = None,
        cells: Cells | None = None,
    ) -> None:
        self._conf = conf
        self._transport = transport
        self.cells = cells or Cells(conf)
        placement = placement or PlacementClient(conf)
        neutron = neutron or NeutronClient(conf)
        messenger = Messenger(transport)
        host_status = HostStatus(conf, self.cells)
        self.leases = Leases(conf, self.cells, f"conductor {uuid.uuid4()}")
        self.legs = ConductorLegs(self.leases)
        chooser = HostChooser(self.cells, transport, placement, self.leases.holder)
        placing = Placing(conf, self.cells, chooser, messenger, placement, self.leases.holder)
        settling = Settling(conf, placement.delete_allocations, neutron)
        self.legs.add("create", "place", placing.place, threads=conf.conductor.orchestration_pool_size)
        self.legs.add("delete", "settle", settling.settle, threads=_SETTLING)
        self.cleanup = Cleanup(conf, placement.delete_allocations, neutron)
        dispatch = Dispatch(self.legs, messenger)
        Moving(conf, chooser, MovedClaims(placement), dispatch).add_to(self.legs)
        starter = OperationStarter(conf, self.cells, dispatch, host_status)
        self.reconciler = Reconciler(
            conf, self.cells, dispatch, self.cleanup, host_status, self.leases, Waker(starter)
        )
        self.reports = HostReports(conf, self.cells)
        zones = AggregateReadsHandler(conf, self.cells)
        destinations = Destinations(self.cells, zones.available)
        journal = JournalHandler(self.cells, OperationReports(conf, self.cells, dispatch), self.reports)
        self._reads = [
            (ServerReads, ServerReadsHandler(self.cells, host_status)),
            (SchedulerReads, HostStatesHandler(conf, self.cells)),
            (MetadataReads, MetadataReadsHandler(self.cells)),
            (FlavorReads, FlavorReadsHandler(self.cells)),
            (KeypairReads, KeypairReadsHandler(self.cells)),
            (QuotaReads, QuotaReadsHandler(conf, self.cells)),
            (AggregateReads, zones),
            (HypervisorReads, HypervisorReadsHandler(conf, self.cells)),
            (ServiceReads, ServiceReadsHandler(conf, self.cells)),
            (ConsoleReads, ConsoleReadsHandler(self.cells)),
            (MigrationReads, MigrationReadsHandler(self.cells)),
        ]
        self._commands = [
            (
                ServerCommands,
                ServerCommandsHandler(
                    conf, self.cells, transport, starter, self.legs, host_status, destinations
                ),
            ),
            (ServerMarks, ServerMarksHandler(conf, self.cells)),
            (ServerResize, ServerResizeHandler(conf, self.cells, starter, destinations)),
            (MetadataCommands, MetadataCommandsHandler(self.cells)),
            (FlavorCommands, FlavorCommandsHandler(self.cells)),
            (KeypairCommands, KeypairCommandsHandler(conf, self.cells)),
            (QuotaCommands, QuotaCommandsHandler(conf, self.cells)),
            (AggregateCommands, AggregateCommandsHandler(self.cells)),
            (ServiceCommands, ServiceCommandsHandler(conf, self.cells, placement, self.reports.forget)),
            (ConsoleCommands, ConsoleCommandsHandler(conf, self.cells, transport)),
        ]
        self._journal = [(Journal, journal)]
        self._servers: list[Server] = []
        self._stopping = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Serve, once the databases are there."""
        self._wait_for_databases()
        pools = self._conf.conductor
        # Nobody asks for a particular conductor; a name of each process's own would leave queues behind at every start.
        endpoint = self._conf.host
        for offers, size in (
            (self._reads, pools.read_pool_size),
            (self._commands, pools.command_pool_size),
            (self._journal, pools.journal_pool_size),
        ):
            self._servers.append(self._transport.serve(offers, endpoint, size))
        self.reconciler.start()
        self._heart.start()

    def _wait_for_databases(self) -> None:
        said = False
        while not self._stopping.is_set():
            try:
                if self.cells.all():
                    return
            except errors.Unavailable as error:
                if not said:
                    LOG.warning("waiting: %s", error)
                    said = True
            self._stopping.wait(1.0)

    def sign(self) -> Heartbeat:
        """That this process lives."""
        return Heartbeat(
            binary=BINARY,
            endpoint=self._conf.host,
            incarnation=shared_incarnation(BINARY, SERVICE_VERSION),
            hosts=(self._conf.host,),
            version=SERVICE_VERSION,
        )

    def _beat(self) -> None:
        while True:
            try:
                self.reports.heartbeat(admin_context(), beat=self.sign())
            except errors.NovalikeError as error:
                LOG.warning("no sign of life could be given: %s", error)
            if self._stopping.wait(self._conf.report_interval):
                return

    def stop(self) -> None:
        """Take no more messages."""
        self._stopping.set()
        for server in self._servers:
            server.stop()

    def wait(self) -> None:
        """Finish what was begun."""
        for server in self._servers:
            server.wait()
        self.reconciler.drain()
        self.legs.stop()
        self.cleanup.stop()
        self.leases.give_back()
        self.legs.wait()
        self.cleanup.wait()
        # Last, because it renews the leases of what was still under way.
        self.reconciler.stop()
        self.leases.give_back()
        self.cells.close()

    def reload(self) -> None:
        """Options are read where they are used: nothing else to do."""

    def health(self) -> dict[str, bool]:
        """What this daemon needs, and whether it can be reached."""
        return {"database": self.cells.ping()}
