"""Runs a daemon: one process, or a master with workers.

::

    daemon.run("novalike-scheduler", SchedulerDaemon, workers=lambda conf: conf.scheduler.workers)

* SIGTERM, SIGINT: take nothing new up, finish what was begun (``graceful_shutdown_timeout``), exit 0. A second
  one: exit at once.
* SIGHUP: read the configuration again and reload. With a wrong option everything stays as it was.
* A wrong option at the start: one line that names it, exit 1.
* systemd hears READY=1 once every process serves, and WATCHDOG=1 while none is stuck.

Why this and not oslo.service is told in ``docs/architecture.md``.
"""

import gc
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from oslo_config import cfg
from oslo_log import log

from novalike import concurrency
from novalike import conf as configuration
from novalike.service import systemd
from novalike.service.master import WRONG_CONFIGURATION, Master, WorkerVoice
from novalike.service.process import Factory, Listener, Process

LOG = logging.getLogger(__name__)

# Seconds without a sign of life after which a worker is killed, unless systemd's watchdog says otherwise.
_PATIENCE = 60.0


def run(
    prog: str,
    factory: Factory,
    workers: Callable[[cfg.ConfigOpts], int] = lambda conf: 1,
    before_fork: Callable[[cfg.ConfigOpts], Callable[[], None] | None] = lambda conf: None,
) -> NoReturn:
    """Run a daemon until it is told to stop, and exit.

    :param prog: the daemon's name: of its configuration file, in its logs and in its health.
    :param factory: makes the daemon object from the configuration and the bus; called in each worker.
    :param workers: how many processes.
    :param before_fork: what must be done once for all workers, such as to bind a port. It must start no thread
        and open no connection. It may give a function that the master calls when it is told to stop.
    """
    # Too early a reload is none: what it would read is being read.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    conf = configuration.load(prog)
    patience = systemd.watchdog_seconds() or _PATIENCE
    count = workers(conf)
    try:
        let_go = before_fork(conf) or (lambda: None)
        # What is there now stays. Workers share its memory as long as nobody searches it for garbage.
        gc.freeze()
        if count == 1:
            status = Process(prog, conf, factory, _Systemd(patience), patience=patience).run()
        else:
            status = _run_master(prog, conf, factory, count, patience, let_go)
    except SystemExit as error:
        _leave(_complain(prog, error))
    except BaseException:
        LOG.exception("%s failed", prog)
        _leave(1)
    _leave(status)


def _run_master(
    prog: str, conf: cfg.ConfigOpts, factory: Factory, count: int, patience: float, let_go: Callable[[], None]
) -> int:
    def work(voice: WorkerVoice, lifeline: int) -> int:
        concurrency.after_fork()
        # Locks of log handlers are pipes under eventlet: shared ones would tie the workers together.
        log.setup(conf, "novalike")
        process = Process(prog, conf, factory, voice, lifeline=lifeline, patience=patience / 2)
        try:
            # Signals were blocked until the process listens to them.
            process.listen_to_signals()
            signal.pthread_sigmask(signal.SIG_SETMASK, ())
            return process.run()
        except SystemExit as error:
            _complain(prog, error)
            return WRONG_CONFIGURATION
        except BaseException:
            LOG.exception("%s failed", prog)
            return 1
        finally:
            _flush()

    grace = conf.graceful_shutdown_timeout
    return Master(prog, count, work, patience=patience, grace=grace, let_go=let_go).run()


class _Systemd(Listener):
    """Tells systemd about the only process."""

    def __init__(self, patience: float) -> None:
        self._interval = patience / 2
        self._last = 0.0

    def ready(self) -> None:
        systemd.ready()

    def reloading(self) -> None:
        systemd.reloading()

    def stopping(self) -> None:
        systemd.stopping()

    def alive(self) -> None:
        if time.monotonic() - self._last >= self._interval - 1:
            self._last = time.monotonic()
            systemd.alive()


def _complain(prog: str, error: SystemExit) -> int:
    """Say on stderr why the daemon can't run. Gives the exit status."""
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    text = str(error.code)
    print(text if text.startswith(prog) else f"{prog}: {text}", file=sys.stderr)
    return 1


def _flush() -> None:
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()


def _leave(status: int) -> NoReturn:
    """Exit without waiting for threads that belong to libraries."""
    _flush()
    os._exit(status)
