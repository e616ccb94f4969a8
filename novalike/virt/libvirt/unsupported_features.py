"""Wishes that change what a guest is, and that this driver does not fulfil: refused, never ignored."""

from collections.abc import Callable
from typing import Any

from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.virt.driver import GuestFailed
from novalike.virt.libvirt.hardware import is_true, properties

Test = Callable[[Any], bool]


def _any(value: Any) -> bool:
    return bool(value)


def _not(*harmless: str) -> Test:
    return lambda value: str(value).lower() not in harmless


# flavor extra spec (image property: "hw:" → "hw_") → whether a value of it asks for something
_BOTH: dict[str, Test] = {
    "hw:cpu_policy": _not("shared"),
    "hw:cpu_realtime": is_true,
    "hw:emulator_threads_policy": _not("share"),
    "hw:locked_memory": is_true,
    "hw:mem_encryption": is_true,
    "hw:mem_page_size": _not("small", "any"),
    "hw:numa_nodes": _not("1"),
    "hw:pmem": _any,
    "hw:tpm_version": _any,
    "hw:viommu_model": _not("none"),
    "hw:virtio_packed_ring": is_true,
}
_FLAVOR: dict[str, Test] = {
    "accel:device_profile": _any,
    "hw:ephemeral_encryption": is_true,
    "os:secure_boot": _not("disabled", "optional"),
    "pci_passthrough:alias": _any,
    "trait:COMPUTE_SECURITY_TPM_2_0": _not("forbidden"),
}
_FLAVOR_PREFIXES = ("quota:", "hw:numa_cpus", "hw:numa_mem")
_IMAGE: dict[str, Test] = {
    "hw_ephemeral_encryption": is_true,
    "hw_firmware_stateless": is_true,
    "hw_sound_model": _any,
    "hw_tpm_model": _any,
    "os_secure_boot": _not("disabled", "optional"),
    "vm_mode": _not("hvm"),
}


def check(image: Image | None, flavor: Flavor, arch: str) -> None:
    """See that all wishes can be fulfilled.

    :raises GuestFailed: one can't; it is named.
    """
    for name, value in flavor.extra_specs.items():
        test = _BOTH.get(name) or _FLAVOR.get(name)
        if (test and test(value)) or name.startswith(_FLAVOR_PREFIXES):
            raise GuestFailed(reason=f"Extra spec {name}={value} is not supported by this hypervisor's driver")
    for name, value in properties(image).items():
        test = _IMAGE.get(name) or (_BOTH.get("hw:" + name[3:]) if name.startswith("hw_") else None)
        if value is not None and test and test(value):
            raise GuestFailed(reason=f"Image property {name}={value} is not supported by this hypervisor's driver")
    wanted = properties(image).get("hw_architecture") or properties(image).get("architecture")
    if wanted and {"amd64": "x86_64"}.get(str(wanted), str(wanted)) != arch:
        raise GuestFailed(reason=f"The image is for architecture {wanted}, and this host has {arch}")
