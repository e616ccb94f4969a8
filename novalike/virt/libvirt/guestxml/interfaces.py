"""Network interfaces."""

from novalike.virt.libvirt.guestspec import Interface
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(interface: Interface) -> Element:
    """``<interface>``. Who connects the tap to the network, if libvirt doesn't, has done so or will."""
    node = element("interface", element("mac", address=interface.mac), type_=interface.kind)
    if interface.kind == "bridge":
        node.append(element("source", bridge=interface.bridge or ""))
    target = element("target", dev=interface.device)
    if interface.tap_exists:
        target.set("managed", "no")
    node.append(target)
    node.append(element("model", type_=interface.model))
    if interface.model == "virtio":
        # userspace virtio: vhost-net isn't everywhere, and libvirt takes it by itself when asked for nothing
        driver = element("driver", name="qemu") if interface.queues == 1 else element("driver", queues=interface.queues)
        node.append(driver)
    if interface.mtu:
        node.append(element("mtu", size=interface.mtu))
    return node
