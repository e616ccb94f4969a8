"""Every daemon is restarted, one after the other, while four users work: none of them notices.

Nothing is refused or answered with an error, every server becomes what was asked for, and nothing is left.
"""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from keystoneauth1 import exceptions

from novalike.service import health
from tests.integration.user.compute_api import ComputeApi
from tests.integration.user.leftovers import traces
from tests.integration.user.stack import Stack
from tests.integration.user.waiting import wait_for

pytestmark = pytest.mark.fake

USERS = 4
SERVERS_EACH = 2
# For a server to become what was asked for, while its host or the conductor is restarted.
PATIENCE = 60.0


class User(threading.Thread):
    """Creates servers, lists them, reboots and deletes them, again and again, over one connection that is kept."""

    def __init__(self, stack: Stack, name: str) -> None:
        super().__init__(name=name)
        self._api = ComputeApi(stack, "demo")
        self._enough = threading.Event()
        self.troubles: list[str] = []
        self.made: list[str] = []
        self.asked = 0
        # Seconds: of a request, and until a server was what was asked for.
        self.slowest_answer = self.slowest_change = 0.0

    def run(self) -> None:
        """Until told that it is enough; then the last servers are deleted."""
        try:
            while not self._enough.is_set():
                self._one_round()
        except Exception as error:
            self.troubles.append(f"gave up: {type(error).__name__}: {error}")

    def stop(self) -> None:
        """It is enough."""
        self._enough.set()

    def _one_round(self) -> None:
        mine = []
        for number in range(SERVERS_EACH):
            answer = self._ask("POST", "/servers", 202, self._api.server_body(f"{self.name}-{number}"))
            if answer is not None:
                mine.append(answer["server"]["id"])
        self.made += mine
        for server_id in mine:
            self._wait(server_id, "ACTIVE")
        self._ask("GET", "/servers/detail", 200)
        for server_id in mine:
            self._ask("POST", f"/servers/{server_id}/action", 202, {"reboot": {"type": "HARD"}})
        for server_id in mine:
            self._wait(server_id, "ACTIVE")
        for server_id in mine:
            self._ask("DELETE", f"/servers/{server_id}", 204)
        for server_id in mine:
            self._wait(server_id, None)

    def _ask(self, method: str, path: str, expected: int, body: Any = None) -> Any:
        began = time.monotonic()
        self.asked += 1
        try:
            answer = self._api.ask(method, path, body)
        except exceptions.ClientException as error:
            self.troubles.append(f"{method} {path}: {type(error).__name__}: {error}")
            return None
        took = time.monotonic() - began
        self.slowest_answer = max(self.slowest_answer, took)
        if answer.status_code != expected:
            self.troubles.append(f"{method} {path}: {answer.status_code} after {took:.1f} s: {answer.text[:300]}")
            return None
        return answer.json() if answer.content else {}

    def _wait(self, server_id: str, wanted: str | None) -> None:
        """Until a server has a status and nothing is done to it; None is until it is gone."""
        began = time.monotonic()
        found: Any = None
        while time.monotonic() < began + PATIENCE:
            self.slowest_change = max(self.slowest_change, time.monotonic() - began)
            self.asked += 1
            try:
                answer = self._api.ask("GET", f"/servers/{server_id}")
            except exceptions.ClientException as error:
                self.troubles.append(f"GET of {server_id}: {type(error).__name__}: {error}")
                continue
            if answer.status_code == 404 and wanted is None:
                return
            if answer.status_code != 200:
                self.troubles.append(f"GET of {server_id}: {answer.status_code}: {answer.text[:300]}")
            else:
                server = answer.json()["server"]
                found = server["status"], server["OS-EXT-STS:task_state"], server.get("fault")
                if found[0] == wanted and found[1] is None:
                    return
                if found[0] == "ERROR":
                    break
            time.sleep(0.2)
        self.troubles.append(f"{server_id} is {found} instead of {wanted or 'gone'}")


# As for an upgrade: those that others ask come first.
ORDER = ("novalike-conductor", "novalike-scheduler", "novalike-compute", "novalike-api-metadata:", "novalike-api:")


def daemons(stack: Stack) -> list[str]:
    """The processes of novalike, as supervisorctl calls them, in the order in which to restart them."""
    names = [line.split()[0] for line in stack.control("status").splitlines()]
    return [name for kind in ORDER for name in names if name.startswith(kind)]


def restart(stack: Stack, name: str) -> float:
    """End a process properly; supervisord starts it again. Gives the seconds until its successor serves."""
    began = time.monotonic()
    old = int(stack.control("pid", name))
    os.kill(old, signal.SIGTERM)

    def successor() -> int | None:
        pid = stack.control("pid", name).strip()
        return int(pid) if pid.isdigit() and int(pid) not in (0, old) else None

    pid = wait_for(successor, f"{name} is started again", 30, pause=0.1)
    wait_for(lambda: serves(stack, pid), f"{name} serves", 60, pause=0.2)
    return time.monotonic() - began


def serves(stack: Stack, pid: int) -> bool:
    for path in (Path(stack.data) / "novalike" / "health").glob(f"novalike-*.{pid}.sock"):
        told = health.ask(path)
        if told is not None and told["state"] == "serving":
            return True
    return False


def all_up(admin_api: ComputeApi) -> bool:
    services = admin_api.compute.get("/os-services").json()["services"]
    return all(service["state"] == "up" for service in services)


def test_nobody_notices_that_all_daemons_are_restarted(stack: Stack, admin_api: ComputeApi) -> None:
    names = daemons(stack)
    if not names:
        pytest.skip("this stack's daemons are not supervisord's")
    for kind in ORDER:
        assert [name for name in names if name.startswith(kind)], names
    wait_for(lambda: all_up(admin_api), "all services are up", 60)
    users = [User(stack, f"rolling-{number}") for number in range(1, USERS + 1)]
    for user in users:
        user.start()
    try:
        wait_for(lambda: all(user.asked > 5 for user in users), "everybody works", 30)
        for name in names:
            print(f"{name}: {restart(stack, name):.1f} s")
    finally:
        for user in users:
            user.stop()
        for user in users:
            user.join(3 * PATIENCE)
    print(f"{sum(user.asked for user in users)} requests, {sum(len(user.made) for user in users)} servers")
    print(f"slowest answer {max(user.slowest_answer for user in users):.1f} s, ", end="")
    print(f"slowest change {max(user.slowest_change for user in users):.1f} s")
    assert [trouble for user in users for trouble in user.troubles] == []
    assert all(user.made for user in users)
    for server_id in (server_id for user in users for server_id in user.made):
        wait_for(lambda gone=server_id: not traces(stack, admin_api, gone, []), f"nothing is left of {server_id}", 30)
