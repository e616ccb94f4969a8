"""The extra specs that are known, and which values each takes; checked from microversion 2.86 on.

What is in none of the known namespaces is the operator's own, and takes any value.
"""

import functools
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import os_resource_classes
import os_traits
from oslo_utils import strutils

from novalike.objects import errors
from novalike.objects.pattern import Pattern

Check = Callable[[str], str | None]


def _any(value: str) -> str | None:
    return None


def _boolean(value: str) -> str | None:
    try:
        strutils.bool_from_string(value, strict=True)
    except ValueError:
        return f"'{value}' is not a valid boolean-like value."
    return None


def _integer(minimum: int | None = None, maximum: int | None = None) -> Check:
    def check_integer(value: str) -> str | None:
        try:
            number = int(value)
        except ValueError:
            return f"'{value}' is not a valid integer value."
        if maximum is not None and number > maximum:
            return f"'{number}' is greater than the max value of '{maximum}'."
        if minimum is not None and number < minimum:
            return f"'{number}' is less than the min value of '{minimum}'."
        return None

    return check_integer


def _one_of(*choices: str) -> Check:
    def check_choice(value: str) -> str | None:
        return None if value in choices else f"'{value}' is not one of: {', '.join(choices)}."

    return check_choice


def _matching(text: str) -> Check:
    pattern = Pattern(text)

    def check_format(value: str) -> str | None:
        return None if pattern.fullmatch(value) else f"'{value}' is not of the format '{text}'."

    return check_format


_cpu_set = _matching(r"\^?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*")
_shares_level = _one_of("custom", "high", "normal", "low")
_presence = _one_of("required", "forbidden")
_some = _integer(1)
_none_or_some = _integer(0)

# name → what its value must be, by namespace.
KNOWN: dict[str, dict[str, Check]] = {
    "": {"group_policy": _one_of("isolate", "none"), "hide_hypervisor_id": _boolean},
    "accel": {"device_profile": _any},
    "capabilities": dict.fromkeys(
        [
            "aggregates", "cell_uuid", "cpu_allocation_ratio", "current_workload", "disk_allocation_ratio",
            "disk_available_least", "disk_mb_used", "failed_builds", "free_disk_gb", "free_disk_mb", "free_ram_mb",
            "host", "host_ip", "hypervisor_hostname", "hypervisor_type", "hypervisor_version", "id", "local_gb",
            "local_gb_used", "mapped", "memory_mb", "memory_mb_used", "num_instances", "num_io_ops",
            "ram_allocation_ratio", "running_vms", "service_id", "total_usable_disk_gb", "total_usable_ram_mb",
            "updated", "uuid", "vcpus", "vcpus_total", "vcpus_used",
        ],
        _any,
    ),
    "hw": {
        "boot_menu": _boolean,
        "cpu_cores": _some,
        "cpu_dedicated_mask": _cpu_set,
        "cpu_max_cores": _some,
        "cpu_max_sockets": _some,
        "cpu_max_threads": _some,
        "cpu_policy": _one_of("dedicated", "shared", "mixed"),
        "cpu_realtime": _boolean,
        "cpu_realtime_mask": _matching(r"(\^)?\d+((-\d+)?(,\^?\d+(-\d+)?)?)*"),
        "cpu_sockets": _some,
        "cpu_thread_policy": _one_of("prefer", "isolate", "require"),
        "cpu_threads": _some,
        "emulator_threads_policy": _one_of("isolate", "share"),
        "ephemeral_encryption": _boolean,
        "ephemeral_encryption_format": _one_of("plain", "luks", "luksv2"),
        "hide_hypervisor_id": _boolean,
        "locked_memory": _boolean,
        "mem_encryption": _boolean,
        "mem_encryption_model": _one_of("amd-sev", "amd-sev-es", "amd-sev-snp", "intel-tdx"),
        "mem_page_size": _matching(r"(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)"),
        "numa_nodes": _some,
        "pci_numa_affinity_policy": _one_of("required", "preferred", "legacy", "socket"),
        "pmem": _matching(r"([a-zA-Z0-9_]+(,)?)+"),
        "pmu": _boolean,
        "redirected_usb_ports": _integer(0, 15),
        "serial_port_count": _none_or_some,
        "sound_model": _one_of("sb16", "es1370", "pcspk", "ac97", "ich6", "ich9", "usb", "virtio"),
        "tpm_model": _one_of("tpm-tis", "tpm-crb"),
        "tpm_secret_security": _one_of("user", "host", "deployment"),
        "tpm_version": _one_of("1.2", "2.0"),
        "usb_model": _one_of("none", "nec-xhci", "qemu-xhci"),
        "vif_multiqueue_enabled": _boolean,
        "viommu_model": _one_of("intel", "smmuv3", "virtio", "auto"),
        "virtio_packed_ring": _boolean,
        "watchdog_action": _one_of("none", "pause", "poweroff", "reset", "disabled"),
    },
    "hw_rng": {"allowed": _boolean, "rate_bytes": _none_or_some, "rate_period": _none_or_some},
    "hw_video": {"ram_max_mb": _none_or_some},
    "os": {"secure_boot": _one_of("disabled", "required")},
    "pci_passthrough": {"alias": _matching(r"[^:]+:\d+(?:\s*,\s*[^:]+:\d+)*")},
    "quota": {
        "cpu_period": _none_or_some,
        "cpu_quota": _integer(),
        "cpu_shares": _none_or_some,
        **{
            f"{resource}_{limit}": check
            for resource in ("cpu", "memory", "disk_io", "vif")
            for limit, check in (
                ("limit", _none_or_some),
                ("reservation", _integer()),
                ("shares_level", _shares_level),
                ("shares_share", _none_or_some),
            )
        },
        **{
            f"disk_{direction}_{unit}_sec": _none_or_some
            for direction in ("read", "write", "total")
            for unit in ("bytes", "iops")
        },
        **{
            f"vif_{direction}_{rate}": _none_or_some
            for direction in ("inbound", "outbound")
            for rate in ("average", "peak", "burst")
        },
    },
    "vmware": {"hw_version": _any, "storage_policy": _any},
}


