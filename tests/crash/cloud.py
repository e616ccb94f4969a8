"""A cloud whose processes can be killed and come back."""

import contextlib
import datetime
import functools
import string
import threading
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from oslo_config import cfg

from novalike.api.app import make_app
from novalike.compute.daemon import ComputeDaemon, load_driver
from novalike.conductor.cells import Cells
from novalike.conductor.daemon import ConductorDaemon
from novalike.db.cell import tables as t
from novalike.db.cell.services import endpoint_of
from novalike.db.engine import Database
from novalike.objects import errors
from novalike.objects.operation import OperationState
from novalike.objects.record import utcnow
from novalike.scheduler.daemon import SchedulerDaemon
from tests.crash.plan import Plan
from tests.crash.process import CrashTransport, Death, Gate, GatedDatabase, Process, unwatched
from tests.functional.conftest import furnish
from tests.functional.harness import ADMIN_PROJECT, DEMO_PROJECT, Client, Cloud

# A dead process is started again after this many seconds; a frozen conductor, scheduler or API goes on after this many.
RESTART_AFTER = 0.03
THAW_AFTER = 1.5
# A frozen host goes on so long after everything else has.
THAW_HOST_AFTER = 0.6
HASTE = {
    "conductor__operation_lease": 0.3, "conductor__reaper_interval": 0.1, "conductor__operation_resend_after": 0.2,
    "conductor__operation_remind_after": 0.4, "conductor__operation_timeout": 30, "neighbour_patience": 3.0,
    "shutdown_timeout": 0, "sync_power_state_interval": 1,
}  # fmt: skip


LARGER = {"flavor": {"id": "2", "name": "m1.small", "ram": 128, "vcpus": 2, "disk": 2}}


