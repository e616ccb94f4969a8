"""[DEFAULT]: the compute daemon."""

from oslo_config import cfg

GROUP = None
OPTS = [
    cfg.StrOpt(
        "compute_driver",
        default="libvirt",
        help="The hypervisor: libvirt, fake (a hypervisor in memory), or the name under which a package offers a "
        "driver in the entry point group novalike.virt. Nova's spellings (libvirt.LibvirtDriver, "
        "fake.FakeDriver) are understood.",
    ),
    cfg.IntOpt(
        "max_concurrent_builds",
        default=10,
        min=0,
        help="Builds that run at a time on one host; others wait, in the order in which they came. 0 is no limit. "
        "A process runs 64 at a time, however many hosts it stands for.",
    ),
    cfg.BoolOpt(
        "vif_plugging_is_fatal",
        default=True,
        help="Whether a build fails when Neutron does not report an interface as plugged in time.",
    ),
    cfg.IntOpt(
        "vif_plugging_timeout",
        default=300,
        min=0,
        help="Seconds to wait for Neutron's network-vif-plugged. 0 is not to wait.",
    ),
    cfg.FloatOpt(
        "neighbour_patience",
        default=60.0,
        min=0,
        help="Seconds for which a step of an operation is tried again while Placement, Neutron, Glance or the "
        "hypervisor can't be reached; then it fails. A delete goes on trying.",
    ),
    cfg.BoolOpt(
        "allow_resize_to_same_host",
        default=False,
        help="Whether a resize may stay on the host that the server is on. Read by novalike-conductor. A migration "
        "never does.",
    ),
    cfg.IntOpt(
        "resize_confirm_window",
        default=0,
        min=0,
        help="Seconds after which a resize or a cold migration that was neither confirmed nor reverted is confirmed. "
        "0 is never. Read by novalike-conductor.",
    ),
    cfg.IntOpt("shutdown_timeout", default=60, min=0, help="Seconds that a guest has to shut down cleanly."),
    cfg.IntOpt(
        "update_resources_interval",
        default=60,
        min=1,
        help="Seconds between two full reports of what a host has.",
    ),
    cfg.IntOpt(
        "sync_power_state_interval",
        default=600,
        min=-1,
        help="Seconds between two comparisons of recorded and real power states; -1 is never.",
    ),
    cfg.IntOpt(
        "heal_instance_info_cache_interval",
        default=-1,
        min=-1,
        help="Every so many seconds, the network information of one server of each host is read from Neutron again, "
        "one server after the other; -1 and 0 are never. Neutron reports changes by itself: this is for clouds in "
        "which such reports get lost.",
    ),
    cfg.FloatOpt("cpu_allocation_ratio", default=4.0, min=0.1, help="Virtual CPUs per physical one."),
    cfg.FloatOpt("ram_allocation_ratio", default=1.0, min=0.1, help="Memory promised per memory there is."),
    cfg.FloatOpt("disk_allocation_ratio", default=1.0, min=0.1, help="Disk promised per disk there is."),
    cfg.IntOpt("reserved_host_cpus", default=0, min=0, help="CPUs kept for the host itself."),
    cfg.IntOpt("reserved_host_memory_mb", default=512, min=0, help="MiB of memory kept for the host itself."),
    cfg.IntOpt("reserved_host_disk_mb", default=0, min=0, help="MiB of disk kept for the host itself."),
    cfg.BoolOpt("force_config_drive", default=False, help="Give every server a config drive."),
    cfg.StrOpt("dhcp_domain", default="novalocal", help="Domain appended to host names in metadata."),
]
