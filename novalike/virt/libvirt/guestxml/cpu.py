"""The guest's processor."""

from novalike.virt.libvirt.guestspec import Cpu
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(cpu: Cpu) -> Element:
    """``<cpu>``."""
    topology = element("topology", sockets=cpu.sockets, dies=1, cores=cpu.cores, threads=cpu.threads)
    if cpu.mode is None:
        return element("cpu", topology)
    if cpu.mode == "custom":
        model = element("model", text=cpu.model, fallback="forbid")
        return element("cpu", model, topology, mode="custom", match="exact")
    # what a migration's target must match is decided by the first host, not by each anew
    return element("cpu", topology, mode=cpu.mode, **({"check": "partial"} if cpu.mode == "host-model" else {}))
