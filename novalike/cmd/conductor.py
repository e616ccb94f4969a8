"""``novalike-conductor``."""

from novalike import concurrency

concurrency.prepare()

from novalike.service import daemon
from novalike.conductor.daemon import ConductorDaemon


def main() -> None:
    """Run the conductor until told to stop."""
    daemon.run("novalike-conductor", ConductorDaemon, workers=lambda conf: conf.conductor.workers)
