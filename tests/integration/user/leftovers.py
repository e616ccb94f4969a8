"""What there is of a server outside of novalike's own records: nothing, once it is deleted."""

import subprocess
from pathlib import Path
from typing import Any

from tests.integration.user.compute_api import ComputeApi
from tests.integration.user.stack import Stack


def traces(stack: Stack, admin: ComputeApi, server_id: str, ports: list[dict[str, Any]]) -> dict[str, Any]:
    """Everything that is there because of a server, by kind. ``ports`` are (or were) its ports in Neutron."""
    found: dict[str, Any] = {
        "neutron ports": [port["id"] for port in admin.ports(device_id=server_id)],
        "placement": admin.allocations(server_id),
    }
    if stack.real:
        found |= {
            "domains": [uuid for uuid in run("virsh", "-q", "list", "--all", "--uuid").split() if uuid == server_id],
            "disks": list(map(str, (Path(stack.data) / "novalike" / "instances").glob(f"{server_id}*"))),
            "taps": [port["id"] for port in ports if Path(f"/sys/class/net/tap{port['id'][:11]}").exists()],
            "switch ports": [port["id"] for port in ports if f"tap{port['id'][:11]}" in switch_ports(stack)],
        }
    return {kind: there for kind, there in found.items() if there}


def switch_ports(stack: Stack) -> list[str]:
    """The ports of the integration bridge."""
    socket = Path(stack.data).parent / "run" / "ovs" / "db.sock"
    return run("ovs-vsctl", f"--db=unix:{socket}", "list-ports", "br-int").split()


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout
