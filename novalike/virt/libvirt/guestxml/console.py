"""The serial console, whose output virtlogd keeps."""

from novalike.virt.libvirt.guestspec import GuestSpec
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(guest: GuestSpec) -> list[Element]:
    """``<serial>`` and its alias ``<console>``."""

    def log() -> Element:
        return element("log", file=guest.console_log, append="off")

    return [
        element("serial", log(), element("target", type_="isa-serial", port=0), type_="pty"),
        element("console", log(), element("target", type_="serial", port=0), type_="pty"),
    ]
