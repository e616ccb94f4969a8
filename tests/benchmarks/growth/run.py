"""Measures at each size, the smallest first."""

import datetime
import fcntl
import logging
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from novalike.clients.placement_types import CandidateQuery, ResourceGroup
from tests.benchmarks.client import Client, Keystone
from tests.benchmarks.figures import percentile
from tests.benchmarks.growth import boots, population, reads
from tests.benchmarks.growth.hosts import Hosts
from tests.benchmarks.growth.results import Results
from tests.benchmarks.growth.stack import PROGRAMS, Stack
from tests.benchmarks.servers import Servers

LOG = logging.getLogger(__name__)

_SETTLE = 20.0
_CANDIDATES = 5
# From then on hosts are put into Placement's database instead of being registered one by one.
_IN_BULK = 1000


class Run:
    """A run on one stack.

    :param rest: seconds over which it is measured what programs cost that nobody asks anything.
    :param lock: a file that others on this machine respect: locked while something is timed.
    """

    def __init__(self, stack: Stack, results: Results, rest: float, lock: Path | None = None) -> None:
        self._stack, self._results, self._rest, self._lock = stack, results, rest, lock
        described = stack.place.stack
        self._keystone = Keystone(stack.place)
        self._client = Client(f"{described['compute_url']}/v2.1", self._keystone)
        self._project, self._user = self._who()
        self._flavor = self._find("/flavors", "flavors", described["flavor"])
        images = self._keystone.ask("GET", f"{self._keystone.catalog['image']}/v2/images?name={described['image']}")
        self._servers = Servers(self._client, images["images"][0]["id"], self._flavor, "", "")
        self._client.wanted(
            200, "PUT", f"/os-quota-sets/{self._project}",
            {"quota_set": {"instances": -1, "cores": -1, "ram": -1, "force": True}},
        )  # fmt: skip

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """While the machine is ours."""
        if self._lock is None:
            yield
            return
        with self._lock.open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _who(self) -> tuple[str, str]:
        """The project and the user that we are."""
        self._keystone.token()
        found = self._keystone.ask("GET", f"{self._stack.place.stack['auth_url']}/auth/projects")["projects"]
        project = next(each["id"] for each in found if each["name"] == "admin")
        users = self._keystone.ask("GET", f"{self._stack.place.stack['auth_url']}/users?name=admin")["users"]
        return project, users[0]["id"]

    def _find(self, path: str, kind: str, name: str) -> str:
        found = self._client.wanted(200, "GET", path)[kind]
        return str(next(each["id"] for each in found if each["name"] == name))

    def servers(self, sizes: list[int]) -> None:
        """More and more servers."""
        there = population.count(self._stack.cell)
        for size in sizes:
            began = time.monotonic()
            population.populate(
                self._stack.cell, self._stack.api, self._stack.cell_id, there, size, self._project, self._user
            )
            LOG.info("%s servers are in the database after %.0f s", size, time.monotonic() - began)
            there = max(there, size)
            time.sleep(_SETTLE)
            with self._alone():
                self._measure("servers", size, size)

    def hosts(self, sizes: list[int], servers: int) -> None:
        """More and more hosts.

        :param servers: that are in the database.
        """
        with Hosts(self._stack) as hosts:
            for size in sizes:
                missing = size - hosts.living()
                if missing > 0:
                    in_bulk = size > _IN_BULK
                    cost = self._stack.cpu()
                    seconds = hosts.add(missing, in_bulk=in_bulk)
                    after = self._stack.cpu()
                    how = "hosts registered" + (", known to Placement already" if in_bulk else "")
                    LOG.info("%s %s after %.0f s", missing, how, seconds)
                    self._results.note("hosts", size, f"{how}: each", seconds * 1000 / missing, "ms")
                    spent = (after["conductor"] - cost["conductor"]) * 1000 / missing
                    self._results.note("hosts", size, f"{how}: conductor, each", spent, "ms CPU")
                time.sleep(_SETTLE)
                self._at_rest("hosts", size, "at rest")
                with self._alone():
                    self._candidates(size)
                    self._measure("hosts", size, servers)

    def one_by_one(self, size: int) -> None:
        """Hosts that have a process each, as far as the conductor can tell."""
        etc = self._stack.folder / "etc" / "novalike" / "novalike.conf"
        program = str(Path(self._stack.place.stack["novalike_bin"]) / "python")
        command = [program, "-m", "tests.benchmarks.growth.senders", str(size), str(etc)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            assert process.stdout is not None
            if process.stdout.readline() != b"registered\n":
                raise SystemExit("the senders could not register their hosts")
            time.sleep(_SETTLE)
            self._at_rest("hosts", size, "at rest, each host by itself")
        finally:
            process.terminate()
            process.wait(60)

    def _at_rest(self, series: str, size: int, name: str) -> None:
        used = self._stack.cpu_of(self._rest)
        for what in PROGRAMS:
            if self._stack.processes(what):
                self._results.note(series, size, f"{name}: {what}", used[what], "% of a core")
        LOG.info("%s with %s hosts: %s", name, size, {what: round(share, 1) for what, share in used.items()})

    def _candidates(self, size: int) -> None:
        """What Placement alone takes for the question that the scheduler asks it."""
        query = CandidateQuery(
            groups={"": ResourceGroup(resources={"VCPU": 1, "MEMORY_MB": 64, "DISK_GB": 1})},
            root_forbidden=frozenset({"COMPUTE_STATUS_DISABLED"}),
            limit=1000,
        )
        url = f"{self._keystone.catalog['placement']}/allocation_candidates?{query.to_url()}"
        headers = {"X-Auth-Token": self._keystone.token(), "OpenStack-API-Version": "placement 1.39"}
        taken = []
        for _ in range(_CANDIDATES):
            began = time.monotonic()
            requests.get(url, headers=headers, timeout=300).raise_for_status()
            taken.append((time.monotonic() - began) * 1000)
        self._results.note("hosts", size, "Placement's candidates alone", percentile(taken, 50), "ms")

    def _measure(self, series: str, size: int, servers: int) -> None:
        middle = population.middle(servers)
        recent = population.BEGAN + datetime.timedelta(seconds=20 * (servers - 40))
        asked = reads.questions(
            population.server_uuid(middle), population.server_uuid(population.middle_by_name(servers)),
            population.host_of(middle), recent.isoformat() + "Z",
        )  # fmt: skip
        for read in asked:
            shown = reads.measure(self._client, read, self._stack.spent)
            LOG.info("%s %s: %s: %.1f ms (p95 %.1f), costs %.1f ms", size, series, read.name, *shown)
            self._results.note(series, size, read.name, shown.median, "ms", p95=shown.p95)
            self._results.note(series, size, f"{read.name}: cost", shown.cost, "ms CPU", flat=read.flat)
        booted = boots.measure(self._servers)
        LOG.info("%s %s: boot: %s", size, series, [round(value, 1) for value in booted])
        for name, value in zip(("accepted", "ACTIVE", "deleted"), booted, strict=True):
            self._results.note(series, size, f"boot: {name}", value, "ms")


