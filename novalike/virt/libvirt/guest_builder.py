"""From a server, its record and its interfaces to the guest that libvirt is to define. Pure but for one look
at which files are there."""

from importlib.metadata import version
from pathlib import Path

from oslo_config import cfg

from novalike.objects.server import ServerSpec
from novalike.virt.driver import GuestFailed
from novalike.virt.guest import Guest
from novalike.virt.libvirt import hardware, interfaces
from novalike.virt.libvirt.guest_record import GuestRecord
from novalike.virt.libvirt.guestspec import Boot, Description, Disk, GuestSpec

CONSOLE_LOG = "console.log"
# Variables of UEFI firmware: in the guest's folder, so that they go where its disks go.
NVRAM = "nvram.fd"


def build(
    conf: cfg.ConfigOpts,
    guest: Guest,
    record: GuestRecord,
    folder: Path,
    *,
    node: str,
    arch: str,
    cache_mode: str,
    nvram: str | None = None,
) -> GuestSpec:
    """Return the guest as libvirt is to have it.

    :param node: uuid of this compute node.
    :param folder: where its disks are.
    :param cache_mode: QEMU's cache mode for disks.
    :param nvram: where its firmware's variables are, if libvirt has put them outside of the folder.
    :raises GuestFailed: something that is asked for can't be had.
    """
    spec = guest.spec
    image, flavor = spec.image, spec.server.flavor
    has_screen = bool(conf.vnc.enabled)
    queues = hardware.vif_queues(image, flavor)
    return GuestSpec(
        uuid=guest.uuid,
        name=guest.name,
        virt_type=conf.libvirt.virt_type,
        memory_mb=flavor.memory_mb,
        vcpus=flavor.vcpus,
        cpu=hardware.cpu(conf, image, flavor),
        boot=_boot(spec, record, arch, nvram or str(folder / NVRAM)),
        disks=_disks(record, folder, cache_mode, guest.uuid),
        interfaces=tuple(interfaces.interface(vif, image, queues) for vif in guest.vifs),
        description=_describe(guest, node),
        console_log=str(folder / CONSOLE_LOG),
        version=version("novalike"),
        os_type=hardware.os_type(image),
        vnc_listen=conf.vnc.server_listen if has_screen else None,
        video=hardware.video_model(image, has_screen=has_screen),
        rng=hardware.rng(conf, image, flavor),
        guest_agent=hardware.is_true(hardware.properties(image).get("hw_qemu_guest_agent")),
        usb_tablet=bool(conf.libvirt.use_usb_tablet),
        watchdog=hardware.watchdog_action(image, flavor),
        scsi_model=record.scsi_model,
    )


def _boot(spec: ServerSpec, record: GuestRecord, arch: str, nvram: str) -> Boot:
    properties = hardware.properties(spec.image)
    command_line = None
    if record.kernel:
        wish = properties.get("os_command_line")
        command_line = str(wish) if wish else f"root={record.root_device} console=tty0 console=ttyS0,115200"
    elif properties.get("os_command_line"):
        raise GuestFailed(reason="Image property os_command_line needs an image with a kernel_id")
    menu = spec.server.flavor.extra_specs.get("hw:boot_menu", properties.get("hw_boot_menu"))
    firmware = hardware.firmware(spec.image)
    return Boot(
        machine=record.machine,
        arch=arch,
        firmware=firmware,
        nvram=nvram if firmware == "uefi" else None,
        kernel=record.kernel,
        ramdisk=record.ramdisk,
        command_line=command_line,
        menu=hardware.is_true(menu),
    )


def _disks(record: GuestRecord, folder: Path, cache_mode: str, uuid: str) -> tuple[Disk, ...]:
    disks = []
    for disk in record.disks:
        path = folder / disk.file
        if not path.exists():
            if disk.content == "config":
                continue
            raise GuestFailed(reason=f"Disk {disk.file} of instance {uuid} is missing")
        disks.append(
            Disk(
                path=str(path),
                format=disk.format,
                target=disk.target,
                bus=disk.bus,
                device=disk.device,
                cache=cache_mode,
                boot_order=disk.boot_order,
            )
        )
    return tuple(disks)


def _describe(guest: Guest, node: str) -> Description:
    server, image = guest.spec.server, guest.spec.image
    flavor = server.flavor
    return Description(
        node=node,
        name=server.name,
        created_at=server.created_at.replace(microsecond=0).isoformat(sep=" "),
        flavor_name=flavor.name,
        flavor_id=flavor.flavor_id,
        memory_mb=flavor.memory_mb,
        root_gb=flavor.root_gb,
        ephemeral_gb=flavor.ephemeral_gb,
        swap=flavor.swap,
        vcpus=flavor.vcpus,
        project_id=server.project_id,
        user_id=server.user_id,
        image_id=image.id if image else None,
        ports=tuple((vif.port_id, tuple(ip.address for ip in vif.fixed_ips)) for vif in guest.vifs),
    )
