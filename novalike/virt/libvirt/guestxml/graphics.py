"""Screen, pointer, VNC."""

from novalike.virt.libvirt.guestspec import GuestSpec
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(guest: GuestSpec) -> list[Element]:
    """``<graphics>``, ``<video>`` and ``<input>``; nothing for a guest without a screen."""
    nodes: list[Element] = []
    if guest.vnc_listen:
        if guest.usb_tablet:
            nodes.append(element("controller", type_="usb", index=0))
            nodes.append(element("input", type_="tablet", bus="usb"))
        listen = element("listen", type_="address", address=guest.vnc_listen)
        nodes.append(element("graphics", listen, type_="vnc", autoport="yes"))
    if guest.video:
        nodes.append(element("video", element("model", type_=guest.video)))
    return nodes
