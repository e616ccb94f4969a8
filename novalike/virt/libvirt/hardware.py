"""Which virtual hardware a guest gets: image properties first, then flavor, then configuration.

Pure functions. What is asked for and can't be had is refused: a guest that silently lacks a thing is worse.
"""

from typing import Any

from oslo_config import cfg
from oslo_utils import strutils

from novalike.objects.flavor import Flavor
from novalike.objects.image import Image
from novalike.virt.driver import GuestFailed
from novalike.virt.libvirt.guestspec import Cpu, Rng

DISK_BUSES = {
    "pc": ("virtio", "scsi", "ide", "sata", "usb", "fdc"),
    "q35": ("virtio", "scsi", "sata", "usb", "fdc"),
    "other": ("virtio", "scsi", "usb"),
}
VIF_MODELS = ("virtio", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "vmxnet3")
VIDEO_MODELS = ("vga", "cirrus", "vmvga", "qxl", "virtio", "bochs", "none")
# Nova's name → libvirt's
SCSI_MODELS = {"virtio-scsi": "virtio-scsi", "lsilogic": "lsilogic", "lsisas1068": "lsisas1068",
               "lsisas1078": "lsisas1078", "vmpvscsi": "vmpvscsi"}  # fmt: skip
WATCHDOG_ACTIONS = ("poweroff", "reset", "pause", "none", "disabled")
DEVICE_PREFIX = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}


def properties(image: Image | None) -> dict[str, Any]:
    """An image's properties."""
    return dict(image.properties) if image else {}


def is_true(value: Any) -> bool:
    """Whether a property or extra spec says yes."""
    return strutils.bool_from_string(value, default=False)


def _one_of(what: str, value: Any, allowed: tuple[str, ...]) -> str:
    if value not in allowed:
        raise GuestFailed(reason=f"{what} {value!r} is not possible here: only {', '.join(allowed)}")
    return str(value)


def machine_type(conf: cfg.ConfigOpts, image: Image | None, arch: str) -> str:
    """The machine type: an image's wish, or what ``[libvirt] hw_machine_type`` has for the architecture."""
    wish = properties(image).get("hw_machine_type")
    if wish:
        return str(wish)
    for entry in conf.libvirt.hw_machine_type:
        name, _, machine = entry.partition("=")
        if name == arch and machine:
            return str(machine)
    return {"x86_64": "q35", "i686": "pc"}.get(arch, "virt")


def machine_family(machine: str) -> str:
    """``pc``, ``q35`` or ``other``: decides on the buses."""
    if machine == "pc" or machine.startswith(("pc-i440fx", "pc-0.", "pc-1.")):
        return "pc"
    return "q35" if "q35" in machine else "other"


def disk_bus(image: Image | None, machine: str, wish: str | None = None) -> str:
    """The bus of a disk. ``wish`` is the block device's own."""
    allowed = DISK_BUSES[machine_family(machine)]
    value = wish or properties(image).get("hw_disk_bus") or "virtio"
    return _one_of(f"Disk bus on machine type {machine}:", value, allowed)


def cdrom_bus(image: Image | None, machine: str) -> str:
    """The bus of CDs."""
    family = machine_family(machine)
    default = {"pc": "ide", "q35": "sata"}.get(family, "scsi")
    allowed = tuple(bus for bus in DISK_BUSES[family] if bus not in ("virtio", "fdc"))
    return _one_of(
        f"CD-ROM bus on machine type {machine}:", properties(image).get("hw_cdrom_bus") or default, allowed
    )


def scsi_model(image: Image | None) -> str:
    """The SCSI controller's model."""
    value = _one_of("SCSI model", properties(image).get("hw_scsi_model") or "virtio-scsi", tuple(SCSI_MODELS))
    return SCSI_MODELS[value]


def vif_model(image: Image | None) -> str:
    """The network cards' model."""
    return _one_of("Network card model", properties(image).get("hw_vif_model") or "virtio", VIF_MODELS)


def vif_queues(image: Image | None, flavor: Flavor) -> int:
    """Queue pairs of a virtio network card."""
    spec = flavor.extra_specs.get("hw:vif_multiqueue_enabled")
    wanted = is_true(spec) if spec is not None else is_true(properties(image).get("hw_vif_multiqueue_enabled"))
    return min(flavor.vcpus, 8) if wanted else 1


