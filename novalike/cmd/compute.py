"""``novalike-compute``."""

from novalike import concurrency

concurrency.prepare()

from novalike.service import daemon
from novalike.compute.daemon import ComputeDaemon


def main() -> None:
    """Run the compute service until told to stop. One process: a host has one hypervisor."""
    daemon.run("novalike-compute", ComputeDaemon)
