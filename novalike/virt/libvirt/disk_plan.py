"""Which disks a guest gets, where the guest finds them, and in which order the firmware tries them. Pure."""

import string
from collections.abc import Iterable
from pathlib import Path

import msgspec
from oslo_config import cfg

from novalike.objects.block_device import BlockDevice
from novalike.objects.server import ServerSpec
from novalike.virt.driver import GuestFailed
from novalike.virt.images.cache import Base
from novalike.virt.libvirt import hardware
from novalike.virt.libvirt.guest_record import DiskRecord, GuestRecord

GIB = 1024**3
MIB = 1024**2
CONFIG_DRIVE = "disk.config"
SWAP = "disk.swap"


def plan(
    conf: cfg.ConfigOpts, spec: ServerSpec, arch: str, node: str, machine: str | None = None
) -> GuestRecord:
    """The record of a guest that is to be made; base, kernel and ramdisk are filled in when they have been fetched.

    :param node: the compute node's uuid.
    :param machine: its machine type; None: the one that a new guest gets.
    :raises GuestFailed: a block device or bus that can't be had.
    """
    image, flavor = spec.image, spec.server.flavor
    if image is None:
        raise GuestFailed(reason="Servers without an image (booted from a volume) are not supported")
    machine = machine or hardware.machine_type(conf, image, arch)
    file_format = "qcow2" if conf.libvirt.images_type in ("qcow2", "default") else "raw"
    names = _Names()
    disks = [_root(spec, machine, file_format, names)]
    blanks = [device for device in spec.block_devices if _is_blank(device)]
    ephemerals = [device for device in blanks if device.guest_format != "swap"]
    swaps = [device for device in blanks if device.guest_format == "swap"]
    if not ephemerals and flavor.ephemeral_gb:
        ephemerals = [_blank(flavor.ephemeral_gb)]
    if not swaps and flavor.swap:
        swaps = [_blank(flavor.swap, "swap")]
    for number, device in enumerate(ephemerals):
        bus = hardware.disk_bus(image, machine, device.disk_bus)
        disks.append(
            DiskRecord(
                file=f"disk.eph{number}",
                content="ephemeral",
                format=file_format,
                size=(device.volume_size or flavor.ephemeral_gb) * GIB,
                bus=bus,
                target=names.take(bus, device.device_name),
                boot_order=_order(device.boot_index),
                filesystem=device.guest_format or _default_filesystem(image),
                label=f"ephemeral{number}",
            )
        )
    for device in swaps[:1]:
        bus = hardware.disk_bus(image, machine, device.disk_bus)
        # the one size of a block device that is in MiB
        size = (device.volume_size or flavor.swap) * MIB
        target = names.take(bus, device.device_name)
        disks.append(
            DiskRecord(file=SWAP, content="swap", format=file_format, size=size, bus=bus, target=target)
        )
    bus = hardware.cdrom_bus(image, machine)
    disks.append(
        DiskRecord(
            file=CONFIG_DRIVE, content="config", format="raw", bus=bus, target=names.take(bus), device="cdrom"
        )
    )
    return GuestRecord(machine=machine, disks=tuple(disks), node=node, scsi_model=hardware.scsi_model(image))


