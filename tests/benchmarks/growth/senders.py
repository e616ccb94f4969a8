"""A thousand processes as the bus sees them, in one: each with a host of its own, its heartbeats and its reports.

``python -m tests.benchmarks.growth.senders COUNT CONFIG-FILE…`` until it is told to stop.
"""

import itertools
import sys
import threading
import time
import uuid

from oslo_config import cfg

from novalike import conf as options
from novalike.bus.connect import connect
from novalike.bus.journal import Journal
from novalike.objects.context import admin_context
from novalike.objects.host import Heartbeat, NodeReport

PREFIX = "sender-"


def node(name: str) -> NodeReport:
    """What a host says of itself."""
    return NodeReport(
        uuid=str(uuid.uuid5(uuid.NAMESPACE_OID, name)), host=name, hypervisor_hostname=name, hypervisor_type="fake",
        hypervisor_version=1000, host_ip="127.0.0.1", vcpus=64, memory_mb=262144, local_gb=4000,
        cpu_info={"arch": "x86_64", "model": "Nehalem", "vendor": "Intel", "features": ["pge", "clflush"],
                  "topology": {"cores": 1, "threads": 1, "sockets": 4}},
        supported_instances=(("x86_64", "fake", "hvm"),),
        traits=tuple(f"COMPUTE_FEATURE_{number}" for number in range(30)),
    )  # fmt: skip


class Senders:
    """Sends, each host in its turn, evenly over the interval.

    :param count: hosts.
    """

    def __init__(self, conf: cfg.ConfigOpts, count: int) -> None:
        self._conf = conf
        self._journal: Journal = connect(conf).client(Journal)
        self._hosts = [(f"{PREFIX}{number:05}", str(uuid.uuid4())) for number in range(count)]

    def report(self, host: str, incarnation: str) -> None:
        """Say what a host has."""
        self._journal.report_nodes(admin_context(), endpoint=host, incarnation=incarnation, nodes=(node(host),))

    def beat(self, host: str, incarnation: str) -> None:
        """Say that a host lives."""
        beat = Heartbeat(binary="novalike-compute", endpoint=host, incarnation=incarnation, hosts=(host,), version=1)
        self._journal.heartbeat(admin_context(), beat=beat)

    def run(self) -> None:
        """Register all hosts, say so on stdout, and go on for ever."""
        for host in self._hosts:
            self.report(*host)
        print("registered", flush=True)
        pace = self._conf.report_interval, self._conf.update_resources_interval
        threading.Thread(target=self._rounds, args=(self.report, pace[1]), daemon=True).start()
        self._rounds(self.beat, pace[0])

    def _rounds(self, act, interval: float) -> None:  # type: ignore[no-untyped-def]
        began = time.monotonic()
        for number, host in enumerate(itertools.cycle(self._hosts)):
            act(*host)
            due = began + interval * (number + 1) / len(self._hosts)
            time.sleep(max(0.0, due - time.monotonic()))


def main() -> None:
    """Run."""
    count, *files = sys.argv[1:]
    conf = cfg.CONF
    options.load("novalike-compute", [word for file in files for word in ("--config-file", file)], conf)
    Senders(conf, int(count)).run()


if __name__ == "__main__":
    main()
