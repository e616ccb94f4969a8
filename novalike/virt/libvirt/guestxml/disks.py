"""Disks and their controllers."""

from novalike.virt.libvirt.guestspec import Disk, GuestSpec
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(guest: GuestSpec) -> list[Element]:
    """``<disk>`` for each, and the SCSI controller that they need."""
    nodes = [_disk(disk) for disk in guest.disks]
    if any(disk.bus == "scsi" for disk in guest.disks):
        nodes.append(element("controller", type_="scsi", index=0, model=guest.scsi_model))
    return nodes


def _disk(disk: Disk) -> Element:
    cdrom = disk.device == "cdrom"
    driver = element("driver", name="qemu", type_=disk.format)
    if disk.cache != "default":
        driver.set("cache", disk.cache)
    if not cdrom and disk.bus in ("virtio", "scsi"):
        driver.set("discard", "unmap")
    return element(
        "disk",
        driver,
        element("source", file=disk.path),
        element("target", dev=disk.target, bus=disk.bus),
        element("readonly") if cdrom else None,
        element("serial", text=disk.serial) if disk.serial else None,
        element("boot", order=disk.boot_order) if disk.boot_order else None,
        type_="file",
        device=disk.device,
    )
