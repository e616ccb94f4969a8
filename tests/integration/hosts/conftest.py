"""A stack of several hosts, and a server on each of the first two."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.integration.user.compute_api import ComputeApi
from tests.integration.user.conftest import *  # noqa: F403
from tests.integration.user.guests import ssh
from tests.integration.user.stack import Host, Stack, read_stack
from tests.integration.user.waiting import wait_for


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Before any fixture makes something that the test wouldn't use."""
    here = read_stack()
    for item in items:
        if Path(__file__).parent in item.path.parents and (here is None or len(here.hosts) < 2):
            item.add_marker(pytest.mark.skip(reason="wants a stack with HOSTS=2 or more"))


@dataclass(frozen=True)
class Guest:
    """A server of the cloud's administrator.

    :param port: its port, as Neutron showed it when the server had become ACTIVE.
    :param address: its fixed address.
    :param floating_address: where this machine reaches it.
    """

    stack: Stack
    host: Host
    id: str
    name: str
    port: dict[str, Any]
    address: str
    floating_address: str

    def run(self, command: str) -> str:
        """What a command prints in the guest."""
        said = ssh(self.stack, Path(self.stack.key_file), self.floating_address, command)
        assert said.returncode == 0, f"{command}: {said.stdout}{said.stderr}"
        return said.stdout

    def answers(self) -> bool:
        """Whether it can be logged in to."""
        return ssh(self.stack, Path(self.stack.key_file), self.floating_address, "true").returncode == 0


class Network:
    """What the tests make in Neutron: :meth:`remove` removes it."""

    def __init__(self, api: ComputeApi) -> None:
        self._api = api
        self._made: list[str] = []

    def create(self, path: str, kind: str, **body: Any) -> dict[str, Any]:
        """POST a thing of a kind."""
        answer = self._api.network.post(f"/v2.0/{path}", json={kind: body})
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()[kind]
        self._made.append(f"/v2.0/{path}/{made['id']}")
        return made

    def allow(self, group_id: str, **what: Any) -> None:
        """Let something into the servers of a security group."""
        rule = {"security_group_id": group_id, "direction": "ingress", "ethertype": "IPv4"} | what
        self.create("security-group-rules", "security_group_rule", **rule)

    def find(self, path: str, **query: Any) -> dict[str, Any]:
        """The first thing that a query finds."""
        return self._api.network.get(f"/v2.0/{path}", params=query).json()[path.replace("-", "_")][0]

    def remove(self) -> None:
        """The last that was made goes first."""
        for path in reversed(self._made):
            self._api.network.delete(path)


@pytest.fixture(scope="module")
def network(admin_api: ComputeApi) -> Iterator[Network]:
    made = Network(admin_api)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def group(network: Network, new_name: Callable[[str], str]) -> dict[str, Any]:
    """A security group that lets ping, ssh and one other port in."""
    made = network.create("security-groups", "security_group", name=new_name("group"))
    network.allow(made["id"], protocol="icmp")
    for port in (22, 5000):
        network.allow(made["id"], protocol="tcp", port_range_min=port, port_range_max=port)
    return made


@pytest.fixture(scope="module")
def key_name(stack: Stack, admin_api: ComputeApi, new_name: Callable[[str], str]) -> Iterator[str]:
    """The stack's key pair, for the administrator: it belongs to somebody else."""
    key = {"name": new_name("key"), "type": "ssh", "public_key": Path(f"{stack.key_file}.pub").read_text().strip()}
    answer = admin_api.ask("POST", "/os-keypairs", {"keypair": key})
    assert answer.status_code == 201, answer.text
    yield key["name"]
    admin_api.ask("DELETE", f"/os-keypairs/{key['name']}")


@pytest.fixture(scope="module")
def guests(
    stack: Stack, admin_api: ComputeApi, network: Network, group: dict[str, Any], key_name: str,
    new_name: Callable[[str], str],
) -> Iterator[list[Guest]]:  # fmt: skip
    """Two servers, one asked for by the host's name (``--host``), one by availability zone, as users of old do."""
    first, second = stack.hosts[:2]
    made = {}
    for host, where in ((first, {"host": first.name}), (second, {"availability_zone": f"nova:{second.name}"})):
        name = new_name(host.name)
        more = {"key_name": key_name, "security_groups": [{"name": group["id"]}]}
        answer = admin_api.create(admin_api.server_body(name, **where, **more))
        assert answer.status_code == 202, answer.text
        made[host] = (answer.json()["server"]["id"], name)
    try:
        public = network.find("networks", name=stack.public_network)["id"]
        guests = []
        for host, (server_id, name) in made.items():
            admin_api.wait_for_status(server_id, "ACTIVE", seconds=120)
            (port,) = admin_api.ports(device_id=server_id)
            floating = network.create("floatingips", "floatingip", floating_network_id=public, port_id=port["id"])
            fixed = port["fixed_ips"][0]["ip_address"]
            guests.append(Guest(stack, host, server_id, name, port, fixed, floating["floating_ip_address"]))
        yield guests
    finally:
        with contextlib.suppress(AssertionError):
            admin_api.delete(*(server_id for server_id, _ in made.values()))


@pytest.fixture(scope="module")
def open_guests(guests: list[Guest]) -> list[Guest]:
    """The same, once both can be logged in to."""
    for guest in guests:
        wait_for(guest.answers, f"ssh to {guest.name}, {guest.floating_address}", 180, pause=1)
    return guests