def plan_move(
    conf: cfg.ConfigOpts, spec: ServerSpec, known: GuestRecord, arch: str, node: str
) -> GuestRecord:
    """The record of a guest that comes from elsewhere, or gets another flavor.

    Its hardware stays what it is, and each disk where the guest finds it. Disks grow to what the flavor has, and don't
    shrink; swap is there if the flavor has any, and has at most that size; new disks come after those that there are.

    :param spec: with the flavor that it gets.
    :param known: the record that it has.
    :param node: uuid of the compute node that is to have it.
    :raises GuestFailed: no room for one more disk.
    """
    wanted = {disk.file: disk for disk in plan(conf, spec, arch, node, known.machine).disks}
    swap = spec.server.flavor.swap * MIB
    if SWAP in wanted:
        wanted[SWAP] = msgspec.structs.replace(wanted[SWAP], size=min(wanted[SWAP].size or 0, swap))
    if not swap:
        wanted.pop(SWAP, None)
    disks = []
    for disk in known.disks:
        new = wanted.pop(disk.file, None)
        if disk.content == "swap":
            if new is not None:
                disks.append(msgspec.structs.replace(disk, size=new.size))
            continue
        if disk.device == "disk" and new is not None and new.size:
            disk = msgspec.structs.replace(disk, size=max(disk.size or 0, new.size))
        disks.append(disk)
    names = _Names(disk.target for disk in disks)
    for new in wanted.values():
        disks.append(msgspec.structs.replace(new, target=names.take(new.bus), boot_order=None))
    return msgspec.structs.replace(known, node=node, disks=tuple(disks))


def complete(planned: GuestRecord, base: Base) -> GuestRecord:
    """The record, with what is known after the image has been fetched."""
    disks = tuple(
        msgspec.structs.replace(disk, size=disk.size or base.virtual_size) if disk.content == "image" else disk
        for disk in planned.disks
    )
    return msgspec.structs.replace(planned, disks=disks, base=Path(base.path).name)


def _root(spec: ServerSpec, machine: str, file_format: str, names: "_Names") -> DiskRecord:
    image, flavor = spec.image, spec.server.flavor
    assert image is not None
    wish: BlockDevice | None = None
    for device in spec.block_devices:
        if device.source_type == "image" and device.destination_type == "local":
            if wish is not None or device.boot_index not in (0, None):
                raise GuestFailed(reason="Only the root disk can be made from an image")
            wish = device
        elif not _is_blank(device):
            raise GuestFailed(
                reason=f"Block devices from {device.source_type} to {device.destination_type} are not supported"
            )
    size = flavor.root_gb * GIB or None
    name = wish.device_name if wish else None
    if image.disk_format == "iso" or (wish and wish.device_type == "cdrom"):
        bus = (wish and wish.disk_bus) or hardware.cdrom_bus(image, machine)
        return DiskRecord(
            file="disk", content="image", format=file_format, bus=bus, target=names.take(bus, name), device="cdrom",
            boot_order=1,
        )  # fmt: skip
    bus = hardware.disk_bus(image, machine, wish.disk_bus if wish else None)
    target = names.take(bus, name)
    return DiskRecord(
        file="disk", content="image", format=file_format, size=size, bus=bus, target=target, boot_order=1
    )


def _is_blank(device: BlockDevice) -> bool:
    return device.source_type == "blank" and device.destination_type == "local"


def _blank(size: int, guest_format: str | None = None) -> BlockDevice:
    return BlockDevice(
        uuid="", source_type="blank", destination_type="local", volume_size=size, guest_format=guest_format
    )


def _order(boot_index: int | None) -> int | None:
    return boot_index + 1 if boot_index is not None and boot_index > 0 else None


def _default_filesystem(image: object) -> str:
    return "vfat" if hardware.os_type(image) == "windows" else "ext4"  # type: ignore[arg-type]


class _Names:
    """Hands out device names, each once.

    :param taken: those that are not to be had.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def take(self, bus: str, wish: str | None = None) -> str:
        """The wished name, when it suits the bus and is free, or the next one."""
        prefix = hardware.DEVICE_PREFIX[bus]
        if wish:
            name = wish.removeprefix("/dev/")
            if len(name) == 3 and name.startswith(prefix) and name[2] in string.ascii_lowercase:
                if name in self._taken:
                    raise GuestFailed(reason=f"Two block devices are called {name}")
                self._taken.add(name)
                return name
        for letter in string.ascii_lowercase:
            if (name := prefix + letter) not in self._taken:
                self._taken.add(name)
                return name
        raise GuestFailed(reason=f"No room for one more disk on bus {bus}")
