"""The whole domain."""

from lxml import etree

from novalike.virt.libvirt.guestspec import GuestSpec
from novalike.virt.libvirt.guestxml import clock, cpu, devices, features, identity, metadata, os
from novalike.virt.libvirt.guestxml.elements import element


def render(guest: GuestSpec) -> str:
    """The XML with which libvirt defines the guest."""
    root = element(
        "domain",
        element("name", text=guest.name),
        element("uuid", text=guest.uuid),
        metadata.render(guest),
        element("memory", text=guest.memory_mb, unit="MiB"),
        element("vcpu", text=guest.vcpus, placement="static"),
        identity.render(guest),
        os.render(guest.boot, smbios=True),
        features.render(guest),
        cpu.render(guest.cpu),
        clock.render(guest),
        element("on_poweroff", text="destroy"),
        element("on_reboot", text="restart"),
        element("on_crash", text="destroy"),
        devices.render(guest),
        type_=guest.virt_type,
    )
    return etree.tostring(root, pretty_print=True, encoding="unicode")
