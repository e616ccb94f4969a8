"""Boots without a network: asked for, ACTIVE, gone."""

import time
from collections.abc import Callable
from typing import NamedTuple

from tests.benchmarks.client import Refused
from tests.benchmarks.figures import percentile
from tests.benchmarks.servers import Servers

WARM, TIMES = 2, 12
# Seconds: between two looks, and after which it is given up.
_POLL, _PATIENCE = 0.005, 120.0


class Booted(NamedTuple):
    """Medians in ms: until the request was answered, until the server was ACTIVE, from delete until it was gone."""

    accepted: float
    active: float
    gone: float


def measure(servers: Servers, times: int = TIMES) -> Booted:
    """Boot and delete, one after the other.

    :raises Refused: a server fails.
    """
    rows: list[Booted] = []
    for number in range(WARM + times):
        began = time.monotonic()
        uuid = servers.create(f"growth-{number}")
        accepted = time.monotonic()
        _wait(lambda uuid=uuid: _is_active(servers, uuid))  # type: ignore[misc]
        active = time.monotonic()
        servers.delete(uuid)
        _wait(lambda uuid=uuid: servers.client.raw("GET", f"/servers/{uuid}")[0] == 404)  # type: ignore[misc]
        gone = time.monotonic()
        if number >= WARM:
            rows.append(Booted(accepted - began, active - began, gone - active))
    return Booted(*(percentile(column, 50) * 1000 for column in zip(*rows, strict=True)))


def _wait(done: Callable[[], bool]) -> None:
    end = time.monotonic() + _PATIENCE
    while not done():
        if time.monotonic() > end:
            raise Refused(f"nothing after {_PATIENCE:.0f} s")
        time.sleep(_POLL)


def _is_active(servers: Servers, uuid: str) -> bool:
    server = servers.client.wanted(200, "GET", f"/servers/{uuid}")["server"]
    if server["status"] == "ERROR":
        raise Refused(f"a server failed: {server.get('fault')}")
    return bool(server["status"] == "ACTIVE")
