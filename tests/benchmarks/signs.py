"""Signs that a daemon serves, each prepared before it is started.

* An API has answered. The request waits for it.
* novalike's other daemons tell systemd READY=1, when all their workers serve.
* Nova's tell systemd nothing of the kind, but each has an endpoint that answers pings as soon as it takes messages. The
  ping waits for them, in the queue that they have had since they were started first.
"""

import contextlib
import http.client
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import oslo_messaging
from oslo_config import cfg

# Seconds.
_PATIENCE = 120.0
_PUBLISHED = 0.5

# Variables for the daemon's environment, and what returns when it serves.
Sign = tuple[Mapping[str, str], Callable[[], None]]


@contextlib.contextmanager
def answer(address: tuple[str, int]) -> Iterator[Sign]:
    """Of an API, to the question which versions there are."""

    def wait() -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            connection = http.client.HTTPConnection(*address, timeout=_PATIENCE)
            try:
                connection.request("GET", "/")
                status = connection.getresponse().status
                if status < 500:
                    return
                raise SystemExit(f"{address} answers {status}")
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.005)  # nobody listens yet
            finally:
                connection.close()

    yield {}, wait


@contextlib.contextmanager
def ready_message() -> Iterator[Sign]:
    """READY=1, as systemd is told it."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        path = str(Path(folder) / "notify")
        listener.bind(path)
        listener.settimeout(_PATIENCE)

        def wait() -> None:
            while b"READY=1" not in listener.recv(4096).split(b"\n"):
                pass

        yield {"NOTIFY_SOCKET": path}, wait


class Pinger:
    """Asks Nova's daemons over their bus.

    :param url: of the bus.
    """

    def __init__(self, url: str) -> None:
        # Not an object of our own: oslo.messaging wants options that it registers with this one only.
        cfg.CONF([], project="benchmarks", default_config_files=[], default_config_dirs=[])
        self._transport = oslo_messaging.get_rpc_transport(cfg.CONF, url)

    @contextlib.contextmanager
    def ping(self, topic: str, host: str) -> Iterator[Sign]:
        """A ping and its answer."""
        target = oslo_messaging.Target(exchange="nova", topic=topic, server=host, namespace="baseapi", version="1.0")
        client: Any = oslo_messaging.get_rpc_client(self._transport, target, timeout=_PATIENCE)
        answers: list[object] = []

        def ask() -> None:
            answers.append(client.call({}, "ping", arg="there?"))

        asking = threading.Thread(target=ask, daemon=True)
        asking.start()
        time.sleep(_PUBLISHED)

        def wait() -> None:
            asking.join(_PATIENCE)
            if not answers:
                raise SystemExit(f"{topic} on {host} did not answer a ping")

        yield {}, wait
