"""A guest, as the functions in ``guestxml`` need it: everything decided, nothing looked up."""

import dataclasses


@dataclasses.dataclass(frozen=True, kw_only=True)
class Cpu:
    """``mode`` is libvirt's, or None to leave it to the hypervisor; ``model`` is for mode ``custom``."""

    mode: str | None
    sockets: int
    cores: int
    threads: int
    model: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Boot:
    """Firmware and, for images without a boot loader, the kernel.

    :param firmware: ``bios`` or ``uefi``.
    :param nvram: the file with the variables of UEFI firmware; None: libvirt puts it somewhere.
    """

    machine: str
    arch: str = "x86_64"
    firmware: str = "bios"
    nvram: str | None = None
    kernel: str | None = None
    ramdisk: str | None = None
    command_line: str | None = None
    menu: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Disk:
    """A disk or CD.

    :param target: the guest's device, without ``/dev/``; only virtual hardware of that name, no promise.
    :param boot_order: place in the firmware's order, from 1.
    """

    path: str
    format: str
    target: str
    bus: str
    device: str = "disk"
    cache: str = "none"
    serial: str | None = None
    boot_order: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Interface:
    """A network interface.

    :param kind: ``ethernet`` (a tap that somebody else connects) or ``bridge``.
    :param tap_exists: the tap is there already; libvirt must neither make nor remove it.
    :param queues: pairs of virtio queues; 1 is the hypervisor's default.
    """

    kind: str
    mac: str
    device: str
    model: str
    bridge: str | None = None
    mtu: int | None = None
    tap_exists: bool = False
    queues: int = 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Rng:
    """A random number device. ``rate_bytes`` per ``rate_period`` milliseconds; None is without limit."""

    source: str
    rate_bytes: int | None = None
    rate_period: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Description:
    """Who the guest is, for people and tools that look at the hypervisor.

    :param node: uuid of the compute node that made it: two clouds may share a libvirt.
    """

    node: str
    name: str
    created_at: str
    flavor_name: str
    flavor_id: str
    memory_mb: int
    root_gb: int
    ephemeral_gb: int
    swap: int
    vcpus: int
    project_id: str
    user_id: str
    image_id: str | None
    ports: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclasses.dataclass(frozen=True, kw_only=True)
class GuestSpec:
    """A guest.

    :param virt_type: libvirt's domain type.
    :param vnc_listen: address of its VNC server; None is none.
    :param watchdog: what happens when the guest's watchdog runs out; None is no watchdog.
    :param os_type: ``linux``, ``windows`` … : decides on clock and Hyper-V hints.
    """

    uuid: str
    name: str
    virt_type: str
    memory_mb: int
    vcpus: int
    cpu: Cpu
    boot: Boot
    disks: tuple[Disk, ...]
    interfaces: tuple[Interface, ...]
    description: Description
    console_log: str
    version: str
    os_type: str = "linux"
    vnc_listen: str | None = None
    video: str | None = None
    rng: Rng | None = None
    guest_agent: bool = False
    usb_tablet: bool = False
    watchdog: str | None = None
    scsi_model: str = "virtio-scsi"