def video_model(image: Image | None, *, has_screen: bool) -> str | None:
    """The graphics card; None is none. Images can ask for none."""
    value = _one_of("Video model", properties(image).get("hw_video_model") or "vga", VIDEO_MODELS)
    return None if value == "none" and not has_screen else value if has_screen else None


def firmware(image: Image | None) -> str:
    """``bios`` or ``uefi``."""
    return _one_of("Firmware type", properties(image).get("hw_firmware_type") or "bios", ("bios", "uefi"))


def os_type(image: Image | None) -> str:
    """``linux`` unless the image says otherwise."""
    return str(properties(image).get("os_type") or "linux")


def watchdog_action(image: Image | None, flavor: Flavor) -> str | None:
    """What a watchdog does; None is no watchdog."""
    value = properties(image).get("hw_watchdog_action") or flavor.extra_specs.get("hw:watchdog_action")
    value = _one_of("Watchdog action", value or "disabled", WATCHDOG_ACTIONS)
    return None if value == "disabled" else value


def rng(conf: cfg.ConfigOpts, image: Image | None, flavor: Flavor) -> Rng | None:
    """A random number device: the image asks for it, the flavor may forbid or limit it."""
    model = properties(image).get("hw_rng_model")
    if not model or not is_true(flavor.extra_specs.get("hw_rng:allowed", "true")):
        return None
    _one_of("Random number generator model", model, ("virtio",))
    rate = flavor.extra_specs.get("hw_rng:rate_bytes")
    period = flavor.extra_specs.get("hw_rng:rate_period")
    try:
        return Rng(
            source=conf.libvirt.rng_dev_path,
            rate_bytes=int(rate) if rate else None,
            rate_period=int(period) if period else None,
        )
    except ValueError as e:
        raise GuestFailed(reason=f"Extra spec hw_rng:rate_bytes or hw_rng:rate_period: {e}") from e


def cpu(conf: cfg.ConfigOpts, image: Image | None, flavor: Flavor) -> Cpu:
    """Model and topology."""
    mode = conf.libvirt.cpu_mode or ("host-model" if conf.libvirt.virt_type == "kvm" else "maximum")
    if mode == "host-passthrough" and conf.libvirt.virt_type == "qemu":
        mode = "maximum"  # there is no host processor to pass through: this is the nearest that QEMU has
    sockets, cores, threads = topology(image, flavor)
    return Cpu(
        mode=None if mode == "none" else mode,
        model=conf.libvirt.cpu_models[0] if mode == "custom" else None,
        sockets=sockets,
        cores=cores,
        threads=threads,
    )


def topology(image: Image | None, flavor: Flavor) -> tuple[int, int, int]:
    """Sockets, cores per socket, threads per core, whose product is the number of virtual CPUs.

    Wishes (``hw:cpu_sockets`` …) are followed as far as they fit together, limits (``hw:cpu_max_sockets`` …)
    always. More sockets win over more cores over more threads, as licences of old systems want it.
    """
    wished = [_number(image, flavor, name) for name in ("cpu_sockets", "cpu_cores", "cpu_threads")]
    limits = [_number(image, flavor, f"cpu_max_{name}") for name in ("sockets", "cores", "threads")]
    vcpus = flavor.vcpus
    possible = [
        (sockets, cores, vcpus // (sockets * cores))
        for sockets in range(1, vcpus + 1)
        if vcpus % sockets == 0
        for cores in range(1, vcpus // sockets + 1)
        if vcpus % (sockets * cores) == 0
    ]
    possible = [
        shape for shape in possible if all(not limit or n <= limit for n, limit in zip(shape, limits, strict=True))
    ]
    if not possible:
        raise GuestFailed(reason=f"No CPU topology for {vcpus} vCPUs is within the limits of flavor and image")

    def rank(shape: tuple[int, int, int]) -> tuple[int, int, int, int]:
        return (sum(n == wish for n, wish in zip(shape, wished, strict=True) if wish), *shape)

    return max(possible, key=rank)


def _number(image: Image | None, flavor: Flavor, name: str) -> int:
    value = flavor.extra_specs.get(f"hw:{name}") or properties(image).get(f"hw_{name}") or 0
    try:
        return int(value)
    except ValueError as e:
        raise GuestFailed(reason=f"hw:{name} is {value!r}, which is no number") from e
