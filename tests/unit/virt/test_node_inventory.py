"""What is configured for CPUs, memory and disk of a node, whatever its hypervisor."""

import msgspec

from novalike.objects.host import NodeReport, ResourceInventory
from novalike.virt import node_inventory

PLAIN = NodeReport(
    uuid="u", host="h", hypervisor_hostname="n", hypervisor_type="t", hypervisor_version=1, host_ip=None, vcpus=4,
    memory_mb=8192, local_gb=100,
)  # fmt: skip


def test_reservations_and_ratios_are_the_operators(conf):
    for name, value in (("reserved_host_cpus", 1), ("reserved_host_memory_mb", 1000), ("reserved_host_disk_mb", 1025)):
        conf.set_override(name, value)
    for name, ratio in (("cpu", 8.0), ("ram", 1.5), ("disk", 2.0)):
        conf.set_override(f"{name}_allocation_ratio", ratio)
    found = node_inventory.complete(conf, PLAIN)
    assert found.inventories == {
        "VCPU": ResourceInventory(total=4, reserved=1, allocation_ratio=8.0),
        "MEMORY_MB": ResourceInventory(total=8192, reserved=1000, allocation_ratio=1.5),
        "DISK_GB": ResourceInventory(total=100, reserved=2, allocation_ratio=2.0),
    }
    shown = (found.cpu_allocation_ratio, found.ram_allocation_ratio, found.disk_allocation_ratio)
    assert shown == (8.0, 1.5, 2.0)
    assert (found.reserved_host_cpus, found.reserved_host_memory_mb, found.reserved_host_disk_mb) == (1, 1000, 1025)


def test_what_a_driver_says_of_its_own_stays(conf):
    own = {"VCPU": ResourceInventory(total=2), "PCPU": ResourceInventory(total=2)}
    found = node_inventory.complete(conf, msgspec.structs.replace(PLAIN, inventories=own))
    assert found.inventories.keys() == {"VCPU", "MEMORY_MB", "DISK_GB", "PCPU"}
    assert {name: found.inventories[name] for name in own} == own
