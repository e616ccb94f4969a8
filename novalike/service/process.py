"""One process of a daemon: brings it up, listens to signals, brings it down.

The main thread does nothing but wait for signals (through a pipe: that works under eventlet and under native
threads alike), so a daemon that waits for its broker can be told to stop all the same. Bringing up, reloading
and bringing down happen on a thread of their own.
"""

import enum
import gc
import logging
import os
import select
import signal
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

from oslo_config import cfg

from novalike import conf as configuration
from novalike.bus.connect import connect
from novalike.bus.transport import Transport
from novalike.service.health import HealthServer

LOG = logging.getLogger(__name__)

# How often the main thread looks up when nothing happens, and how often a sign of life is given at least.
TICK_SECONDS = 1.0
# A daemon told to stop while it was still waiting for something gets this long to notice.
_GIVE_UP_STARTING = 3.0
_CHANGED = 0  # what our own threads write to the pipe; signals write their number
# Objects that are made, less those that are gone, before the youngest are searched for garbage, and how often these
# searches go before one of the next older generation.
_GARBAGE = (5_000, 20, 20)
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Daemon(Protocol):
    """What a factory makes.

    ``start`` may take as long as what it waits for; it returns early once ``stop`` was called. ``stop`` takes
    nothing new up and returns at once; it may be called twice. ``wait`` returns when all that was begun has ended.
    """

    def start(self) -> None: ...
    def stop(self) -> None: ...
    def wait(self) -> None: ...
    def reload(self) -> None: ...
    def health(self) -> dict[str, bool]: ...


Factory = Callable[[cfg.ConfigOpts, Transport], Daemon]


class State(enum.StrEnum):
    """How far a process is."""

    STARTING = "starting"
    SERVING = "serving"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Listener(Protocol):
    """Who is told what becomes of a process: systemd, or the master."""

    def ready(self) -> None: ...
    def reloading(self) -> None: ...
    def stopping(self) -> None: ...
    def alive(self) -> None: ...


