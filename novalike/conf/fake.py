"""[fake]: the hypervisor in memory."""

from oslo_config import cfg

GROUP = cfg.OptGroup("fake", title="Fake hypervisor")
OPTS = [
    cfg.IntOpt("hosts", default=1, min=1, help="Hosts that one process stands for."),
    cfg.StrOpt(
        "host_prefix",
        help="Names of the hosts, to which a number is appended (fake001 …). Unset: with one host its name is "
        "[DEFAULT] host, with several that is the prefix.",
    ),
    cfg.IntOpt("vcpus", default=1000, min=1, help="CPUs of each host."),
    cfg.IntOpt("memory_mb", default=800000, min=1, help="MiB of memory of each host."),
    cfg.IntOpt("local_gb", default=600000, min=1, help="GiB of disk of each host."),
    cfg.FloatOpt("spawn_latency", default=0.0, min=0, help="Seconds that a guest takes to start."),
    cfg.FloatOpt("operation_latency", default=0.0, min=0, help="Seconds that every other action takes."),
    cfg.FloatOpt(
        "failure_rate", default=0.0, min=0, max=1, help="Share of spawns that fail, chosen at random."
    ),
    cfg.BoolOpt(
        "keep_guests",
        default=True,
        help="Keep the guests in a file below state_path, so that they outlive the process like real ones.",
    ),
]
