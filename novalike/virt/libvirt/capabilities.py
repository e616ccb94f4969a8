"""What libvirt says the host can do, read out of its XML. Pure, but for :func:`query`."""

import dataclasses
from typing import Any

import libvirt
from lxml import etree


@dataclasses.dataclass(frozen=True)
class HostCapabilities:
    """The host.

    :param guests: (architecture, libvirt's domain type).
    :param cpu_info: as ``os-hypervisors`` shows it.
    :param cpu_xml: libvirt's description of the host's processor, for baselines.
    """

    arch: str
    guests: tuple[tuple[str, str], ...]
    cpu_info: dict[str, Any]
    cpu_xml: str


@dataclasses.dataclass(frozen=True)
class MachineCapabilities:
    """A machine type under one way of virtualization; values as in libvirt's XML."""

    firmwares: frozenset[str]
    disk_buses: frozenset[str]
    video_models: frozenset[str]
    cpu_modes: frozenset[str]
    guest_cpu_xml: str | None


def parse_host(xml: str) -> HostCapabilities:
    """From ``virConnectGetCapabilities``."""
    root = etree.fromstring(xml)
    cpu = root.find("./host/cpu")
    arch = root.findtext("./host/cpu/arch") or "x86_64"
    guests = tuple(
        (guest.get("name", ""), domain.get("type", ""))
        for guest in root.iterfind("./guest/arch")
        for domain in guest.iterfind("./domain")
    )
    topology = root.find("./host/cpu/topology")
    cells = len(root.findall("./host/topology/cells/cell")) or 1
    shape = {name: int(topology.get(name, "1")) for name in ("sockets", "cores", "threads")} if topology is not None \
        else {}  # fmt: skip
    info = {
        "arch": arch,
        "model": root.findtext("./host/cpu/model") or "",
        "vendor": root.findtext("./host/cpu/vendor") or "",
        "topology": {"cells": cells, **shape},
        "features": sorted(f.get("name", "") for f in root.iterfind("./host/cpu/feature")),
    }
    cpu_xml = etree.tostring(cpu, encoding="unicode") if cpu is not None else "<cpu/>"
    return HostCapabilities(arch=arch, guests=guests, cpu_info=info, cpu_xml=cpu_xml)


def parse_machine(xml: str) -> MachineCapabilities:
    """From ``virConnectGetDomainCapabilities``."""
    root = etree.fromstring(xml)

    def values(path: str, name: str) -> frozenset[str]:
        return frozenset(value.text or "" for value in root.iterfind(f"{path}/enum[@name='{name}']/value"))

    model = root.find("./cpu/mode[@name='host-model'][@supported='yes']")
    guest_cpu = None
    if model is not None:
        names = [node for node in model if node.get("policy") != "disable"]
        body = "".join(etree.tostring(node, encoding="unicode") for node in names)
        guest_cpu = f"<cpu><arch>{root.findtext('./arch')}</arch>{body}</cpu>"
    return MachineCapabilities(
        firmwares=values("./os", "firmware"),
        disk_buses=values("./devices/disk[@supported='yes']", "bus"),
        video_models=values("./devices/video[@supported='yes']", "modelType"),
        cpu_modes=frozenset(m.get("name", "") for m in root.iterfind("./cpu/mode[@supported='yes']")),
        guest_cpu_xml=guest_cpu,
    )


def query_host(connection: libvirt.virConnect) -> HostCapabilities:
    """Ask libvirt (in a real thread)."""
    return parse_host(connection.getCapabilities())


def query_machine(connection: libvirt.virConnect, arch: str, machine: str, virt_type: str) -> MachineCapabilities:
    """Ask libvirt (in a real thread). The first time it asks QEMU, which takes seconds."""
    return parse_machine(connection.getDomainCapabilities(None, arch, machine, virt_type))


def query_cpu_features(connection: libvirt.virConnect, arch: str, virt_type: str, cpu_xml: str) -> frozenset[str]:
    """All features of a processor, those of its model included (in a real thread)."""
    flags = libvirt.VIR_CONNECT_BASELINE_CPU_EXPAND_FEATURES
    xml = connection.baselineHypervisorCPU(None, arch, None, virt_type, [cpu_xml], flags)
    root = etree.fromstring(xml)
    return frozenset(
        feature.get("name", "") for feature in root.iterfind("./feature") if feature.get("policy") != "disable"
    )