class Process:
    """A process that runs one daemon object.

    :param lifeline: a file descriptor that becomes readable when the master has died; None without a master.
    :param patience: seconds without a sign of the health thread after which no signs of life are given.
    """

    def __init__(
        self,
        prog: str,
        conf: cfg.ConfigOpts,
        factory: Factory,
        listener: Listener,
        *,
        lifeline: int | None = None,
        patience: float = 30.0,
    ) -> None:
        self._prog = prog
        self._conf = conf
        self._factory = factory
        self._listener = listener
        self._lifeline = lifeline
        self._patience = patience
        self._state = State.STARTING
        self._failure: BaseException | None = None
        self._daemon: Daemon | None = None
        self._transport: Transport | None = None
        self._wake_reader, self._wake_writer = os.pipe()
        self._deadline: float | None = None
        self._starter = threading.Thread(target=self._bring_up, name="start", daemon=True)
        self._health = HealthServer(
            conf.health_dir, prog, self._about, {"bus": self._check_bus, "daemon": self._check_daemon}
        )

    def run(self) -> int:
        """Run until told to stop. Gives the exit status.

        :raises SystemExit: the configuration can't be; the message says what is wrong with it.
        """
        self.listen_to_signals()
        self._health.start()
        self._starter.start()
        watched = [self._wake_reader] + ([] if self._lifeline is None else [self._lifeline])
        while self._state is not State.STOPPED:
            readable, _, _ = select.select(watched, [], [], TICK_SECONDS)
            if self._wake_reader in readable:
                self._obey(os.read(self._wake_reader, 64))
            if self._lifeline in readable:
                watched.remove(self._lifeline)  # type: ignore[arg-type]
                LOG.warning("the master process is gone")
                self._stop()
            if self._failure is not None and self._state is State.STARTING:
                self._health.stop()
                raise self._failure
            if self._deadline is not None and time.monotonic() > self._deadline:
                LOG.warning("stopped in the middle of things: graceful_shutdown_timeout has passed")
                self._health.stop()
                return 1
            if self._health.silence() < self._patience:
                self._listener.alive()
        self._health.stop()
        return 0

    def listen_to_signals(self) -> None:
        """From now on signals are kept until :meth:`run` looks at them."""
        for end in (self._wake_reader, self._wake_writer):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(self._wake_writer, warn_on_full_buffer=False)
        for number in _SIGNALS:
            # The handler does nothing: that the number is in the pipe is enough.
            signal.signal(number, lambda _number, _frame: None)

    def _wake(self) -> None:
        try:
            os.write(self._wake_writer, bytes([_CHANGED]))
        except BlockingIOError:
            pass

    def _obey(self, numbers: bytes) -> None:
        for number in numbers:
            if number == signal.SIGHUP:
                if self._state is State.SERVING:
                    threading.Thread(target=self._reload, name="reload", daemon=True).start()
            elif number in (signal.SIGTERM, signal.SIGINT):
                if self._state is State.STOPPING:
                    LOG.warning("stopped in the middle of things: told a second time")
                    self._health.stop()
                    os._exit(1)
                self._stop()

    def _stop(self) -> None:
        if self._state is State.STOPPING:
            return
        LOG.info("%s stops", self._prog)
        self._state = State.STOPPING
        self._listener.stopping()
        allowed = self._conf.graceful_shutdown_timeout
        self._deadline = time.monotonic() + allowed if allowed else None
        threading.Thread(target=self._bring_down, name="stop", daemon=True).start()

    def _bring_up(self) -> None:
        try:
            self._transport = connect(self._conf)
            self._daemon = self._factory(self._conf, self._transport)
            if self._state is State.STARTING:
                self._daemon.start()
        except BaseException as error:  # also SystemExit, which the main thread raises again
            if self._state is State.STARTING:
                self._failure = error
            else:
                LOG.warning("%s was still starting: %s", self._prog, error)
        if self._failure is None and self._state is State.STARTING:
            _leave_alone_what_stays()
            self._state = State.SERVING
            LOG.info("%s serves", self._prog)
            self._listener.ready()
        self._wake()

    def _bring_down(self) -> None:
        try:
            was_starting = self._starter.is_alive()
            if self._daemon is not None:
                self._daemon.stop()
            self._starter.join(_GIVE_UP_STARTING)
            if self._daemon is not None and not self._starter.is_alive():
                if was_starting:
                    # It may have begun to serve after it was told to stop.
                    self._daemon.stop()
                self._daemon.wait()
            if self._transport is not None and not self._starter.is_alive():
                self._transport.close()
        except Exception:
            LOG.exception("%s did not stop cleanly", self._prog)
        self._state = State.STOPPED
        self._wake()

    def _reload(self) -> None:
        self._listener.reloading()
        try:
            # Read it all on the side first: with a wrong option the daemon goes on with what it has.
            configuration.load(self._prog, conf=cfg.ConfigOpts())
            self._conf.reload_config_files()
            if self._daemon is not None:
                self._daemon.reload()
            LOG.info("%s has read its configuration again", self._prog)
        except SystemExit as error:
            LOG.error("the configuration was not taken up: %s", error)
        except Exception:
            LOG.exception("the configuration was not taken up")
        if self._state is State.SERVING:
            self._listener.ready()

    def _about(self) -> dict[str, Any]:
        return {"daemon": self._prog, "host": self._conf.host, "pid": os.getpid(), "state": str(self._state)}

    def _check_bus(self) -> dict[str, bool]:
        return {"bus": self._transport is not None and self._transport.ping()}

    def _check_daemon(self) -> dict[str, bool]:
        return {} if self._daemon is None else self._daemon.health()


def _leave_alone_what_stays() -> None:
    """Modules, options, schemas and statements live as long as the process: it need not search them for garbage again
    and again, for up to a tenth of a second each time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_GARBAGE)
