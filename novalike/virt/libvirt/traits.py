"""The traits that a host reports to Placement: only what is true of it."""

from collections.abc import Iterable

import os_traits

from novalike.virt.libvirt import hardware
from novalike.virt.libvirt.capabilities import MachineCapabilities

# libvirt's name of a processor feature → the trait's, where it isn't the same.
_CPU = {
    "abm": "ABM", "bmi1": "BMI", "aes": "AESNI", "fma": "FMA3", "gfni": "AVX512GFNI", "hle": "TSX", "rtm": "TSX",
    "pclmuldq": "CLMUL", "pclmulqdq": "CLMUL", "pni": "SSE3", "sha-ni": "SHA", "vaes": "AVX512VAES",
    "vpclmulqdq": "AVX512VPCLMULQDQ", "avx512-vpopcntdq": "AVX512VPOPCNTDQ", "ibpb": "AMD_IBPB",
    "amd-no-ssb": "AMD_NO_SSB", "amd-ssbd": "AMD_SSBD", "virt-ssbd": "AMD_VIRT_SSBD", "md-clear": "INTEL_MD_CLEAR",
    "pcid": "INTEL_PCID", "spec-ctrl": "INTEL_SPEC_CTRL", "ssbd": "INTEL_SSBD", "amx-bf16": "AMXBF16",
    "amx-int8": "AMXINT8", "amx-tile": "AMXTILE",
}  # fmt: skip
_ALSO = {"svm": ("AMD_SVM",), "vmx": ("INTEL_VMX",)}
_KNOWN = frozenset(os_traits.get_traits())

IMAGE_TYPES = ("AKI", "AMI", "ARI", "ISO", "QCOW2", "RAW", "VDI", "VHD", "VHDX", "VMDK")


def cpu_traits(features: Iterable[str]) -> set[str]:
    """``HW_CPU_X86_…`` of a processor's features."""
    names: set[str] = set()
    for feature in features:
        name = _CPU.get(feature) or feature.upper().replace(".", "").replace("-", "").replace("_", "")
        names.add(name)
        names.update(_ALSO.get(feature, ()))
    return {f"HW_CPU_X86_{name}" for name in names} & _KNOWN


def compute_traits(arch: str, machines: Iterable[MachineCapabilities], *, has_screen: bool) -> set[str]:
    """``COMPUTE_…`` of what guests can be given on any of these machine types."""
    names = {"COMPUTE_NODE", "COMPUTE_FIRMWARE_BIOS", f"COMPUTE_ARCH_{arch.upper()}"}
    names |= {f"COMPUTE_IMAGE_TYPE_{kind}" for kind in IMAGE_TYPES}
    names |= {f"COMPUTE_NET_VIF_MODEL_{model.upper()}" for model in hardware.VIF_MODELS}
    for machine in machines:
        buses = machine.disk_buses & set(hardware.DEVICE_PREFIX)
        names |= {f"COMPUTE_STORAGE_BUS_{bus.upper()}" for bus in buses}
        if has_screen:
            models = machine.video_models & set(hardware.VIDEO_MODELS)
            names |= {f"COMPUTE_GRAPHICS_MODEL_{model.upper()}" for model in models}
        if "efi" in machine.firmwares:
            names.add("COMPUTE_FIRMWARE_UEFI")
    return names & _KNOWN