class CrashCloud(Cloud):
    """Compute processes (``a``, ``b`` …) with two hosts each, a conductor or several, a scheduler, an API.

    :param computes: how many compute processes.
    :param options: of the configuration; ``fake__hosts`` is how many hosts each compute process has.
    :ivar plan: what happens at the points that processes pass.
    :ivar late: a compute process that dies stays away until its operations have ended without it.
    :ivar gone: it stays away for good, that is until :meth:`bring_back`.
    """

    def __init__(
        self, folder: Path, *, cells: int = 1, conductors: int = 1, computes: int = 2, **options: Any
    ) -> None:
        self.plan = Plan()
        self.late = self.gone = False
        self.dead: list[tuple[float, Process]] = []
        self.frozen: list[tuple[float, Process]] = []
        self.starting: list[threading.Thread] = []
        self.processes: dict[str, Process] = {}
        self._compute_confs: dict[str, cfg.ConfigOpts] = {}
        self._options = {**HASTE, **options}
        super().__init__(folder, hosts=2, cells=cells, **self._options)
        self.bus.fault = lambda interface, method: self.plan.message(interface, method)
        for letter in string.ascii_lowercase[1:computes]:
            self._start(f"compute {letter}")
        for number in range(2, conductors + 1):
            self._start(f"conductor {number}")
        self._start("api")
        self.databases = [
            Database(f"sqlite:///{path}", self.conf) for path in sorted(folder.glob("cell*.db"))
        ]
        self.api_database = Database(f"sqlite:///{folder}/api.db", self.conf)
        furnish(self)
        self.admin.post("/flavors", LARGER, 200)

    # -- processes

    def start_conductor(self) -> ConductorDaemon:
        return self._start("conductor")

    def start_scheduler(self) -> SchedulerDaemon:
        return self._start("scheduler")

    def start_compute(self) -> ComputeDaemon:
        return self._start("compute a")

    def _start(self, name: str) -> Any:
        process = Process(
            name.split()[0], lambda p, point: self.plan.watch(p, point), lambda p, asker: self.plan.spoils(p, asker)
        )
        process.transport = CrashTransport(self.bus, process)
        make = {"conductor": self._conductor, "scheduler": self._scheduler, "api": self._api}.get(process.kind)
        process.daemon = make(process) if make else self._compute(process, name)
        self.processes[name] = process
        if name != "api":
            with contextlib.suppress(Death):  # it dies while it starts
                process.daemon.start()
        if process.kind == "compute":
            deadline = time.monotonic() + 10
            while process.alive and not process.daemon.resource_reports.reported.wait(0.02):
                assert time.monotonic() < deadline
        return process.daemon

    def _conductor(self, process: Process) -> ConductorDaemon:
        return ConductorDaemon(
            self.conf, process.transport,
            placement=Gate(process, "placement", self.placement),  # type: ignore[arg-type]
            neutron=Gate(process, "neutron", self.neutron),  # type: ignore[arg-type]
            cells=Cells(self.conf, functools.partial(GatedDatabase, process)),
        )  # fmt: skip

    def _scheduler(self, process: Process) -> SchedulerDaemon:
        gate = Gate(process, "placement", self.placement)
        return SchedulerDaemon(self.conf, process.transport, placement=gate)  # type: ignore[arg-type]

    def _compute(self, process: Process, name: str) -> ComputeDaemon:
        if name not in self._compute_confs:
            conf = self._configure(2, self._options)
            conf.set_override("host", name.replace(" ", "-"))
            conf.set_override("host_prefix", name[-1], "fake")
            conf.set_override("state_path", str(self.folder / name.replace(" ", "-")))
            self._compute_confs[name] = conf
        conf = self._compute_confs[name]
        glance: Any = Gate(process, "glance", self.glance)
        driver: Any = Gate(process, "driver", load_driver(conf, glance))
        return ComputeDaemon(
            conf, process.transport, driver=driver, glance=glance,
            placement=Gate(process, "placement", self.placement),  # type: ignore[arg-type]
            neutron=Gate(process, "neutron", self.neutron),  # type: ignore[arg-type]
        )  # fmt: skip

    def _api(self, process: Process) -> Any:
        glance: Any = Gate(process, "glance", self.glance)
        neutron: Any = Gate(process, "neutron", self.neutron)
        self.app = make_app(self.conf, process.transport, glance=glance, neutron=neutron)
        self.admin = Client(self.app, "admin-user", ADMIN_PROJECT, "admin,manager,member,reader")
        self.demo = Client(self.app, "demo-user", DEMO_PROJECT, "member,reader", "2.37")
        return self.app

    def kill(self, process: Process) -> None:
        """End a process at once, as SIGKILL does."""
        process.alive = False
        process.running.set()
        process.transport.close()
        self.dead.append((time.monotonic(), process))

    def reboot(self, process: Process) -> None:
        """Switch a compute process's hosts off and on again."""
        process.alive = False
        driver = process.daemon.driver._inner
        for host in driver.hosts():
            driver.reboot_host(host)
        self.kill(process)

    def freeze(self, process: Process) -> None:
        """Let a process stand still, as SIGSTOP does, until everything has gone on without it."""
        process.running.clear()
        self.frozen.append((time.monotonic(), process))

    def tend(self) -> None:
        """Bury the dead, and start those again whose time has come. Let the frozen go on."""
        for entry in list(self.frozen):
            froze_at, process = entry
            if process.kind == "compute" and not self._gone_on_without(process):
                self.frozen[self.frozen.index(entry)] = (time.monotonic(), process)
                continue
            if time.monotonic() - froze_at >= (THAW_HOST_AFTER if process.kind == "compute" else THAW_AFTER):
                self.frozen.remove(entry)
                process.running.set()
                if process.kind == "compute":
                    with unwatched():
                        process.daemon.resource_reports.report()
                    self._forget_downtime()
        for entry in list(self.dead):
            died_at, process = entry
            name = next(n for n, p in self.processes.items() if p is process)
            if self._stays_away(process):
                self._gone_on_without(process)
                continue
            if self.late and process.kind == "compute" and not self._gone_on_without(process):
                continue
            if time.monotonic() - died_at >= RESTART_AFTER:
                self.dead.remove(entry)
                self._bury(process)
                # One may wait for another that has died meanwhile, so others are started besides.
                thread = threading.Thread(target=self._start_again, args=(name,), daemon=True)
                self.starting.append(thread)
                thread.start()

    def _start_again(self, name: str) -> None:
        self._start(name)
        self._forget_downtime()

    def _stays_away(self, process: Process) -> bool:
        return self.gone and process.kind == "compute" and not process.alive

    def bring_back(self) -> None:
        """Have the compute processes come back that are gone."""
        self.gone = False

    def hosts_away(self) -> frozenset[str]:
        """The hosts of compute processes that are gone."""
        away = [process for process in self.computes() if self._stays_away(process)]
        return frozenset(host for process in away for host in process.daemon.driver._inner.hosts())

    def _forget_downtime(self) -> None:
        """Conductors remember for a second which hosts are down."""
        for process in self.processes.values():
            if process.kind == "conductor":
                process.daemon.reconciler._host_status._known.clear()

    def _gone_on_without(self, process: Process) -> bool:
        """Let a dead process's hosts count as down. Says whether everything goes on without them."""
        long_ago = utcnow() - datetime.timedelta(hours=1)
        endpoint = process.daemon.endpoint
        o = t.operations.c
        waiting = 0
        for database in self.databases:
            with database.read() as connection:
                connection.execute(
                    sa.update(t.services).where(t.services.c.endpoint == endpoint).values(last_seen_at=long_ago)
                )
                open_here = sa.select(sa.func.count()).where(
                    endpoint_of(o.host) == endpoint, o.state.in_(OperationState.OPEN)
                )
                waiting += connection.execute(open_here).scalar_one()
        return waiting == 0

    def _bury(self, process: Process) -> None:
        """Free what the threads of a dead process hold."""
        daemon = process.daemon
        if process.kind == "api":
            return
        with contextlib.suppress(BaseException):
            daemon.stop()
        pools = []
        if process.kind == "compute":
            pools = list(daemon.worker._pools.values())
        if process.kind == "conductor":
            pools = [*[leg.threads for leg in daemon.legs._legs.values()], daemon.cleanup._pool]
            daemon.cells.close()
        for pool in pools:
            pool.shutdown(wait=False, cancel_futures=True)

    def guests_die(self) -> None:
        """All guests stop by themselves."""
        for process in self.computes():
            driver = process.daemon.driver._inner
            for host in driver.hosts():
                for guest in driver.guests(host):
                    driver.crash_guest(host, guest.instance_uuid)

    def computes(self) -> list[Process]:
        return [process for process in self.processes.values() if process.kind == "compute"]

    def _present(self) -> list[Process]:
        return [process for process in self.computes() if not self._stays_away(process)]

    # -- waiting

    def unrest(self) -> str | None:
        """What is still going on; None when everything has come to rest."""
        if any(not self._stays_away(process) for _died_at, process in self.dead):
            return "a process is dead"
        self.starting = [thread for thread in self.starting if thread.is_alive()]
        if self.starting:
            return "a process starts"
        if not self.plan.is_over():
            return "something is away"
        if self.frozen:
            return "a process is frozen"
        if self.bus.under_way:
            return "messages are under way"
        o, i = t.operations.c, t.instances.c
        for database in self.databases:
            with database.read() as connection:
                due = connection.execute(sa.select(o.uuid, o.workflow, o.state).where(o.due_at.is_not(None))).first()
                if due is not None:
                    return f"operation {due}"
                busy = connection.execute(
                    sa.select(i.uuid, i.vm_state, i.task_state).where(i.deleted.is_(False), i.task_state.is_not(None))
                ).first()
                if busy is not None:
                    return f"server {busy}"
        if any(process.daemon.worker._mine for process in self._present()):
            return "a compute process works"
        conductors = [process.daemon for process in self.processes.values() if process.kind == "conductor"]
        return "a conductor works" if any(conductor.leases._at_work for conductor in conductors) else None

    def settle(self, timeout: float = 60.0) -> str | None:
        """Wait until everything has come to rest. Gives what has not."""
        deadline = time.monotonic() + timeout
        while True:
            self.tend()
            unrest = self.unrest()
            if unrest is None:
                # Hosts compare guests with records now and then: now.
                daemons = [process.daemon for process in self._present()]
                try:
                    with unwatched():
                        clear = [daemon.recovery.reconcile(daemon.worker.works_on) for daemon in daemons]
                except (Death, errors.NovalikeError):
                    continue  # whoever died comes back, and guests are compared anew
                if all(clear) and self.unrest() is None:
                    return None
            if time.monotonic() > deadline:
                return unrest
            time.sleep(0.02)

    def close(self) -> None:
        self.plan = Plan()
        for process in self.processes.values():
            self.kill(process)
            self._bury(process)
        for database in (*self.databases, self.api_database):
            database.close()
        self.bus.close()
