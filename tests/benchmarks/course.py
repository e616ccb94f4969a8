"""Whose turn it is: that contender runs, and the other one is frozen."""

import contextlib
import time
from collections.abc import Iterator

from tests.benchmarks.contenders import NOVA, NOVALIKE, WATCHERS_WAIT, Contender
from tests.benchmarks.place import Place
from tests.benchmarks.relay import Relay


class Course:
    """Both contenders, and whose turn it is."""

    def __init__(self, place: Place, relay: Relay) -> None:
        names, self._relay = place.supervisor.names(), relay
        self.place = place
        self.novalike = Contender(
            NOVALIKE, place.stack["compute_url"] + "/v2.1", place, [n for n in names if n.startswith("novalike-")], ()
        )
        daemons = [name for name in names if name.startswith("nova-") and name != "nova-placement"]
        self.nova = Contender(NOVA, place.nova["compute_url"], place, daemons, ["nova-placement"])
        if not self.novalike.daemons:
            raise SystemExit("novalike isn't among the programs of the stack's supervisord")
        self._running: Contender | None = None

    @property
    def contenders(self) -> tuple[Contender, Contender]:
        """In the order in which they are measured."""
        return self.nova, self.novalike

    @contextlib.contextmanager
    def turn(self, contender: Contender, quiet: float = 1.0) -> Iterator[None]:
        """The other one is frozen, this one runs, has come to rest, and is whom Neutron talks to.

        :param quiet: seconds that it runs before, at least.
        """
        if self._running is not contender:
            other = self.novalike if contender is self.nova else self.nova
            if self._running is other:
                other.settle()
            other.freeze()
            contender.thaw()
            self._relay.target, self._running = contender.address, contender
            contender.settle(at_least=quiet)
        yield

    def turns(self, rounds: int = 1) -> Iterator[Contender]:
        """Each contender's turn, so many times."""
        for _ in range(rounds):
            for contender in self.contenders:
                with self.turn(contender):
                    yield contender

    def end(self) -> None:
        """Let both run."""
        self._running = None
        for contender in self.contenders:
            contender.thaw()
        time.sleep(WATCHERS_WAIT + 0.2)
