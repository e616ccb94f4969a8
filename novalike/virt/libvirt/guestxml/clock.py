"""The guest's clocks."""

from novalike.virt.libvirt.guestspec import GuestSpec
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(guest: GuestSpec) -> Element:
    """``<clock>``: Windows keeps local time in the hardware clock, everything else UTC."""
    windows = guest.os_type == "windows"
    return element(
        "clock",
        element("timer", name="pit", tickpolicy="delay"),
        element("timer", name="rtc", tickpolicy="catchup"),
        element("timer", name="hpet", present="no"),
        element("timer", name="hypervclock", present="yes") if windows and guest.virt_type == "kvm" else None,
        offset="localtime" if windows else "utc",
    )
