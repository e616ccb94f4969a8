"""What the machine's firmware and hypervisor offer the guest."""

from novalike.virt.libvirt.guestspec import GuestSpec
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(guest: GuestSpec) -> Element:
    """``<features>``."""
    node = element("features", element("acpi"), element("apic"), element("vmcoreinfo", state="on"))
    if guest.os_type == "windows" and guest.virt_type == "kvm":
        node.append(
            element(
                "hyperv",
                element("relaxed", state="on"),
                element("vapic", state="on"),
                element("spinlocks", state="on", retries=8191),
            )
        )
    return node
