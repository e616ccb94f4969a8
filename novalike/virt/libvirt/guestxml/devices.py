"""All devices, in one order."""

from novalike.virt.libvirt.guestspec import GuestSpec, Rng
from novalike.virt.libvirt.guestxml import console, disks, graphics, interfaces
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(guest: GuestSpec) -> Element:
    """``<devices>``."""
    node = element("devices")
    node.extend(disks.render(guest))
    node.extend(interfaces.render(interface) for interface in guest.interfaces)
    node.extend(console.render(guest))
    if guest.guest_agent:
        target = element("target", type_="virtio", name="org.qemu.guest_agent.0")
        node.append(element("channel", target, type_="unix"))
    node.extend(graphics.render(guest))
    if guest.rng:
        node.append(_rng(guest.rng))
    if guest.watchdog:
        node.append(element("watchdog", model="i6300esb", action=guest.watchdog))
    node.append(element("memballoon", element("stats", period=10), model="virtio"))
    return node


def _rng(rng: Rng) -> Element:
    node = element("rng", model="virtio")
    if rng.rate_bytes:
        rate = element("rate", bytes=rng.rate_bytes)
        if rng.rate_period:
            rate.set("period", str(rng.rate_period))
        node.append(rate)
    node.append(element("backend", text=rng.source, model="random"))
    return node
