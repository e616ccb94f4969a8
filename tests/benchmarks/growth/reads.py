"""Lists and shows, as one client sees them, one after the other."""

import json
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.benchmarks.client import Client, Refused
from tests.benchmarks.figures import percentile

PAGE = 50
_SECONDS = 3.0
_TIMES = (20, 100)


class Read(NamedTuple):
    """A question.

    :param flat: it must cost the same however many servers there are.
    :param servers: that the answer has; None is not looked at.
    """

    name: str
    path: str
    flat: bool
    servers: int | None = PAGE


class Shown(NamedTuple):
    """How long a question took: median and 95th percentile in ms; and the CPU time that it cost, in ms."""

    median: float
    p95: float
    cost: float


def questions(middle: str, by_name: str, host: str, recent: str) -> list[Read]:
    """What is asked.

    :param middle: a server in the middle of the project's list and of all projects', by time of creation.
    :param by_name: the same, by name.
    :param host: with servers on it.
    :param recent: a time since which a few servers have changed.
    """
    detail, every = f"/servers/detail?limit={PAGE}", f"/servers/detail?all_tenants=1&limit={PAGE}"
    return [
        Read("list, first page", detail, True),
        Read("list, page in the middle", f"{detail}&marker={middle}", True),
        Read("short list, first page", f"/servers?limit={PAGE}", True),
        Read("short list, page in the middle", f"/servers?limit={PAGE}&marker={middle}", True),
        Read("all projects, first page", every, True),
        Read("all projects, page in the middle", f"{every}&marker={middle}", True),
        Read("status=ACTIVE", f"{detail}&status=ACTIVE", True),
        Read("status=ACTIVE, in the middle", f"{detail}&status=ACTIVE&marker={middle}", True),
        Read("status=ERROR, the oldest", f"{detail}&status=ERROR", True),
        Read("all projects, status=ERROR, the oldest", f"{every}&status=ERROR", True),
        Read("all projects, of a host", f"{every}&host={host}", True, None),
        Read("changes-since", f"{detail}&changes-since={recent}", True, None),
        Read("by created_at, ascending", f"{detail}&sort_key=created_at&sort_dir=asc", True),
        Read("by display_name", f"{detail}&sort_key=display_name&sort_dir=asc", True),
        Read("by display_name, in the middle", f"{detail}&sort_key=display_name&sort_dir=asc&marker={by_name}", True),
        Read("by updated_at (no index)", f"{detail}&sort_key=updated_at&sort_dir=desc", False),
        Read("name of one (regular expression)", f"{detail}&name=%5Evm-0000000$", False, None),
        Read("name of a fifth (regular expression)", f"{detail}&name=%5B37%5D$", True),
        Read("show", f"/servers/{middle}", True, None),
        Read("actions of a server", f"/servers/{middle}/os-instance-actions", True, None),
        Read("limits", "/limits", False, None),
    ]


def measure(client: Client, read: Read, spent: Callable[[], float]) -> Shown:
    """Ask for a few seconds.

    :param spent: gives the seconds of CPU time that were spent on answers so far.
    :raises Refused: an answer is not what it should be.
    """
    first = json.loads(_ask(client, read))
    if read.servers is not None and len(first["servers"]) != read.servers:
        raise Refused(f"{read.path}: {len(first['servers'])} servers, not {read.servers}")
    taken: list[float] = []
    before = spent()
    end = time.monotonic() + _SECONDS
    while len(taken) < _TIMES[0] or (time.monotonic() < end and len(taken) < _TIMES[1]):
        began = time.monotonic()
        _ask(client, read)
        taken.append((time.monotonic() - began) * 1000)
    cost = (spent() - before) * 1000 / len(taken)
    return Shown(percentile(taken, 50), percentile(taken, 95), cost)


def _ask(client: Client, read: Read) -> bytes:
    status, answer = client.raw("GET", read.path)
    if status != 200:
        raise Refused(f"GET {read.path}: {status} {answer[:300]!r}")
    return answer
