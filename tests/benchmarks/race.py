"""The race: both contenders prepared, and its parts, one after the other."""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator, Sequence

from tests.benchmarks import boots, costs, moves, reads, usage
from tests.benchmarks.client import Client, Keystone
from tests.benchmarks.contenders import Contender
from tests.benchmarks.course import Course
from tests.benchmarks.figures import Figures
from tests.benchmarks.place import Place
from tests.benchmarks.relay import Relay
from tests.benchmarks.servers import Servers
from tests.benchmarks.starts import Starts

LOG = logging.getLogger("benchmarks")

# In this order: what is better done with few servers comes first, then the thousand are made.
PARTS = ("starts", "boots", "moves", "traffic", "reads", "idle")
_WITH_SERVERS = frozenset({"reads", "idle"})
_FLAVOR, _LARGER = "m1.nano", "m1.micro"


class Race:
    """One run.

    :param quick: little of everything, to see that it works.
    """

    def __init__(self, place: Place, *, quick: bool) -> None:
        self._place, self._quick = place, quick
        self._keystone = Keystone(place)
        self._relay = Relay(place.nova["relay_port"])
        self._course = Course(place, self._relay)
        self._figures = Figures()
        self.took: dict[str, float] = {}

    def run(self, parts: Sequence[str]) -> Figures:
        """Measure these parts.

        :raises SystemExit, Refused: a contender doesn't answer as it should.
        """
        try:
            # Both may have been left frozen by a run that was killed.
            self._course.end()
            with self._in_between():
                usage.calm_down()
                servers = {each.name: self._prepare(each) for each in self._course.contenders}
                for part in PARTS:
                    if part in parts:
                        self._run(part, servers)
        finally:
            self._course.end()
        return self._figures

    def _run(self, part: str, servers: dict[str, Servers]) -> None:
        began = time.monotonic()
        asking = reads.Reads(self._course, servers, self._figures, reads.QUICK if self._quick else reads.Amount())
        booting = boots.Boots(self._course, servers, self._figures, boots.QUICK if self._quick else boots.Amount())
        moving = moves.Moves(self._course, servers, self._figures, moves.QUICK if self._quick else moves.Amount())
        costing = costs.Costs(self._course, servers, self._figures, costs.QUICK if self._quick else costs.Amount())
        run: dict[str, Callable[[], None]] = {
            "starts": lambda: Starts(self._course, self._figures, 1 if self._quick else 3).run(),
            "boots": booting.run,
            "moves": moving.run,
            "traffic": costing.per_server,
            "reads": asking.run,
            "idle": costing.idle,
        }
        if part in _WITH_SERVERS:
            asking.fill()
        else:
            self._clear(servers)
        run[part]()
        self.took[part] = time.monotonic() - began
        LOG.info("%s: %.0f s", part, self.took[part])

    def _clear(self, servers: dict[str, Servers]) -> None:
        """No servers are left of another run, or another part."""
        for contender in self._course.turns():
            there = servers[contender.name]
            if left := there.listed():
                LOG.info("%s: %d servers of another run are removed", contender.name, len(left))
                there.remove(left, "")

    # -- what comes before

    def _prepare(self, contender: Contender) -> Servers:
        """Both have the same flavors, and the image and the network are Glance's and Neutron's."""
        ask, catalog, stack = self._keystone.ask, self._keystone.catalog, self._place.stack
        self._keystone.token()
        images = ask("GET", f"{catalog['image']}/v2/images?name={stack['image']}")["images"]
        networks = ask("GET", f"{catalog['network']}/v2.0/networks?name={stack['private_network']}")["networks"]
        client = Client(contender.url, self._keystone)
        flavors = self._flavors(client)
        return Servers(client, images[0]["id"], flavors[_FLAVOR], flavors[_LARGER], networks[0]["id"])

    def _flavors(self, client: Client) -> dict[str, str]:
        """name → id; Nova is given those that it lacks."""
        there = self._flavors_of(client)
        for name, flavor in self._flavors_of(Client(self._course.novalike.url, self._keystone)).items():
            if name not in there:
                wanted = {key: flavor[key] for key in ("id", "name", "ram", "vcpus", "disk")}
                client.wanted(200, "POST", "/flavors", {"flavor": wanted})
                there[name] = flavor
        return {name: str(flavor["id"]) for name, flavor in there.items()}

    @staticmethod
    def _flavors_of(client: Client) -> dict[str, dict[str, object]]:
        return {each["name"]: each for each in client.wanted(200, "GET", "/flavors/detail")["flavors"]}

    @contextlib.contextmanager
    def _in_between(self) -> Iterator[None]:
        """The catalog's compute service is the relay, which has whom Neutron calls talk to who is measured."""
        self._relay.start()
        self._keystone.move_compute(f"http://127.0.0.1:{self._relay.port}/v2.1")
        self._restart_neutron()
        try:
            yield
        finally:
            # Neutron will have heard of it when it gets its next token, within an hour.
            self._keystone.move_compute(self._course.novalike.url)
            self._relay.stop()

    def _restart_neutron(self) -> None:
        """It asks the catalog once, so it has to ask anew."""
        self._place.supervisor.stop("neutron")
        self._place.supervisor.start("neutron")
        neutron = self._keystone.catalog["network"]
        end = time.monotonic() + 120
        while True:
            try:
                self._keystone.ask("GET", f"{neutron}/v2.0/networks")
                return
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.5)
