"""Which extra specs of flavors are known, and what values they take."""

import pytest

from novalike.api import extra_specs
from novalike.objects import errors


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("anything", "goes"), ("own:namespace", "goes"), ("HW:cpu_policy", "x"), ("hw:cpu_policy", "mixed"),
        ("hw:mem_page_size", "2MB"), ("hw:mem_page_size", "1048576"), ("hw:numa_cpus.3", "0-2,^1"),
        ("hw:numa_mem.0", "512"), ("hw:pmu", "off"), ("hw:redirected_usb_ports", "15"), ("hw_rng:rate_bytes", "0"),
        ("quota:cpu_quota", "-1"), ("quota:vif_inbound_peak", "7"), ("quota:disk_io_shares_level", "low"),
        ("resources:VCPU", "2"), ("resources1:DISK_GB", "-2"), ("resources_X:CUSTOM_GPU", "1"),
        ("trait:HW_CPU_X86_AVX2", "required"), ("trait_G1:CUSTOM_FAST", "forbidden"), ("group_policy", "none"),
        ("pci_passthrough:alias", "a1:2, b:1"), ("capabilities:cpu_info:topology:cores", "s>= 4"),
        ("capabilities:hypervisor_type", "QEMU"), ("aggregate_instance_extra_specs:ssd", "true"),
        ("accel:device_profile", "p"), ("os:secure_boot", "required"), ("hw_video:ram_max_mb", "64"),
        ("vmware:hw_version", "x"), ("hide_hypervisor_id", "true"),
    ],
)  # fmt: skip
def test_right(name: str, value: str) -> None:
    extra_specs.check(name, value)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("hw:cpu_policy", "x", "'x' is not one of: dedicated, shared, mixed."),
        ("hw:numa_nodes", "0", "'0' is less than the min value of '1'."),
        ("hw:numa_nodes", "x", "'x' is not a valid integer value."),
        ("hw:redirected_usb_ports", "16", "'16' is greater than the max value of '15'."),
        ("hw:pmu", "maybe", "'maybe' is not a valid boolean-like value."),
        ("hw:mem_page_size", "huge", r"'huge' is not of the format '(large|small|any|\d+([kKMGT]i?)?(b|bit|B)?)'."),
        ("trait:HW_CPU_X86_AVX2", "maybe", "'maybe' is not one of: required, forbidden."),
        ("resources:VCPU", "many", "'many' is not a valid integer value."),
    ],
)
def test_wrong_values(name: str, value: str, why: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        extra_specs.check(name, value)
    assert caught.value.message == f"Validation failed; {why}"


@pytest.mark.parametrize(
    "name",
    [
        "hw:nope", "hw:numa_cpus.x", "hw_rng:nope", "hw_video:nope", "os:nope", "quota:nope", "accel:nope",
        "resources:NOPE", "resources:custom_x", "trait:NOPE", "trait1:CUSTOM_a", "capabilities:nope",
        "pci_passthrough:nope", "vmware:nope", "aggregate_instance_extra_specs:",
    ],
)  # fmt: skip
def test_unknown_names_of_known_namespaces(name: str) -> None:
    with pytest.raises(errors.Invalid) as caught:
        extra_specs.check(name, "1")
    assert caught.value.message == (
        f"Validation failed; extra spec '{name}' does not appear to be a valid extra spec."
    )
