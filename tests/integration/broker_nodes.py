"""RabbitMQ nodes of the tests' own, on free ports of 127.0.0.1: they may be stopped and killed as a test likes."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
EPMD = Path("/usr/bin/epmd")

_START_SECONDS = 90.0
_STOP_SECONDS = 30.0
# Busy waiting in the schedulers would cost half a core on a small machine.
_ERLANG = "+sbwt none +sbwtdcpu none +sbwtdio none -kernel inet_dist_use_interface {127,0,0,1}"


def are_possible() -> bool:
    """Whether RabbitMQ is installed here."""
    return SERVER.exists() and EPMD.exists()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _within(seconds: float, port: int, process: "subprocess.Popen[bytes]") -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} has ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing listens at port {port}")


class Node:
    """One node of a cluster."""

    def __init__(self, cluster: "Cluster", name: str, joins: "Node | None") -> None:
        self.name = f"{name}@localhost"
        self.port, self._dist_port = _free_port(), _free_port()
        self._folder = cluster.folder / name
        self._folder.mkdir()
        conf = [
            f"listeners.tcp.default = 127.0.0.1:{self.port}",
            f"default_user = {cluster.user}",
            f"default_pass = {cluster.password}",
            "log.console = true",
            "log.file = false",
        ]
        if joins is not None:
            conf += [
                "cluster_formation.peer_discovery_backend = classic_config",
                f"cluster_formation.classic_config.nodes.1 = {joins.name}",
                f"cluster_formation.classic_config.nodes.2 = {self.name}",
            ]
        (self._folder / "rabbitmq.conf").write_text("\n".join(conf) + "\n")
        (self._folder / "plugins").write_text("[].\n")
        self._environment = os.environ | {
            "HOME": str(cluster.folder),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self._dist_port),
            "RABBITMQ_MNESIA_BASE": str(self._folder),
            "RABBITMQ_LOG_BASE": str(self._folder),
            "RABBITMQ_CONFIG_FILE": str(self._folder / "rabbitmq"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self._folder / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": _ERLANG,
            "ERL_EPMD_PORT": str(cluster.epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(SERVER)], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        _within(_START_SECONDS, self.port, self._process)

    def stop(self) -> None:
        """Stop as an operator does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop as a power cut does."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        # The server's script has the virtual machine for a child, in one group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, how)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None


class Cluster:
    """Several nodes that know each other.

    :param folder: for all that they write; empty.
    """

    user, password = "tester", "tester"

    def __init__(self, folder: Path, count: int = 2) -> None:
        self.folder = folder
        self.epmd_port = _free_port()
        self.nodes: list[Node] = []
        self._epmd = subprocess.Popen([str(EPMD), "-port", str(self.epmd_port), "-address", "127.0.0.1"])
        try:
            _within(10, self.epmd_port, self._epmd)
            for number in range(1, count + 1):
                node = Node(self, f"novalike-test-{os.getpid()}-{number}", self.nodes[0] if self.nodes else None)
                self.nodes.append(node)
                node.start()
        except BaseException:
            self.close()
            raise

    def url(self, *ports: int) -> str:
        """A ``transport_url`` of these ports of this machine, or of all nodes."""
        hosts = (f"{self.user}:{self.password}@127.0.0.1:{port}" for port in ports or (n.port for n in self.nodes))
        return f"rabbit://{','.join(hosts)}/"

    def close(self) -> None:
        """End all."""
        for node in reversed(self.nodes):
            node.kill()
        self._epmd.terminate()
        self._epmd.wait()
