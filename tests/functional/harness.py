"""A whole cloud in one process: all daemons, a local bus, SQLite, the fake hypervisor, fake neighbours."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import falcon.testing
from oslo_config import cfg

from novalike import conf as novalike_conf
from novalike.api.app import make_app
from novalike.compute.daemon import ComputeDaemon
from novalike.conductor.cells import CELL0_UUID
from novalike.conductor.daemon import ConductorDaemon
from novalike.db.api import mappings
from novalike.db.api import tables as api_tables
from novalike.db.cell import tables as cell_tables
from novalike.db.engine import Database
from novalike.scheduler.daemon import SchedulerDaemon
from tests.fakes.glance import FakeGlance
from tests.fakes.neutron import FakeNeutron
from tests.fakes.placement import FakePlacement
from tests.functional.local_bus import LocalBus, LocalTransport

ADMIN_PROJECT = "00000000000000000000000000000ad0"
DEMO_PROJECT = "00000000000000000000000000000de0"


def _without_type_of_nothing(app: Any) -> Any:
    """Nova gives a 204 a Content-Type, and so do we; wsgiref's validator, which Falcon puts around us, objects."""

    def call(environ: dict[str, Any], start_response: Any) -> Any:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            if status.startswith("204"):
                headers = [(name, value) for name, value in headers if name.lower() != "content-type"]
            return start_response(status, headers)

        return app(environ, start)

    return call


