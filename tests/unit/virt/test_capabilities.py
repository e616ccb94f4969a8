"""What libvirt says of the host, and the traits that follow."""

import pytest

pytest.importorskip("libvirt")

from novalike.virt.libvirt import capabilities, traits  # noqa: E402

HOST = """<capabilities><host><cpu><arch>x86_64</arch><model>Skylake</model><vendor>Intel</vendor>
<topology sockets='2' dies='1' cores='8' threads='2'/><feature name='vmx'/><feature name='aes'/></cpu>
<topology><cells num='2'><cell id='0'/><cell id='1'/></cells></topology></host>
<guest><arch name='x86_64'><domain type='qemu'/><domain type='kvm'/></arch></guest>
<guest><arch name='i686'><domain type='qemu'/></arch></guest></capabilities>"""
MACHINE = """<domainCapabilities><arch>x86_64</arch>
<os supported='yes'><enum name='firmware'><value>efi</value></enum></os>
<cpu><mode name='host-passthrough' supported='no'/><mode name='maximum' supported='yes'/>
<mode name='host-model' supported='yes'><model fallback='forbid'>EPYC</model><feature policy='require' name='svm'/>
<feature policy='disable' name='avx'/></mode></cpu>
<devices><disk supported='yes'><enum name='bus'><value>virtio</value><value>weird</value></enum></disk>
<video supported='yes'><enum name='modelType'><value>vga</value><value>ramfb</value></enum></video>
</devices></domainCapabilities>"""


def test_host():
    found = capabilities.parse_host(HOST)
    assert found.arch == "x86_64"
    assert found.guests == (("x86_64", "qemu"), ("x86_64", "kvm"), ("i686", "qemu"))
    assert found.cpu_info == {
        "arch": "x86_64", "model": "Skylake", "vendor": "Intel", "features": ["aes", "vmx"],
        "topology": {"cells": 2, "sockets": 2, "cores": 8, "threads": 2},
    }  # fmt: skip


def test_a_host_without_details():
    found = capabilities.parse_host("<capabilities><host/></capabilities>")
    assert found.cpu_info["model"] == ""
    assert found.guests == ()


def test_machine():
    found = capabilities.parse_machine(MACHINE)
    assert found.firmwares == {"efi"}
    assert found.cpu_modes == {"maximum", "host-model"}
    assert found.guest_cpu_xml is not None
    assert "svm" in found.guest_cpu_xml
    assert "avx" not in found.guest_cpu_xml


def test_traits_of_the_processor():
    found = traits.cpu_traits(["sse4.1", "aes", "avx512f", "svm", "vmx", "pni", "bmi1", "no-such-thing", "hle"])
    assert found == {
        "HW_CPU_X86_SSE41", "HW_CPU_X86_AESNI", "HW_CPU_X86_AVX512F", "HW_CPU_X86_SVM", "HW_CPU_X86_AMD_SVM",
        "HW_CPU_X86_VMX", "HW_CPU_X86_INTEL_VMX", "HW_CPU_X86_SSE3", "HW_CPU_X86_BMI", "HW_CPU_X86_TSX",
    }  # fmt: skip


def test_traits_of_the_hypervisor():
    machine = capabilities.parse_machine(MACHINE)
    found = traits.compute_traits("x86_64", [machine], has_screen=True)
    assert {"COMPUTE_NODE", "COMPUTE_STORAGE_BUS_VIRTIO", "COMPUTE_GRAPHICS_MODEL_VGA", "COMPUTE_FIRMWARE_UEFI",
            "COMPUTE_IMAGE_TYPE_QCOW2", "COMPUTE_ARCH_X86_64", "COMPUTE_NET_VIF_MODEL_VIRTIO"} <= found  # fmt: skip
    assert not any("WEIRD" in trait or "RAMFB" in trait or "VIOMMU" in trait for trait in found)
    assert "COMPUTE_GRAPHICS_MODEL_VGA" not in traits.compute_traits("x86_64", [machine], has_screen=False)
