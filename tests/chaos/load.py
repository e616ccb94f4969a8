"""Clients that create, reboot, stop, start, move and delete servers, and one that only reads."""

import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from keystoneauth1 import exceptions as keystone_errors

from tests.chaos.api import Api, Exchange
from tests.chaos.memory import Asked, Memory

LOG = logging.getLogger(__name__)

# Servers that a client has at a time.
_MANY = 5
# Servers that it looks at, at most, to find one that something can be done to.
_TRIES = 3
# What a client does with a server, by the server's status: action → weight.
_CHOICES = {
    "ACTIVE": {"reboot soft": 20, "reboot hard": 15, "stop": 35, "delete": 15, "resize": 15, "migrate": 10},
    "SHUTOFF": {"start": 60, "reboot hard": 15, "delete": 15, "resize": 10, "migrate": 5},
    "ERROR": {"delete": 80, "reboot hard": 20},
    "BUILD": {"look": 85, "delete": 15},
    "REBOOT": {"look": 80, "reboot hard": 12, "delete": 8},
    "HARD_REBOOT": {"look": 92, "delete": 8},
    "RESIZE": {"look": 92, "delete": 8},
    "VERIFY_RESIZE": {"look": 10, "confirm": 45, "revert": 30, "delete": 15},
    "REVERT_RESIZE": {"look": 92, "delete": 8},
}
# What is left out where servers can't be moved.
_MOVES = ("resize", "migrate")
_BODIES = {
    "start": {"os-start": None},
    "stop": {"os-stop": None},
    "reboot soft": {"reboot": {"type": "SOFT"}},
    "reboot hard": {"reboot": {"type": "HARD"}},
    "migrate": {"migrate": None},
    "confirm": {"confirmResize": None},
    "revert": {"revertResize": None},
}
_READS = (
    ("list", "/servers?limit=50"),
    ("list details", "/servers/detail?limit=20"),
    ("flavors", "/flavors/detail"),
    ("limits", "/limits"),
)


class Client:
    """One user at work. Nobody else touches its servers.

    :param pace: seconds between the beginnings of two steps.
    :param many: servers that it has at a time.
    :param admin: does what only administrators may.
    :param body: what servers are made of, but their names.
    :param flavors: name of a flavor → id of the one to which a server of it is resized; none where none are moved.
    :param may_go_on: asked before each step.
    """

    def __init__(
        self,
        name: str,
        seed: str,
        api: Api,
        admin: Api,
        body: dict[str, object],
        flavors: Mapping[str, str],
        pace: float,
        may_go_on: Callable[[], bool],
        many: int = _MANY,
    ) -> None:
        self._name = name
        self._random = random.Random(seed)
        self._api = api
        self._admin = admin
        self._body = body
        self._flavors = flavors
        self._pace = pace
        self._may_go_on = may_go_on
        self._many = many
        self.memories: list[Memory] = []
        self._own: list[Memory] = []
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def _run(self) -> None:
        due = time.monotonic() + self._random.uniform(0, self._pace)
        while self._may_go_on():
            time.sleep(max(0.0, min(1.0, due - time.monotonic())))
            if time.monotonic() < due:
                continue
            # Who was held up makes up for it, but not for minutes.
            due = max(due + self._pace, time.monotonic() - 10 * self._pace)
            try:
                self.step()
            except keystone_errors.ClientException as error:
                LOG.warning("%s has no token: %s", self._name, error)

    def step(self) -> None:
        """Do one thing."""
        missing = self._many - len(self._own)
        if missing > 0 and self._random.random() < missing / self._many + 0.1:
            self._create()
            return
        # One that is busy is mostly left alone: then another one.
        for server in self._random.sample(self._own, min(_TRIES, len(self._own))):
            if server.uuid is None and not self._find(server):
                continue
            shown = self._api.get("show", f"/servers/{server.uuid}")
            if shown.status == 404:
                self._own.remove(server)
            elif shown.status == 200 and self._act(server, shown.body["server"]):
                return

    def _create(self) -> None:
        server = Memory(f"{self._name}-{len(self.memories)}")
        self.memories.append(server)
        body = {"server": {"name": server.name, **self._body}}
        answer = self._ask(server, "create", lambda: self._api.post("create", "/servers", body))
        if answer.status == 202:
            server.uuid = answer.body["server"]["id"]
        if server.asked[-1].accepted or server.asked[-1].uncertain:
            self._own.append(server)

    def _find(self, server: Memory) -> bool:
        """Look for a server by its name; one that isn't there is given up after some time."""
        found = self._api.get("find", f"/servers?name=^{server.name}$")
        if found.status != 200:
            return False
        if found.body["servers"]:
            server.uuid = found.body["servers"][0]["id"]
        elif self._random.random() < 0.3:
            self._own.remove(server)
        return server.uuid is not None

    def _act(self, server: Memory, shown: dict[str, Any]) -> bool:
        """Ask for something that its state allows. False when it was only looked at."""
        status = str(shown["status"])
        busy = shown.get("OS-EXT-STS:task_state") is not None
        choices = _CHOICES.get("BUILD" if busy and status in ("ACTIVE", "SHUTOFF", "ERROR") else status, {"look": 1})
        if not self._flavors:
            choices = {action: weight for action, weight in choices.items() if action not in _MOVES}
        action = self._random.choices(list(choices), list(choices.values()))[0]
        if action == "look":
            self._api.get(*self._random.choice(_READS))
            return False
        if action == "delete":
            self._ask(server, action, lambda: self._api.delete(action, f"/servers/{server.uuid}"))
            if server.asked[-1].accepted:
                self._own.remove(server)
        else:
            new = self._flavors.get(shown["flavor"]["original_name"])
            body = {"resize": {"flavorRef": new}} if action == "resize" else _BODIES[action]
            api = self._admin if action == "migrate" else self._api
            self._ask(server, action, lambda: api.post(action, f"/servers/{server.uuid}/action", body))
        return True

    @staticmethod
    def _ask(server: Memory, action: str, send: Callable[[], Exchange]) -> Exchange:
        answer = send()
        server.asked.append(Asked(action, answer.status, answer.request_id, heard=answer.why != "refused"))
        return answer


class Reader:
    """Reads at a steady pace, so that it is seen when reads are not answered."""

    def __init__(self, api: Api, pace: float, may_go_on: Callable[[], bool]) -> None:
        self._api = api
        self._pace = pace
        self._may_go_on = may_go_on
        self.thread = threading.Thread(target=self._run, name="reader", daemon=True)

    def _run(self) -> None:
        turn = 0
        while self._may_go_on():
            due = time.monotonic() + self._pace
            try:
                self._api.get(*_READS[turn % len(_READS)])
            except keystone_errors.ClientException as error:
                LOG.warning("the reader has no token: %s", error)
            turn += 1
            time.sleep(max(0.0, due - time.monotonic()))
