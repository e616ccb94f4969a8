"""What a node has of CPUs, memory and disk, with what the operator reserves and overcommits."""

from msgspec.structs import replace
from oslo_config import cfg

from novalike.objects.host import NodeReport, ResourceInventory


def complete(conf: cfg.ConfigOpts, report: NodeReport) -> NodeReport:
    """Return a driver's report with what is configured, and with the inventories of CPUs, memory and disk.

    Inventories of these classes that the report has already, and those of others, stay as they are.
    """
    report = replace(
        report,
        cpu_allocation_ratio=conf.cpu_allocation_ratio,
        ram_allocation_ratio=conf.ram_allocation_ratio,
        disk_allocation_ratio=conf.disk_allocation_ratio,
        reserved_host_cpus=conf.reserved_host_cpus,
        reserved_host_memory_mb=conf.reserved_host_memory_mb,
        reserved_host_disk_mb=conf.reserved_host_disk_mb,
    )
    return replace(report, inventories=standard_inventories(report) | report.inventories)


def standard_inventories(report: NodeReport) -> dict[str, ResourceInventory]:
    """Return the inventories of CPUs, memory and disk that a report's other fields amount to."""
    reserved_gb = -(-report.reserved_host_disk_mb // 1024)
    amounts = {
        "VCPU": (report.vcpus, report.reserved_host_cpus, report.cpu_allocation_ratio),
        "MEMORY_MB": (report.memory_mb, report.reserved_host_memory_mb, report.ram_allocation_ratio),
        "DISK_GB": (report.local_gb, reserved_gb, report.disk_allocation_ratio),
    }
    return {
        name: ResourceInventory(total=total, reserved=reserved, allocation_ratio=ratio)
        for name, (total, reserved, ratio) in amounts.items()
    }
