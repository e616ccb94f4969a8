"""All weighers, and those that the configuration asks for."""

import logging
from operator import attrgetter

from oslo_config import cfg

from novalike.scheduler.weighers.base import Weigher

LOG = logging.getLogger(__name__)

OPTION = "[filter_scheduler] weight_classes"
ALL = "all_weighers"
IN_TREE = (
    Weigher("RAMWeigher", "ram_weight_multiplier", attrgetter("free_memory_mb"), floor=0),
    Weigher("CPUWeigher", "cpu_weight_multiplier", attrgetter("free_vcpus"), floor=0),
    Weigher("DiskWeigher", "disk_weight_multiplier", attrgetter("free_disk_gb"), floor=0),
    Weigher("IoOpsWeigher", "io_ops_weight_multiplier", attrgetter("num_io_ops"), floor=0),
    Weigher("NumInstancesWeigher", "num_instances_weight_multiplier", attrgetter("num_instances")),
    Weigher(
        "HypervisorVersionWeigher",
        "hypervisor_version_weight_multiplier",
        attrgetter("state.hypervisor_version"),
        constant=True,
    ),
    Weigher(
        "BuildFailureWeigher",
        "build_failure_weight_multiplier",
        attrgetter("state.failed_builds"),
        sign=-1,
        constant=True,
    ),
)
NOT_HERE = {
    "CrossCellWeigher", "ImagePropertiesWeigher", "MetricsWeigher", "PCIWeigher",
    "ServerGroupSoftAffinityWeigher", "ServerGroupSoftAntiAffinityWeigher",
}  # fmt: skip
"""Nova's others: about things that hosts here don't have yet."""


def load_weighers(conf: cfg.ConfigOpts) -> list[Weigher]:
    """The weighers that the configuration asks for: all, or those whose classes (in Nova) it lists.

    :raises SystemExit: the option names one that doesn't exist.
    """
    names = [path.rpartition(".")[2] for path in conf.filter_scheduler.weight_classes]
    if ALL in names:
        return list(IN_TREE)
    by_name = {weigher.name: weigher for weigher in IN_TREE}
    for name in names:
        if name not in by_name and name not in NOT_HERE:
            raise SystemExit(f"{OPTION}: there is no weigher {name!r}. There are: {', '.join(by_name)}")
        if name in NOT_HERE:
            LOG.warning("%s: %s has nothing to weigh here, and is left out", OPTION, name)
    return [by_name[name] for name in names if name in by_name]
