"""Four users send what is meant to keep the control plane busy, all at once: everybody else is served as always.

The attacks are those of ``tests/attacks.py``: regular expressions for every filter, many parameters, many tags, bodies
that are nested or large. While each goes on, an administrator reads, and no read takes half a second.
"""

import itertools
from collections.abc import Callable, Iterator

import pytest

from tests import attacks
from tests.integration.user.compute_api import ComputeApi
from tests.integration.user.stack import Stack

ATTACKERS, ROUNDS = 4, 3
# Seconds.
SLOWEST_READ = 0.5
# Whatever is exponential shows by a name of this length.
NAME = "a" * 60
ALL = [*((a, "demo") for a in attacks.FILTERS + attacks.REQUESTS), *((a, "admin") for a in attacks.ADMINISTRATORS)]


def asking(api: ComputeApi) -> attacks.Ask:
    """Sends requests as they are, over a session of its own."""

    def ask(method: str, path: str, body: bytes | None, version: str) -> int:
        more = {} if body is None else {"data": body, "headers": {"Content-Type": "application/json"}}
        return api.compute.request(path, method, microversion=version, **more).status_code

    return ask


@pytest.fixture(scope="module")
def attackers(stack: Stack) -> dict[str, list[attacks.Ask]]:
    """By user: several who have their tokens and connections already."""
    found: dict[str, list[attacks.Ask]] = {}
    for user in ("demo", "admin"):
        found[user] = [asking(ComputeApi(stack, user)) for _ in range(ATTACKERS)]
        for ask in found[user]:
            assert ask("GET", "/servers?limit=1", None, attacks.LATEST) == 200
    return found


@pytest.fixture(scope="module")
def target(stack: Stack, demo_api: ComputeApi) -> Iterator[str]:
    """Servers that expressions are matched with: with long names, and addresses. Gives the uuid of one."""
    count = 1 if stack.real else 30
    body = demo_api.server_body(
        NAME, description=NAME, min_count=count, max_count=count, return_reservation_id=True
    )
    made = demo_api.create(body)
    assert made.status_code == 202, made.text
    of_these = {"reservation_id": made.json()["reservation_id"]}
    try:
        servers = [server["id"] for server in demo_api.servers(**of_these)]
        for server_id in servers:
            demo_api.wait_for_status(server_id, "ACTIVE")
        yield servers[0]
    finally:
        demo_api.delete(*[server["id"] for server in demo_api.servers(**of_these)])


@pytest.fixture(scope="module")
def read(admin_api: ComputeApi, target: str) -> Callable[[], int]:
    """What somebody else reads: one thing after the other."""
    paths = itertools.cycle([f"/servers/{target}", "/servers/detail?limit=5", "/flavors/detail", "/servers?limit=20"])

    def ask() -> int:
        return admin_api.compute.get(next(paths)).status_code

    for _ in range(8):
        assert ask() == 200
    return ask


@pytest.mark.parametrize(("attack", "user"), ALL, ids=[attack.name for attack, _ in ALL])
def test_nobody_waits_beside_it(
    attackers: dict[str, list[attacks.Ask]], read: Callable[[], int], attack: attacks.Attack, user: str
) -> None:
    outcome = attacks.attack(attack, attackers[user], read, rounds=ROUNDS)
    if outcome.slowest_read >= SLOWEST_READ:
        # Once more: what an attack does it does again; what the machine did otherwise it does not.
        print(f"{attack.name}: {outcome}; once more")
        outcome = attacks.attack(attack, attackers[user], read, rounds=ROUNDS)
    attacks.check(attack, outcome, SLOWEST_READ)
