"""A compute node as a resource provider: which inventory and which traits it ought to have. No I/O."""

from typing import Any

from novalike.objects.host import NodeReport

DISABLED_TRAIT = "COMPUTE_STATUS_DISABLED"
CUSTOM_PREFIX = "CUSTOM_"
MANAGED_CLASSES = ("VCPU", "MEMORY_MB", "DISK_GB")
MANAGED_TRAITS = ("COMPUTE_", "HW_")
"""Traits with these prefixes are what the hypervisor's driver says; all others are the operator's."""


def wanted_inventories(report: NodeReport, existing: dict[str, Any]) -> dict[str, Any]:
    """The provider's inventories: ours from the report, and whatever else is there already."""
    wanted = {name: inventory for name, inventory in existing.items() if name not in MANAGED_CLASSES}
    amounts = {
        "VCPU": (report.vcpus, report.reserved_host_cpus, report.cpu_allocation_ratio),
        "MEMORY_MB": (report.memory_mb, report.reserved_host_memory_mb, report.ram_allocation_ratio),
        "DISK_GB": (report.local_gb, -(-report.reserved_host_disk_mb // 1024), report.disk_allocation_ratio),
    }
    for name, (total, reserved, ratio) in amounts.items():
        if total > 0:
            wanted[name] = {
                "total": total,
                "reserved": min(reserved, total),
                "min_unit": 1,
                "max_unit": total,
                "step_size": 1,
                "allocation_ratio": ratio,
            }
    return wanted


def wanted_traits(report: NodeReport, existing: frozenset[str], disabled: bool | None) -> frozenset[str]:
    """The provider's traits.

    :param disabled: whether the host takes no new servers; None leaves that as it is.
    """
    if disabled is None:
        disabled = DISABLED_TRAIT in existing
    kept = {trait for trait in existing if not trait.startswith(MANAGED_TRAITS)}
    wanted = kept | set(report.traits)
    return frozenset(wanted | {DISABLED_TRAIT} if disabled else wanted - {DISABLED_TRAIT})


def fingerprint(report: NodeReport, disabled: bool | None) -> tuple[Any, ...]:
    """All that Placement is told of a node: when it is the same as last time, nothing need be told."""
    return (
        report.hypervisor_hostname, frozenset(report.traits), disabled,
        report.vcpus, report.reserved_host_cpus, report.cpu_allocation_ratio,
        report.memory_mb, report.reserved_host_memory_mb, report.ram_allocation_ratio,
        report.local_gb, report.reserved_host_disk_mb, report.disk_allocation_ratio,
    )  # fmt: skip
