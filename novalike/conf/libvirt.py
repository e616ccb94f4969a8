"""[libvirt]: the libvirt driver."""

from oslo_config import cfg

GROUP = cfg.OptGroup("libvirt", title="libvirt")
OPTS = [
    cfg.StrOpt(
        "virt_type",
        default="kvm",
        choices=[("kvm", "hardware virtualization"), ("qemu", "emulation, for hosts without it")],
        help="How guests are run.",
    ),
    cfg.StrOpt("connection_uri", default="qemu:///system", help="URI of the libvirt daemon."),
    cfg.StrOpt(
        "images_type",
        default="qcow2",
        choices=[("qcow2", "an overlay on the cached image"), ("raw", "a full copy of the image"),
                 ("flat", "the same as raw"), ("default", "the same as qcow2")],
        help="Format of guests' disks.",
    ),
    cfg.StrOpt(
        "cpu_mode",
        choices=["none", "host-model", "host-passthrough", "maximum", "custom"],
        help="CPU that guests see. Unset: host-model with kvm, maximum with qemu.",
    ),
    cfg.ListOpt("cpu_models", default=[], help="CPU models, best first, for cpu_mode custom."),
    cfg.ListOpt(
        "hw_machine_type",
        default=[],
        help="Machine type by architecture, for example x86_64=q35. Unset: q35 for x86_64.",
    ),
    cfg.StrOpt(
        "disk_cachemode",
        default="none",
        choices=["none", "writeback", "writethrough", "directsync", "unsafe", "default"],
        help="QEMU's cache mode of guests' disks. Where the file system has no O_DIRECT, writeback is used "
        "instead of none.",
    ),
    cfg.IntOpt("threads", default=8, min=1, help="Real threads for calls to libvirt, which block."),
    cfg.IntOpt(
        "wait_soft_reboot_seconds",
        default=120,
        min=1,
        help="Seconds that a guest has to follow a soft reboot before it is rebooted the hard way.",
    ),
    cfg.BoolOpt("use_usb_tablet", default=True, help="Give guests an absolute pointer."),
    cfg.StrOpt("rng_dev_path", default="/dev/urandom", help="Where guests' random number devices read."),
    cfg.StrOpt(
        "live_migration_uri",
        default="qemu+tcp://%s/system",
        help="URI of another host's libvirt daemon, from which this host fetches the disks of servers that are resized "
        "or migrated to it. %s stands for the other host's live_migration_inbound_addr. qemu+tcp asks nobody who he "
        "is and encrypts nothing: use qemu+tls://%s/system wherever others can reach the hosts' network.",
    ),
    cfg.HostAddressOpt(
        "live_migration_inbound_addr",
        default="$my_ip",
        help="Address or name under which other hosts reach this host's libvirt daemon, put for %s into their "
        "live_migration_uri. With qemu+tls it must be one that this host's certificate names.",
    ),
    cfg.IntOpt("console_log_bytes", default=100 * 1024, min=1024, help="Bytes of console log handed out."),
]  # fmt: skip