class _Family(NamedTuple):
    """Extra specs whose names have a changing part."""

    name: Pattern
    value: Check


_FAMILIES: Sequence[_Family] = (
    _Family(Pattern(r"hw:numa_cpus.\d+"), _cpu_set),
    _Family(Pattern(r"hw:numa_mem.\d+"), _some),
    _Family(Pattern(r"aggregate_instance_extra_specs:.+"), _any),
    _Family(
        Pattern(
            r"capabilities:(cpu_info|instances|limits|metrics|nodename|numa_topology|pci_device_pools|pci_stats|stats"
            r"|supported_hv_specs|supported_instances)(:\w+)*"
        ),
        _any,
    ),
    _Family(Pattern(r"resources([a-zA-Z0-9_-]{1,64})?:CUSTOM_[A-Z0-9_]+"), _integer()),
    _Family(Pattern(r"trait([a-zA-Z0-9_-]{1,64})?:CUSTOM_[A-Z0-9_]+"), _presence),
)
_GROUPED = re.compile(r"(resources|trait)(?:[a-zA-Z0-9_-]{1,64})?")


@functools.cache
def _standards() -> dict[str, frozenset[str]]:
    return {"resources": frozenset(os_resource_classes.STANDARDS), "trait": frozenset(os_traits.get_traits())}


def check(name: str, value: str) -> None:
    """Check an extra spec of a flavor.

    :raises Invalid: its name is none in a namespace that we know, or it doesn't take this value.
    """
    known = _find(name)
    if known is None:
        raise errors.Invalid(f"Validation failed; extra spec '{name}' does not appear to be a valid extra spec.")
    trouble = known(value)
    if trouble is not None:
        raise errors.Invalid(f"Validation failed; {trouble}")


def _find(name: str) -> Check | None:
    """What checks the values of an extra spec; None when its name can't be."""
    namespace, colon, rest = name.partition(":")
    if not colon:
        return KNOWN[""].get(name, _any)
    if rest in KNOWN.get(namespace, {}):
        return KNOWN[namespace][rest]
    for family in _FAMILIES:
        if family.name.fullmatch(name):
            return family.value
    grouped = _GROUPED.fullmatch(namespace)
    if grouped:
        kind = grouped[1]
        if rest not in _standards()[kind]:
            return None
        return _presence if kind == "trait" else _integer()
    return None if namespace in KNOWN or namespace == "aggregate_instance_extra_specs" else _any
