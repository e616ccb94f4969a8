"""Machine type, firmware, kernel."""

from novalike.virt.libvirt.guestspec import Boot
from novalike.virt.libvirt.guestxml.elements import Element, element


def render(boot: Boot, *, smbios: bool) -> Element:
    """``<os>``. Disks carry their boot order themselves."""
    node = element("os", element("type", text="hvm", arch=boot.arch, machine=boot.machine))
    if boot.firmware == "uefi":
        node.set("firmware", "efi")
        # libvirt chooses the firmware file: without this it may take one that only boots signed systems
        node.append(
            element(
                "firmware",
                element("feature", enabled="no", name="secure-boot"),
                element("feature", enabled="no", name="enrolled-keys"),
            )
        )
        if boot.nvram:
            node.append(element("nvram", text=boot.nvram))
    if boot.kernel:
        node.append(element("kernel", text=boot.kernel))
        if boot.ramdisk:
            node.append(element("initrd", text=boot.ramdisk))
        if boot.command_line:
            node.append(element("cmdline", text=boot.command_line))
    if boot.menu:
        node.append(element("bootmenu", enable="yes"))
    if smbios:
        node.append(element("smbios", mode="sysinfo"))
    return node
