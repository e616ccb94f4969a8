"""Processes that can die: everything a daemon does to the world goes through a gate, which its death shuts.

The daemons of a test share one Python process, so a dead one's threads can't be ended. But all that it does
outside of itself (messages, SQL, Placement, Neutron, Glance, the hypervisor) goes through gates, and the gates
of a dead process raise :class:`Death` in whichever thread comes by: nothing more happens. What it had done
stays done, what it had in memory is lost, as with SIGKILL.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from oslo_config import cfg

from novalike.bus.transport import NoAnswer
from novalike.db.engine import Database
from tests.functional.local_bus import LocalBus, LocalTransport

# How often daemons do these depends on time alone: no points of a workflow.
_PERIODIC = frozenset(
    {
        "heartbeat", "report_nodes", "inventory", "node_reports", "ensure_provider", "set_disabled", "load", "ping",
        "list_host_servers", "holders", "keepers", "residents", "guests", "aside", "hosts", "together", "is_healthy",
        "on_power_change", "start", "stop",
    }
)  # fmt: skip
_PERIODIC_SQL = frozenset(
    {
        "clock.now", "cleanup.look_into", "reconciler._look_into", "leases.renew", "cells._load",
        "cell_transfer.foreign", "journal.list_host_servers", "journal.holders", "waking.look_into",
        "journal.keepers",
    }
)  # fmt: skip
# All that the database is asked in these is.
_PERIODIC_MODULES = frozenset({"hosts", "heartbeats", "host_states"})


class Death(BaseException):
    """The process does not exist any more."""

    def __init__(self, process: "Process") -> None:
        super().__init__(process.kind)
        self.process = process


_thread = threading.local()


@contextmanager
def unwatched() -> Iterator[None]:
    """What this thread does in a process's stead is the test's own, and no point of a trial."""
    _thread.unwatched = True
    try:
        yield
    finally:
        _thread.unwatched = False


def _is_unwatched() -> bool:
    return getattr(_thread, "unwatched", False)


def bear_deaths() -> None:
    """Let threads of dead processes end without a word."""
    usual = threading.excepthook

    def hook(args: Any) -> None:
        if not issubclass(args.exc_type, Death):
            usual(args)

    threading.excepthook = hook


class Process:
    """One process.

    :param kind: which daemon it is.
    :param watch: told (process, point) at every point; may kill, or raise in the process's stead.
    :param spoils: told (process, function) when a transaction of that function is about to be committed; may raise.
    """

    def __init__(
        self, kind: str, watch: Callable[["Process", str], None], spoils: Callable[["Process", str], None]
    ) -> None:
        self.kind = kind
        self._spoils = spoils
        self.alive = True
        self.running = threading.Event()
        self.running.set()
        self.daemon: Any = None
        self.transport: Any = None
        self._watch = watch

    def check(self) -> None:
        """Go on, unless it is frozen.

        :raises Death: it is dead.
        """
        if not _is_unwatched():
            self.running.wait()
        if not self.alive:
            raise Death(self)

    def at(self, point: str) -> None:
        """The process is at a point between two effects.

        :raises Death: it is dead, or dies here.
        """
        self.check()
        if not _is_unwatched():
            self._watch(self, point)
        self.check()

    def spoils(self, asker: str) -> None:
        """A transaction is about to be committed."""
        self.check()
        self._spoils(self, asker)

    def passing(self, name: str, action: Callable[[], Any], *, periodic: bool = False) -> Any:
        """Do something to the world, with a point before and a point after it."""
        if periodic:
            self.check()
            result = action()
            self.check()
            return result
        self.at(f"before {name}")
        result = action()
        self.at(f"after {name}")
        return result


class Gate:
    """What a process reaches something outside of it through."""

    def __init__(self, process: Process, name: str, inner: Any) -> None:
        self.__dict__.update(_process=process, _name=name, _inner=inner)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name.startswith("_") or not callable(value):
            return value

        def pass_through(*args: Any, **kwargs: Any) -> Any:
            point = f"{self._name}.{name}"
            result = self._process.passing(point, lambda: value(*args, **kwargs), periodic=name in _PERIODIC)
            return self._pieces(point, result) if isinstance(result, Iterator) else result

        return pass_through

    def _pieces(self, point: str, pieces: Iterator[Any]) -> Iterator[Any]:
        for piece in pieces:
            self._process.at(f"amid {point}")
            yield piece

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._inner, name, value)


class GatedDatabase(Database):
    """A database as one process reaches it. Points are named after the function that asks."""

    def __init__(self, process: Process, url: str, conf: cfg.ConfigOpts) -> None:
        super().__init__(url, conf)
        self._process = process

    def query(self, function: Callable[[Any], Any]) -> Any:
        asker = _asker()
        # Within a transaction of another database it may be a write, so it counts like any.
        return self._process.passing(
            f"sql.query in {asker}", lambda: super(GatedDatabase, self).query(function), periodic=_is_periodic(asker)
        )

    def write(self, function: Callable[[Any], Any]) -> Any:
        asker = _asker()

        def spoilt(connection: Any) -> Any:
            result = function(connection)
            self._process.spoils(asker)
            return result

        return self._process.passing(
            f"sql.write in {asker}", lambda: super(GatedDatabase, self).write(spoilt), periodic=_is_periodic(asker)
        )


def _is_periodic(asker: str) -> bool:
    return asker in _PERIODIC_SQL or asker.partition(".")[0] in _PERIODIC_MODULES


def _asker() -> str:
    """Which function of the conductor asks the database."""
    frame = sys._getframe(2)
    while frame.f_code.co_name in ("<lambda>", "each", "query", "write", "_write_once", "spoilt"):
        assert frame.f_back is not None
        frame = frame.f_back
    return f"{frame.f_globals['__name__'].rpartition('.')[2]}.{frame.f_code.co_name}"


class CrashTransport(LocalTransport):
    """A process's connection to the bus. Who asks a process that dies meanwhile gets no answer."""

    def __init__(self, bus: LocalBus, process: Process) -> None:
        super().__init__(bus)
        self._process = process

    def call(self, interface: Any, endpoint: Any, method: str, ctx: Any, payload: str, timeout: Any) -> dict[str, Any]:
        def send() -> dict[str, Any]:
            try:
                return LocalTransport.call(self, interface, endpoint, method, ctx, payload, timeout)
            except Death as death:
                if death.process is self._process:
                    raise
                time.sleep(0.02)  # instead of the whole time-out
                raise NoAnswer(reason=f"no answer from {interface.topic} in time") from None

        name = f"call {interface.__name__}.{method}"
        # Whoever is asked goes on when the one who asked has died: tests wait for that.
        with self._bus.calling():
            answer: dict[str, Any] = self._process.passing(name, send, periodic=method in _PERIODIC)
        return answer

    def cast(self, interface: Any, endpoint: Any, method: str, ctx: Any, payload: str) -> None:
        self._process.passing(
            f"cast {interface.__name__}.{method}",
            lambda: LocalTransport.cast(self, interface, endpoint, method, ctx, payload),
            periodic=method in _PERIODIC,
        )

    def serve(self, offers: Any, endpoint: str, pool_size: int) -> Any:
        guarded = [(interface, _Served(self._process, handler)) for interface, handler in offers]
        return super().serve(guarded, endpoint, pool_size)


class _Served:
    """A handler that answers while its process lives."""

    def __init__(self, process: Process, handler: object) -> None:
        self._process = process
        self._handler = handler

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._handler, name)

        def serve(*args: Any, **kwargs: Any) -> Any:
            self._process.check()
            result = function(*args, **kwargs)
            self._process.check()
            return result

        return serve
