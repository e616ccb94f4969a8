"""What the guest's firmware tables call the machine."""

from novalike.virt.libvirt.guestspec import GuestSpec
from novalike.virt.libvirt.guestxml.elements import Element, element

# cloud-init and others recognize an OpenStack guest by this product name: it is part of the interface.
PRODUCT = "OpenStack Nova"


def render(guest: GuestSpec) -> Element:
    """``<sysinfo>``."""
    return element(
        "sysinfo",
        element(
            "system",
            _entry("manufacturer", "OpenStack Foundation"),
            _entry("product", PRODUCT),
            _entry("version", guest.version),
            _entry("serial", guest.uuid),
            _entry("uuid", guest.uuid),
            _entry("family", "Virtual Machine"),
        ),
        type_="smbios",
    )


def _entry(name: str, text: str) -> Element:
    return element("entry", name=name, text=text)
