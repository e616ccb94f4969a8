"""``novalike-scheduler``."""

from novalike import concurrency

concurrency.prepare()

from typing import NoReturn

from novalike.service import daemon
from novalike.scheduler.daemon import SchedulerDaemon


def main() -> NoReturn:
    """Run the scheduler until told to stop."""
    daemon.run("novalike-scheduler", SchedulerDaemon, workers=lambda conf: conf.scheduler.workers)
