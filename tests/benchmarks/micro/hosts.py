"""Ten thousand hosts, and what Placement says of them: a cloud that is neither empty nor all alike."""

import functools
import random
import uuid
from typing import Any

import msgspec

from novalike.clients.placement import _decode_candidates
from novalike.clients.placement_types import Candidates
from novalike.objects.host import AggregateFacts, HostState, HostStates

COUNT = 10_000
TRAITS = (
    "COMPUTE_NODE", "COMPUTE_ACCELERATORS", "COMPUTE_NET_ATTACH_INTERFACE", "COMPUTE_VOLUME_ATTACH", "HW_CPU_X86_VMX",
    "COMPUTE_TRUSTED_CERTS", "COMPUTE_RESCUE_BFV", "COMPUTE_IMAGE_TYPE_QCOW2", "COMPUTE_IMAGE_TYPE_RAW",
)  # fmt: skip
CPU_INFO = {
    "arch": "x86_64", "model": "Nehalem", "vendor": "Intel", "features": ["pge", "clflush"],
    "topology": {"cores": 16, "threads": 2, "sockets": 2},
}  # fmt: skip
SPAN = (64 * 4, 262144 - 512, 4000)
"""vCPUs, MiB, GiB that Placement gives of each host."""

_ZONES = [
    AggregateFacts(id=n, uuid=str(uuid.UUID(int=n)), name=f"zone{n}", metadata={"availability_zone": f"zone{n}"})
    for n in (1, 2, 3)
]
_FAST = AggregateFacts(id=4, uuid=str(uuid.UUID(int=4)), name="fast", metadata={"ssd": "true"})
_CHEAP = AggregateFacts(
    id=5, uuid=str(uuid.UUID(int=5)), name="cheap", metadata={"ssd": "false", "ram_weight_multiplier": "0.5"}
)


def node_uuid(number: int) -> str:
    """The uuid of a node."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"node-{number}"))


@functools.cache
def used(number: int) -> tuple[int, int, int]:
    """vCPUs, MiB, GiB that are used on a host: the same ones in each run."""
    servers = random.Random(number).randrange(60)
    return servers * 2, servers * 4096, servers * 40


def state(number: int, **facts: Any) -> HostState:
    """A host: one in twenty is silent, a third is in each zone, a tenth has SSDs."""
    vcpus, memory, disk = used(number)
    values: dict[str, Any] = {
        "uuid": node_uuid(number),
        "host": f"host-{number:05}",
        "hypervisor_hostname": f"host-{number:05}",
        "endpoint": f"host-{number:05}",
        "cell": "cell1",
        "hypervisor_type": "QEMU",
        "hypervisor_version": 8002002,
        "supported_instances": (("x86_64", "kvm", "hvm"), ("x86_64", "qemu", "hvm"), ("i686", "kvm", "hvm")),
        "up": number % 20 != 7,
        "vcpus_total": 64,
        "vcpus_used": vcpus,
        "memory_mb_total": 262144,
        "free_memory_mb": SPAN[1] - memory,
        "free_disk_gb": SPAN[2] - disk,
        "total_disk_gb": SPAN[2],
        "num_instances": vcpus // 2,
        "num_io_ops": number % 3,
        "traits": TRAITS,
        "stats": {"io_workload": number % 3},
        "aggregates": (_ZONES[number % 3], *((_FAST,) if number % 10 == 4 else (_CHEAP,) if number % 10 == 5 else ())),
        "zone": f"zone{number % 3 + 1}",
        "host_ip": f"10.{number // 65536}.{number // 256 % 256}.{number % 256}",
        "cpu_info": CPU_INFO,
    }
    return HostState(**(values | facts))


@functools.cache
def states(count: int = COUNT) -> tuple[HostState, ...]:
    """All hosts."""
    return tuple(state(number) for number in range(count))


@functools.cache
def inventory(count: int = COUNT) -> HostStates:
    """All hosts, as they come over the bus."""
    encoded = msgspec.json.encode(HostStates(version="1", hosts=states(count)))
    return msgspec.json.decode(encoded, type=HostStates)


@functools.cache
def answer(count: int = COUNT) -> bytes:
    """What Placement answers when it is asked for 2 vCPUs, 4 GiB of memory and 40 GiB of disk."""
    amounts = {"VCPU": 2, "MEMORY_MB": 4096, "DISK_GB": 40}
    requests, summaries = [], {}
    for number in range(count):
        provider = node_uuid(number)
        resources = {
            name: {"capacity": capacity, "used": taken}
            for name, capacity, taken in zip(amounts, SPAN, used(number), strict=True)
        }
        requests.append({"allocations": {provider: {"resources": amounts}}, "mappings": {"": [provider]}})
        summaries[provider] = {
            "resources": resources,
            "traits": TRAITS,
            "parent_provider_uuid": None,
            "root_provider_uuid": provider,
        }
    return msgspec.json.encode({"allocation_requests": requests, "provider_summaries": summaries})


def candidates(count: int = COUNT) -> Candidates:
    """The answer, decoded: a new one each time, which nobody has looked at yet."""
    return _decode_candidates(answer(count))
