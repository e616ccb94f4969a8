"""How hypervisors look in answers, by microversion."""

from typing import Any

import msgspec

from novalike.api.request import ApiRequest
from novalike.objects.host import ComputeNode

_SUMS = (
    "count", "current_workload", "disk_available_least", "free_disk_gb", "free_ram_mb", "local_gb", "local_gb_used",
    "memory_mb", "memory_mb_used", "running_vms", "vcpus", "vcpus_used",
)  # fmt: skip


def short(req: ApiRequest, node: ComputeNode) -> dict[str, Any]:
    """An entry of the short list."""
    shown: dict[str, Any] = {
        "id": node.uuid if req.since("2.53") else node.id,
        "hypervisor_hostname": node.hypervisor_hostname,
        "state": "up" if node.service_up else "down",
        "status": "disabled" if node.service_disabled else "enabled",
    }
    if node.servers or (node.servers is not None and req.since("2.75")):
        shown["servers"] = [{"name": name, "uuid": uuid} for name, uuid in node.servers or ()]
    return shown


def full(req: ApiRequest, node: ComputeNode) -> dict[str, Any]:
    """A hypervisor in full."""
    shown = short(req, node)
    shown.update(
        hypervisor_type=node.hypervisor_type,
        hypervisor_version=node.hypervisor_version,
        host_ip=node.host_ip,
        service={
            "id": node.service_uuid if req.since("2.53") else node.service_id,
            "host": node.host,
            "disabled_reason": node.service_disabled_reason,
        },
    )
    if req.since("2.88"):
        shown["uptime"] = node.uptime
        return shown
    shown.update(_amounts(node))
    info = node.cpu_info
    shown["cpu_info"] = info if req.since("2.28") else msgspec.json.encode(info).decode()
    return shown


def _amounts(node: ComputeNode) -> dict[str, Any]:
    return {
        "vcpus": node.vcpus,
        "memory_mb": node.memory_mb,
        "local_gb": node.local_gb,
        "vcpus_used": node.vcpus_used,
        "memory_mb_used": node.memory_mb_used,
        "local_gb_used": node.local_gb_used,
        "free_ram_mb": node.memory_mb - node.memory_mb_used,
        "free_disk_gb": node.local_gb - node.local_gb_used,
        "current_workload": node.current_workload,
        "running_vms": node.running_vms,
        "disk_available_least": node.disk_available_least,
    }


def statistics(nodes: tuple[ComputeNode, ...]) -> dict[str, int]:
    """All hypervisors that take servers, summed up."""
    amounts = [{"count": 1, **_amounts(node)} for node in nodes if not node.service_disabled]
    return {name: sum(each[name] or 0 for each in amounts) for name in _SUMS}
