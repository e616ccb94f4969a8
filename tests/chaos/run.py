"""One run: load and faults at the same time, then quiet, then the audit."""

import argparse
import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import requests

from tests.chaos import report as reporting
from tests.chaos.api import Api, Exchange, Token
from tests.chaos.audit import KINDS, Difference, audit
from tests.chaos.faults import Havoc, draw
from tests.chaos.gather import Gatherer
from tests.chaos.load import Client, Reader
from tests.chaos.memory import Memory
from tests.chaos.targets import HYPERVISOR, Target

LOG = logging.getLogger("chaos")

# Seconds within which servers must be gone when all have been deleted.
_GONE = 60.0
# The clients aim at more than what is wanted: some requests meet what is away.
_SURPLUS = 1.5
_READ_PACE = 0.5


class Run:
    """One run, from the first request to the report."""

    def __init__(self, target: Target, options: argparse.Namespace) -> None:
        self._target = target
        self._options = options
        self._exchanges: list[Exchange] = []
        self._stopped = False
        # Where there is a hypervisor's daemon guests are processes.
        self._guests_die = any(program.kind == HYPERVISOR for program in target.programs())
        self._admin = Token(target.access("admin"))
        self._gatherer = Gatherer(target, self._admin)
        self._outcomes_before = target.outcomes() or {}
        # What an earlier run left is not this one's.
        self._before = set(audit(self._gatherer.all(actions=False)))
        for difference in self._before:
            LOG.warning("before the run: %s", difference)

    def run(self) -> dict[str, Any]:
        """Do it all. Gives the report."""
        options, began = self._options, time.monotonic()
        self._clients = self._make_clients()
        reader = Reader(
            Api(self._admin, self._admin.url("compute"), self._exchanges.append), _READ_PACE, self._may_go_on
        )
        threads = [reader.thread, *(client.thread for client in self._clients)]
        faults = draw(options.seed, self._target.programs(), guests=self._guests_die)
        havoc = Havoc(self._target, faults, options.faults, options.seconds)
        for thread in threads:
            thread.start()
        try:
            havoc.run()
        finally:
            self._stopped = True
        quiet_from = time.monotonic()
        LOG.info("the last fault has ended, %.0f s after the first request", quiet_from - began)
        for thread in threads:
            thread.join()
        found, quiet_after, looks = self._settle(quiet_from)
        LOG.info("%d differences, %s", len(found), "not quiet" if found else f"quiet after {quiet_after} s")
        servers = self._gatherer.servers().values()
        happened = sorted(havoc.happened, key=lambda each: each.began)
        report = {
            "target": {"name": self._target.name, **self._target.summary()},
            "seed": options.seed,
            "seconds": options.seconds,
            "clients": options.clients,
            "faults": reporting.faults(happened),
            "operations": reporting.operations(self._memories()) | {"outcomes": self._outcomes()},
            "requests": reporting.requests(self._exchanges),
            "reads": reporting.reads(self._exchanges, happened),
            "latencies_ms": reporting.latencies(self._exchanges),
            "errors": reporting.errors(self._exchanges, happened),
            "seconds_to_quiet": quiet_after,
            "settling": looks,
            "servers_at_the_end": Counter(server.status for server in servers),
            "why_error": Counter(str(server.fault) for server in servers if server.status == "ERROR"),
            "audit": reporting.differences(found),
            "audit_after_deleting": reporting.differences(self._delete_all()),
            "history": [reporting.brief_fault(each, began) for each in happened],
        }
        report["failures"] = reporting.verdict(report, least_faults=options.faults, least_operations=options.operations)
        return report

    def _make_clients(self) -> list[Client]:
        options = self._options
        token = Token(self._target.access("demo"))
        url = token.url("compute")
        pace = options.pace or options.seconds * options.clients / (options.operations * _SURPLUS)
        body, flavors = self._body(token), self._flavors(token)
        return [
            Client(
                f"chaos-{options.seed}-{number}",
                f"{options.seed} {number}",
                Api(token, url, self._exchanges.append),
                Api(self._admin, url, self._exchanges.append),
                body,
                flavors,
                pace,
                self._may_go_on,
                options.servers,
            )
            for number in range(options.clients)
        ]

    def _body(self, token: Token) -> dict[str, object]:
        target = self._target
        return {
            "imageRef": _first(token, "image", "/v2/images", "images", target.image),
            "flavorRef": _first(token, "compute", "/flavors", "flavors", target.flavor),
            "networks": [{"uuid": _first(token, "network", "/v2.0/networks", "networks", target.network)}],
        }

    def _flavors(self, token: Token) -> dict[str, str]:
        one, other = self._target.flavor, self._target.other_flavor
        if other is None:
            return {}
        return {
            here: _first(token, "compute", "/flavors", "flavors", there) for here, there in ((one, other), (other, one))
        }

    def _may_go_on(self) -> bool:
        # Bounded in count too: nobody wants a faster API to be given ever more to do.
        return not self._stopped and len(self._exchanges) < 20 * self._options.operations

    def _memories(self) -> list[Memory]:
        return [memory for client in self._clients for memory in client.memories]

    def _audit(self, *, actions: bool, memories: Sequence[Memory]) -> list[Difference]:
        found = audit(self._gatherer.all(actions=actions), memories, guests_die=self._guests_die)
        return [each for each in found if each not in self._before]

    def _settle(self, quiet_from: float) -> tuple[list[Difference], float | None, list[dict[str, float]]]:
        """Look until nothing is wrong, at most ``settle`` seconds after the last fault. Gives what is wrong then, when
        nothing was, and how many differences of each kind each look has found."""
        settle, looks = self._options.settle, []
        while True:
            looked_at = time.monotonic()
            found = self._audit(actions=True, memories=self._memories())
            since = looked_at - quiet_from
            counts = reporting.differences(found)
            looks.append({"seconds": round(since, 1), **{kind: counts[kind] for kind in KINDS}})
            if not found:
                return [], round(since, 1), looks
            if since >= settle:
                return found, None, looks
            # Who is given long is not looked at all the time.
            time.sleep(max(0.0, min(max(3.0, since / 20), quiet_from + settle - time.monotonic())))

    def _outcomes(self) -> dict[str, dict[str, int]] | None:
        now = self._target.outcomes()
        if now is None:
            return None
        return {
            action: {how: count - self._outcomes_before.get(action, {}).get(how, 0) for how, count in row.items()}
            for action, row in now.items()
        }

    def _delete_all(self) -> list[Difference]:
        """Delete what clients have left. Nothing at all may remain of it."""
        names = {memory.name for memory in self._memories()}
        api = Api(self._admin, self._admin.url("compute"), lambda exchange: None)
        give_up = time.monotonic() + _GONE
        while time.monotonic() < give_up:
            left = [each for each in self._gatherer.servers().values() if each.name in names]
            if not left:
                break
            for server in left:
                if server.task_state != "deleting":
                    api.delete("delete", f"/servers/{server.uuid}")
            time.sleep(2.0)
        while True:
            found = self._audit(actions=False, memories=())
            if not found or time.monotonic() > give_up:
                return found
            time.sleep(2.0)


def _first(token: Token, service: str, path: str, key: str, name: str) -> str:
    """The id of the first thing of a name."""
    headers = {"X-Auth-Token": token.value()}
    answer = requests.get(token.url(service) + path, headers=headers, timeout=60)
    answer.raise_for_status()
    return str(next(each["id"] for each in answer.json()[key] if each["name"] == name))
