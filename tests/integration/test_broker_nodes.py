"""Two RabbitMQ nodes in ``transport_url``: when the one in use goes, the next call goes to the other one, within 3 s.

The nodes are the tests' own. On both concurrency backends.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.integration import broker_nodes
from tests.integration.broker_nodes import Cluster, Node

pytestmark = pytest.mark.skipif(not broker_nodes.are_possible(), reason="RabbitMQ is not installed here")

SECONDS = 3.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    found = Cluster(tmp_path_factory.mktemp("nodes"))
    yield found
    found.close()


class Peer:
    """A process, and what it says."""

    def __init__(self, role: str, url: str, backend: str) -> None:
        self.said: list[dict[str, Any]] = []
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "tests.integration.bus_peer", role, url],
            env={**os.environ, "NOVALIKE_CONCURRENCY": backend}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):
                self.said.append(json.loads(line))

    @property
    def port(self) -> int | None:
        """Of the node in use."""
        return next((each["port"] for each in reversed(self.said) if each.get("port")), None)

    def since(self, moment: float) -> list[dict[str, Any]]:
        """What has begun since then."""
        return [each for each in list(self.said) if each["at"] - each.get("took", 0.0) >= moment]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


def until(true: Callable[[], Any], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.05)


@contextlib.contextmanager
def peers(cluster: Cluster, backend: str, *roles: str) -> Iterator[list[Peer]]:
    found = [Peer(role, cluster.url(), backend) for role in roles]
    try:
        until(lambda: all(peer.port for peer in found))
        yield found
    finally:
        for peer in found:
            peer.end()


def node_of(cluster: Cluster, peer: Peer) -> Node:
    return next(node for node in cluster.nodes if node.port == peer.port)


def answered(asker: Peer, moment: float) -> None:
    """What has been asked since then was answered, and soon.

    What must not be repeated is lost when it meets a node that dies: nobody knows, and that is said.
    """
    until(lambda: len(asker.since(moment)) >= 20)
    found = asker.since(moment)
    unknown = [each for each in found if each["way"] == "once" and "not known" in (each["error"] or "")]
    assert [each for each in found if each["error"] and each not in unknown] == []
    assert max(each["took"] for each in found if not each["error"]) < SECONDS
    late = [each for each in asker.since(moment + SECONDS) if each["error"]]
    assert late == []


def arrived(teller: Peer, answerer: Peer, moment: float) -> None:
    """What has been told since then was taken by the broker, and arrives again."""
    until(lambda: [each for each in answerer.since(moment) if "told" in each], SECONDS)
    until(lambda: len(teller.since(moment)) >= 20)
    found = teller.since(moment)
    assert [each for each in found if each["error"]] == []
    assert max(each["took"] for each in found) < SECONDS


@pytest.mark.parametrize("backend", ["eventlet", "threading"])
@pytest.mark.parametrize(("whose", "how"), [("asker", "stop"), ("answerer", "kill")])
def test_the_node_in_use_goes(cluster: Cluster, whose: str, how: str, backend: str) -> None:
    with peers(cluster, backend, "serves", "asks", "tells") as (answerer, asker, teller):
        until(lambda: len([each for each in asker.said if not each["error"]]) >= 10)
        until(lambda: len([each for each in answerer.said if "told" in each]) >= 10)
        node = node_of(cluster, asker if whose == "asker" else answerer)
        try:
            getattr(node, how)()
            gone = time.monotonic()
            arrived(teller, answerer, gone)
            answered(asker, gone)
            # Nor does what was under way meanwhile fail, if it may be repeated.
            assert {each["way"] for each in asker.said if each["error"]} <= {"once"}
            left = {other.port for other in cluster.nodes if other is not node}
            until(lambda: {peer.port for peer in (answerer, asker, teller)} == left, SECONDS)
        finally:
            node.start()
