"""What there is: of the API, and of everybody behind it."""

import logging
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.chaos.api import MICROVERSION, Token
from tests.chaos.targets import Disks, Guest, Record, Tap, Target

LOG = logging.getLogger(__name__)

_PAGE = 500
# What migrations are called that are over.
_OVER = frozenset({"confirmed", "reverted", "error", "failed", "completed", "cancelled", "done"})
_RUNNING = 1  # the API's number of that power state
# Classes of resources, and what flavors call them.
_SIZES = {"VCPU": "vcpus", "MEMORY_MB": "ram"}


@dataclass(frozen=True)
class Server:
    """A server as the API tells an administrator.

    :param node: the name that Placement has for its host; the host's own, unless one daemon looks after several.
    :param last_action: the latest of its instance actions, and whether that failed; None when it wasn't asked for, or
        has never ended.
    :param sizes: what its flavor asks for, by class of resource.
    :param has_power: whether its guest is known to run.
    """

    uuid: str
    name: str
    status: str
    task_state: str | None
    host: str | None
    fault: str | None
    node: str | None = None
    last_action: tuple[str, bool] | None = None
    sizes: Mapping[str, int] = field(default_factory=dict, hash=False)
    has_power: bool | None = None

    @property
    def settled(self) -> bool:
        """Nothing is being done to it."""
        return self.status in ("ACTIVE", "SHUTOFF", "VERIFY_RESIZE", "ERROR") and self.task_state is None


@dataclass(frozen=True)
class Migration:
    """A migration that is not over.

    :param source, source_node: where its server was; the node's name is Placement's.
    """

    uuid: str
    server: str
    status: str
    source: str
    source_node: str


@dataclass(frozen=True)
class Port:
    """A port of Neutron that is, or should be, a server's."""

    id: str
    device_id: str
    device_owner: str
    host: str | None


@dataclass(frozen=True)
class Facts:
    """Everything at one moment, as far as many questions have one.

    :param allocations: consumer → names of the providers that it has allocations on → amounts by class of resource.
    :param migrations: those that are not over.
    :param networks: ids of networks, whose own devices look like guests'.
    :param records, disks, taps: None where the target can't tell.
    """

    servers: Mapping[str, Server]
    guests: Sequence[Guest]
    allocations: Mapping[str, Mapping[str, Mapping[str, int]]]
    ports: Sequence[Port]
    networks: Sequence[str] = ()
    records: Sequence[Record] | None = None
    disks: Sequence[Disks] | None = None
    taps: frozenset[Tap] | None = None
    migrations: Sequence[Migration] = ()


class Gatherer:
    """Asks everybody, as an administrator.

    :raises requests.RequestException: somebody doesn't answer, even after some tries.
    """

    def __init__(self, target: Target, token: Token) -> None:
        self._target = target
        self._token = token
        self._urls = {name: token.url(name) for name in ("compute", "placement", "network")}
        self._session = requests.Session()

    def servers(self) -> dict[str, Server]:
        """All servers of all projects."""
        found: dict[str, Server] = {}
        marker = ""
        while True:
            path = f"/servers/detail?all_tenants=1&limit={_PAGE}{marker}"
            page = self._get("compute", path)["servers"]
            found.update((each["id"], _server(each)) for each in page)
            if len(page) < _PAGE:
                return found
            marker = f"&marker={page[-1]['id']}"

    def all(self, *, actions: bool) -> Facts:
        """Everything.

        :param actions: also each server's last action, a question for each.
        """
        servers = self.servers()
        if actions:
            with ThreadPoolExecutor(4) as pool:
                servers = dict(pool.map(self._with_action, servers.values()))
        taps, records = self._target.taps(), self._target.records()
        return Facts(
            servers=servers,
            guests=self._target.guests(),
            allocations=self._allocations(),
            ports=self._ports(),
            networks=[each["id"] for each in self._get("network", "/v2.0/networks?fields=id")["networks"]],
            records=records,
            disks=self._target.disks(),
            taps=None if taps is None else frozenset(taps),
            migrations=self._migrations(),
        )

    def _with_action(self, server: Server) -> tuple[str, Server]:
        actions = self._get("compute", f"/servers/{server.uuid}/os-instance-actions")["instanceActions"]
        if not actions:
            return server.uuid, server
        # The newest is the first.
        last = (actions[0]["action"], bool(actions[0]["message"]))
        if server.status == "ERROR" and not last[1] and not self._has_ended(server, actions[0]["request_id"]):
            return server.uuid, server  # whoever worked on it died, and somebody else gave it up
        return server.uuid, Server(**{**vars(server), "last_action": last})

    def _has_ended(self, server: Server, request_id: str) -> bool:
        path = f"/servers/{server.uuid}/os-instance-actions/{request_id}"
        events = self._get("compute", path)["instanceAction"]["events"]
        return bool(events) and all(event["finish_time"] for event in events)

    def _migrations(self) -> list[Migration]:
        found: list[Migration] = []
        marker = ""
        while True:
            page = self._get("compute", f"/os-migrations?limit={_PAGE}{marker}")["migrations"]
            found += [
                Migration(
                    uuid=each["uuid"],
                    server=each["instance_uuid"],
                    status=each["status"],
                    source=each["source_compute"],
                    source_node=each["source_node"],
                )
                for each in page
                if each["status"] not in _OVER
            ]
            if len(page) < _PAGE:
                return found
            marker = f"&marker={page[-1]['uuid']}"

    def _allocations(self) -> dict[str, dict[str, dict[str, int]]]:
        found: dict[str, dict[str, dict[str, int]]] = {}
        for provider in self._get("placement", "/resource_providers")["resource_providers"]:
            path = f"/resource_providers/{provider['uuid']}/allocations"
            for consumer, has in self._get("placement", path)["allocations"].items():
                found.setdefault(consumer, {})[provider["name"]] = has["resources"]
        return found

    def _ports(self) -> list[Port]:
        fields = "fields=id&fields=device_id&fields=device_owner&fields=binding:host_id"
        ports = [
            Port(each["id"], each["device_id"], each["device_owner"], each.get("binding:host_id") or None)
            for each in self._get("network", f"/v2.0/ports?{fields}")["ports"]
        ]
        # Routers, DHCP and metadata have ports of their own.
        return [each for each in ports if not each.device_owner.startswith(("network:", "neutron:"))]

    def _get(self, service: str, path: str) -> Any:
        for attempt in range(1, 6):
            token = self._token.value()
            headers = {
                "X-Auth-Token": token,
                "OpenStack-API-Version": f"compute {MICROVERSION}" if service == "compute" else "placement 1.36",
            }
            try:
                answer = self._session.get(self._urls[service] + path, headers=headers, timeout=60)
                if answer.status_code == 401:
                    self._token.refused(token)
                answer.raise_for_status()
            except requests.RequestException as error:
                if attempt == 5:
                    raise
                LOG.warning("%s%s: trying again: %s", service, path, error)
                time.sleep(2.0)
                continue
            return answer.json()
        raise AssertionError("unreachable")


def _server(shown: Mapping[str, Any]) -> Server:
    fault = shown.get("fault")
    return Server(
        uuid=shown["id"],
        name=shown["name"],
        status=shown["status"],
        task_state=shown["OS-EXT-STS:task_state"],
        host=shown.get("OS-EXT-SRV-ATTR:host"),
        fault=fault["message"] if fault else None,
        node=shown.get("OS-EXT-SRV-ATTR:hypervisor_hostname"),
        sizes={name: shown["flavor"][size] for name, size in _SIZES.items()},
        has_power=shown["OS-EXT-STS:power_state"] == _RUNNING,
    )