class Client:
    """A user of the API."""

    def __init__(self, app: Any, user: str, project: str, roles: str, version: str = "2.1") -> None:
        self._client = falcon.testing.TestClient(_without_type_of_nothing(app))
        self.user, self.project, self.roles, self.version = user, project, roles, version

    def at(self, version: str) -> "Client":
        other = object.__new__(Client)
        other.__dict__.update(self.__dict__, version=version)
        return other

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> falcon.testing.Result:
        base = {
            "X-Auth-Token": f"{self.user}:{self.project}",
            "X-Roles": self.roles,
            "OpenStack-API-Version": f"compute {self.version}",
        }
        path, _, query = path.partition("?")
        if not path.startswith("/v2"):
            path = f"/v2.1{path}"
        return self._client.simulate_request(
            method, path, json=body, headers={**base, **headers}, query_string=query
        ) if body is not None else self._client.simulate_request(
            method, path, headers={**base, **headers}, query_string=query
        )  # fmt: skip

    def request_raw(self, method: str, path: str, body: bytes | None) -> falcon.testing.Result:
        """The same with a body that is sent as it is, said to be JSON."""
        headers = {
            "X-Auth-Token": f"{self.user}:{self.project}",
            "X-Roles": self.roles,
            "OpenStack-API-Version": f"compute {self.version}",
            "Content-Type": "application/json",
        }
        path, _, query = path.partition("?")
        return self._client.simulate_request(
            method, f"/v2.1{path}", body=body, headers=headers, query_string=query
        )

    def ok(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        """The answer's body, after checking that it was a success."""
        result = self.request(method, path, body)
        if status is not None:
            assert result.status_code == status, (result.status_code, result.text)
        assert result.status_code < 400, (result.status_code, result.text)
        return result.json if result.text else None

    def get(self, path: str) -> Any:
        return self.ok("GET", path)

    def post(self, path: str, body: Any, status: int | None = None) -> Any:
        return self.ok("POST", path, body, status)

    def put(self, path: str, body: Any = None) -> Any:
        return self.ok("PUT", path, body)

    def delete(self, path: str) -> Any:
        return self.ok("DELETE", path)

    def wait_for(self, server_id: str, status: str, timeout: float = 20.0) -> dict[str, Any]:
        deadline = time.monotonic() + timeout
        while True:
            server: dict[str, Any] = self.get(f"/servers/{server_id}")["server"]
            if server["status"] == status and (status == "ERROR" or not server.get("OS-EXT-STS:task_state")):
                return server
            assert server["status"] != "ERROR" or status == "ERROR", server.get("fault")
            assert time.monotonic() < deadline, (server["status"], server.get("OS-EXT-STS:task_state"), status)
            time.sleep(0.02)

    def wait_gone(self, server_id: str, timeout: float = 20.0) -> None:
        deadline = time.monotonic() + timeout
        while self.request("GET", f"/servers/{server_id}").status_code != 404:
            assert time.monotonic() < deadline, "not gone"
            time.sleep(0.02)


class Cloud:
    """Daemons and neighbours.

    :param folder: of the databases and of the fake hypervisor's guests.
    :param cells: databases beside cell 0.
    """

    def __init__(self, folder: Path, *, hosts: int = 3, cells: int = 1, **options: Any) -> None:
        self.folder = folder
        self.conf = self._configure(hosts, options)
        self.bus = LocalBus()
        self.placement, self.neutron, self.glance = FakePlacement(), FakeNeutron(), FakeGlance()
        self._make_databases(cells)
        self._daemons: list[Any] = []
        self.network = self.neutron.add_network("private", DEMO_PROJECT, shared=True)
        self.image = self.glance.add_image(b"x" * 1024, name="tiny", disk_format="raw", container_format="bare")
        self.conductor = self.start_conductor()
        self.scheduler = self.start_scheduler()
        self.compute = self.start_compute()
        self.app = make_app(self.conf, self.bus.transport(), glance=self.glance, neutron=self.neutron)  # type: ignore[arg-type]
        self.admin = Client(self.app, "admin-user", ADMIN_PROJECT, "admin,manager,member,reader")
        self.demo = Client(self.app, "demo-user", DEMO_PROJECT, "member,reader")

    def _configure(self, hosts: int, options: dict[str, Any]) -> cfg.ConfigOpts:
        conf = cfg.ConfigOpts()
        novalike_conf.load("novalike-tests", ["--config-file", "/dev/null"], conf)
        conf.set_override("host", "ctl")
        conf.set_override("state_path", str(self.folder))
        conf.set_override("compute_driver", "fake")
        conf.set_override("connection", f"sqlite:///{self.folder}/api.db", "api_database")
        conf.set_override("connection", f"sqlite:///{self.folder}/cell1.db", "database")
        conf.set_override("auth_strategy", "noauth2", "api")
        conf.set_override("hosts", hosts, "fake")
        conf.set_override("host_prefix", "fake", "fake")
        conf.set_override("reaper_interval", 0.2, "conductor")
        conf.set_override("sync_interval", 0.2, "scheduler")
        conf.set_override("metadata_cache_expiration", 0, "api_metadata")
        for resource in ("instances", "cores", "ram"):
            conf.set_override(resource, 10_000, "quota")
        for name, value in options.items():
            group, _, option = name.rpartition("__")
            conf.set_override(option, value, group or None)
        return conf

    def _make_databases(self, cells: int) -> None:
        api = Database(self.conf.api_database.connection, self.conf)
        api_tables.metadata.create_all(api.engine)
        known = api.query(mappings.cells)
        for number in range(cells + 1):
            url = f"sqlite:///{self.folder}/cell{number}.db"
            cell = Database(url, self.conf)
            cell_tables.metadata.create_all(cell.engine)
            cell.close()
            if not known:
                uuid = CELL0_UUID if number == 0 else f"00000000-0000-0000-0000-00000000000{number}"
                api.write(
                    lambda c, n=number, u=uuid, d=url: mappings.insert_cell(
                        c, uuid=u, name=f"cell{n}", database_connection=d, disabled=False
                    )
                )
        api.close()

    def _run(self, daemon: Any, transport: LocalTransport) -> Any:
        daemon.start()
        daemon.test_transport = transport
        self._daemons.append(daemon)
        return daemon

    def start_conductor(self) -> ConductorDaemon:
        transport = self.bus.transport()
        daemon = ConductorDaemon(self.conf, transport, placement=self.placement, neutron=self.neutron)  # type: ignore[arg-type]
        return self._run(daemon, transport)

    def start_scheduler(self) -> SchedulerDaemon:
        transport = self.bus.transport()
        return self._run(SchedulerDaemon(self.conf, transport, placement=self.placement), transport)

    def start_compute(self) -> ComputeDaemon:
        transport = self.bus.transport()
        daemon = ComputeDaemon(
            self.conf, transport, placement=self.placement, neutron=self.neutron, glance=self.glance,  # type: ignore[arg-type]
        )
        self.neutron.on_plugged = lambda port: None
        self._run(daemon, transport)
        assert daemon.resource_reports.reported.wait(10)
        return daemon

    def stop(self, daemon: Any) -> None:
        """Stop a daemon as SIGTERM would."""
        daemon.stop()
        daemon.wait()
        self._daemons.remove(daemon)

    def close(self) -> None:
        for daemon in reversed(list(self._daemons)):
            self.stop(daemon)
        self.bus.close()

    def eventually(self, true: Callable[[], Any], timeout: float = 10.0) -> Any:
        """Wait until something is true."""
        deadline = time.monotonic() + timeout
        while not (found := true()):
            assert time.monotonic() < deadline, "it never came true"
            time.sleep(0.02)
        return found

    def server_body(self, name: str = "vm", *, networks: Any = "none", **more: Any) -> dict[str, Any]:
        return {
            "server": {"name": name, "imageRef": self.image.id, "flavorRef": "1", "networks": networks, **more}
        }
