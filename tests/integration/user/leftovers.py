"""What there is of a server outside of novalike's own records: nothing, once it is deleted."""

from pathlib import Path
from typing import Any

from tests.integration.user.compute_api import ComputeApi
from tests.integration.user.stack import Host, Stack


def traces(stack: Stack, admin: ComputeApi, server_id: str, ports: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything that is there because of a server, by kind. ``ports`` are (or were) its ports in Neutron."""
    found: dict[str, Any] = {
        "neutron ports": [port["id"] for port in admin.ports(device_id=server_id)],
        "placement": admin.allocations(server_id),
    }
    for host in stack.hosts:
        found |= {f"{kind} on {host.name}": there for kind, there in on_host(stack, host, server_id, ports).items()}
    return {kind: there for kind, there in found.items() if there}


def on_host(stack: Stack, host: Host, server_id: str, ports: list[dict[str, Any]]) -> dict[str, list[str]]:
    """What a host has because of a server, by kind."""
    taps = {f"tap{port['id'][:11]}" for port in ports}
    instances = Path(stack.data) / "novalike" / "instances"
    return {
        "domains": [uuid for uuid in host.run("virsh", "-q", "list", "--all", "--uuid").split() if uuid == server_id],
        "disks": [name for name in host.run("ls", str(instances)).split() if name.startswith(server_id)],
        "taps": sorted(taps.intersection(host.run("ls", "/sys/class/net").split())),
        "switch ports": sorted(taps.intersection(host.run("ovs-vsctl", "list-ports", "br-int").split())),
    }
