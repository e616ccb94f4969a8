"""Servers as they usually are: a flavor, an image, an interface with addresses, some metadata."""

import datetime
from typing import Any

from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.objects.network import FixedIp, RequestedNetwork, Subnet, Vif
from novalike.objects.server import Server, ServerSpec
from tests.fakes import records

SPECS = {"hw:cpu_policy": "shared"}
FLAVOR = Flavor(flavor_id="1", name="m1.tiny", memory_mb=512, vcpus=1, root_gb=1, extra_specs=SPECS)
IMAGE = Image(id="3057cd15-8181-4d1b-9d34-f6265025a2b9", name="cirros", disk_format="qcow2", container_format="bare")
_MADE = datetime.datetime(2026, 11, 21, 12, 0, 0, 123456)


def uuid_of(number: int) -> str:
    """A server's uuid."""
    return f"{number:08x}-8181-4d1b-9d34-f6265025a2b9"


def fields(number: int) -> dict[str, Any]:
    """What is not as in ``tests.fakes.records``."""
    return {
        "uuid": uuid_of(number), "id": number, "name": f"vm-{number}", "hostname": f"vm-{number}",
        "created_at": _MADE, "updated_at": _MADE, "launched_at": _MADE, "vm_state": "active", "task_state": None,
        "power_state": 1, "host": f"host-{number % 10}", "node": f"host-{number % 10}", "image_ref": IMAGE.id,
        "key_name": "key", "flavor": FLAVOR, "metadata": {"role": "web", "number": str(number)},
        "system_metadata": {"image_min_ram": "0", "image_min_disk": "1", "image_disk_format": "qcow2"},
        "vifs": (_vif(number),), "security_groups": ("default",),
    }  # fmt: skip


def _vif(number: int) -> Vif:
    return Vif(
        port_id=f"{number:08x}-4a34-4f9a-8a3c-2a52f6f2a3d1",
        network_id="7a1e3a0c-4a34-4f9a-8a3c-2a52f6f2a3d1",
        network_name="private",
        mac=f"fa:16:3e:00:{number // 256 % 256:02x}:{number % 256:02x}",
        vif_type="ovs",
        active=True,
        mtu=1442,
        bridge="br-int",
        devname=f"tap{number:08x}",
        created_here=True,
        fixed_ips=(FixedIp(address=f"10.1.{number // 256}.{number % 256}", version=4, floating_ips=("172.24.4.9",)),),
        subnets=(Subnet(id="5b", cidr="10.1.0.0/20", gateway_ip="10.1.0.1", dns_nameservers=("9.9.9.9",)),),
    )


def server(number: int) -> Server:
    """A server."""
    return records.server(**fields(number))


def page(count: int) -> tuple[Server, ...]:
    """So many servers."""
    return tuple(server(number) for number in range(count))


def spec() -> ServerSpec:
    """What a host is told of a server."""
    return ServerSpec(
        server=server(1), image=IMAGE, networks=(RequestedNetwork(network_id="7a"),), user_data="IyEvYmluL3NoCg==",
        security_groups=("default",),
    )  # fmt: skip
